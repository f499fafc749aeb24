"""Options that several commands share, and the types of their values.

Only what is light is imported at the top, because the commands of the on-call have to start fast.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from gameday import registries
from gameday.registries import Registry

F = TypeVar("F", bound=Callable[..., Any])


class FilePath(click.Path):
    """A path that isn't empty: an empty one, mostly of an unset variable, would mean the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not os.fspath(value):
            self.fail("the path is empty; leave the option out for its default", param, ctx)
        return super().convert(value, param, ctx)


EXECUTABLE = FilePath(exists=True, dir_okay=False, executable=True)
PAGE_TO = (
    "Also send pages to this receiver: slack=URL, json=URL, pagerduty=KEY. Or GAMEDAY_PAGE_TO. Repeatable."
)


class RegisteredName(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.3 on
    """A name of a registry, or one of `others`; no plug-in is loaded to check it."""

    name = "name"

    def __init__(self, registry: Registry[Any], *others: str) -> None:
        self._registry = registry
        self._others = others

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name. Raise a usage error that names the nearest one if it isn't registered."""
        if value in self._others or value in self._registry:
            return str(value)
        from gameday.scenario.yaml_document import nearest

        hint = nearest(str(value), (*self._others, *self._registry))
        raise click.BadParameter(f"unknown {self._registry.noun} {value!r}: {hint}", ctx, param)

    def get_metavar(self, *_: Any, **__: Any) -> str:
        return f"[{'|'.join((*self._others, *self._registry))}]"


RESPONDER = RegisteredName(registries.RESPONDERS)
SUBSTRATE = RegisteredName(registries.SUBSTRATES, "auto")


def read_duration(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """Read a duration such as `2m` in seconds; None if the option isn't given."""
    from gameday.scenario.units import seconds

    try:
        return None if value is None else seconds(value)
    except ValueError as error:
        raise click.BadParameter(str(error).replace("\n", "; ")) from error


def _read_targets(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[Any, ...]:
    from gameday.paging.target import read_target

    try:
        return tuple(read_target(value) for value in values)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


substrate_option = click.option(
    "--substrate", type=SUBSTRATE, default="auto", show_default=True, help="Where the system runs."
)
out_option = click.option(
    "--out",
    type=FilePath(path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Folder of the runs.",
)
seed_option = click.option(
    "--seed", type=click.IntRange(0, 2**31 - 1), help="Repeat the arrivals of this seed. [default: random]"
)
toxiproxy_option = click.option(
    "--toxiproxy-server",
    "toxiproxy",
    type=EXECUTABLE,
    help="Run this Toxiproxy instead of the embedded link server.",
)
page_to_option = click.option(
    "--page-to",
    multiple=True,
    callback=_read_targets,
    envvar="GAMEDAY_PAGE_TO",
    help=PAGE_TO,
    metavar="TARGET",
)
repeat_option = click.option(
    "--repeat", type=click.IntRange(1, 1000), default=1, help="Trials of each scenario, one seed each."
)
variant_option = click.option(
    "--variant", metavar="NAME", help="Run only this variant of the scenario's matrix."
)


allow_target_option = click.option(
    "--allow-target",
    multiple=True,
    metavar="HOST",
    help="Let load go to this public host; targets are private otherwise. Repeatable.",
)


def execution_options(command: F) -> F:
    """Add the options of every command that runs scenarios: `--substrate`, `--out`, `--toxiproxy-server`."""
    return substrate_option(out_option(toxiproxy_option(command)))


console_option = click.option(
    "--console", is_flag=True, help="Serve a live page for each role, and print their links."
)
console_host_option = click.option(
    "--console-host",
    default="127.0.0.1",
    show_default=True,
    help="Address of the live pages, for a projector or other machines.",
)
console_port_option = click.option(
    "--console-port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Port of the live pages. [default: a free one]",
)


def console_options(command: F) -> F:
    """Add `--console`, `--console-host` and `--console-port`."""
    return console_option(console_host_option(console_port_option(command)))


def json_option(content: str) -> Callable[[F], F]:
    """Return the option `--json` of a command that can print this content as JSON."""
    text = f"Print {content} as JSON on standard output."
    return click.option("--json", "as_json", is_flag=True, help=text)


def dry_run_option(help_: str) -> Callable[[F], F]:
    """Return the option `--dry-run`; the help says what it prints."""
    return click.option("--dry-run", is_flag=True, help=help_)


def tag_option(help_: str) -> Callable[[F], F]:
    """Return the repeatable option `--tag`; a scenario with any of the tags matches."""
    return click.option("--tag", "tags", multiple=True, metavar="TAG", help=f"{help_} Repeatable.")


def page_option(default: str) -> Callable[[F], F]:
    """Return the option `--html`, the path of the page that a command writes."""
    type_ = FilePath(dir_okay=False, path_type=Path)
    return click.option("--html", type=type_, help=f"Path of the page. [default: {default}]")
