"""`gameday drill`: time a person who answers a fault without knowing it, then automation on the same fault.

Until the end, terminal, process list, operators' API and files hide the scenario and the moment of its fault
(`recording.sealed_files`).
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from gameday.analysis import Outcome
from gameday.analysis.outcome.run_verdict import INTERRUPTED, PASS
from gameday.cli.options import (
    console_options,
    dry_run_option,
    execution_options,
    json_option,
    page_to_option,
    read_duration,
    tag_option,
)
from gameday.execution import library
from gameday.execution.live_console.shown_run import console_of
from gameday.execution.preparation import choose_substrate, ensure_writable
from gameday.execution.system_reuse import Signals, SystemReuse, wanted
from gameday.execution.trial import Options, Trial, new_id, play
from gameday.scenario import Scenario
from gameday.scenario.yaml_document import Invalid, Problem

EPILOG = """\b
Examples:
  gameday drill --surprise                     a scenario that you don't know, at a moment that you don't know
  gameday drill --surprise --tag region --within 30m --up-to 2h
  gameday drill bad-deploy-pricing --page-to slack=https://hooks.example/T1
  gameday drill --surprise --dry-run           what may be drawn

\b
The person on call works in another terminal:
  gameday status                               alerts, SLOs, changes and who shipped them, regions
  gameday ack
  gameday rollback pricing --as on-call
  gameday note "customers call in" --as support"""
RESPONSE = ("tta", "ttr", "ttfr")
"""Clocks of the response: a scenario's expectations on them are meant for automation, not for people."""
DEFAULT_EXPECTATION = "recovered"


def _expressions(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    from gameday.analysis.expressions.expectations import check

    for value in values:
        if why := check(value):
            raise click.BadParameter(why.replace("\n", "; "))
    return values


@click.command(epilog=EPILOG)
@click.argument("scenario", required=False)
@click.option("--surprise", is_flag=True, help="Draw one of the library's scenarios.")
@tag_option("Draw from scenarios with this tag. [default: drill]")
@click.option(
    "--within",
    callback=read_duration,
    default="2m",
    show_default=True,
    help="The fault comes at a random moment within this time.",
)
@click.option(
    "--up-to",
    callback=read_duration,
    default="1h",
    show_default=True,
    help="Give up after this time from the fault on.",
)
@click.option(
    "--expect",
    multiple=True,
    callback=_expressions,
    metavar="EXPR",
    help="What is expected of the person, such as ttr < 15m. Repeatable.",
)
@click.option(
    "--auto/--no-auto",
    "beside",
    default=True,
    show_default=True,
    help="Let automation answer the same scenario afterwards.",
)
@page_to_option
@console_options
@execution_options
@dry_run_option("Say what may be drawn and what is expected; start nothing.")
@json_option("both outcomes")
@click.option("--envelope", type=int, hidden=True)
def drill(
    scenario: str | None,
    surprise: bool,
    tags: tuple[str, ...],
    within: float,
    up_to: float,
    expect: tuple[str, ...],
    beside: bool,
    page_to: tuple[Any, ...],
    substrate: Any,
    out: Path,
    toxiproxy: str | None,
    dry_run: bool,
    as_json: bool,
    console: bool,
    console_host: str,
    console_port: int,
    envelope: int | None,
) -> int:
    """Time the on-call in SCENARIO, or in one drawn by --surprise, which starts at a random moment.

    Until the end nothing reveals which scenario it is or when it starts. The page goes to this terminal, with a bell,
    and to --page-to. Wrong operations are carried out too, and counted. At the end there are the times of the person,
    those of automation, and a page that compares them.
    """
    scenario = _open_envelope(envelope) if envelope is not None else scenario
    drawable = _drawable(scenario, surprise, tags or ("drill",))
    if dry_run:
        _print_drawable(drawable, expect)
        return PASS
    ensure_writable(out)
    if scenario and envelope is None:
        _hide(scenario)
    path, drawn = secrets.choice(drawable)
    options = Options(substrate, out, None, {}, "human", as_json, toxiproxy, None, page_to)
    with console_of(console, console_host, console_port, without=["facilitator"], title="Drill") as hub:
        options = replace(options, console=hub)
        return _run_drill(path, drawn, for_people(drawn, expect, up_to), options, within, compare=beside)


def for_people(scenario: Scenario, expect: Sequence[str], up_to: float) -> Scenario:
    """Return the scenario for a person: it gives up after `up_to` seconds and expects what people can be held to.

    These are `expect`, else the scenario's expectations except those on tta, ttr and ttfr, else that users recover.
    """
    from gameday.analysis.expressions.expectations import parse

    kept = [expr for expr in scenario.expect if not {path[0] for path in parse(expr).used} & set(RESPONSE)]
    respond = scenario.respond.answered_by("human")
    changed = {"respond": respond, "give_up": up_to, "expect": tuple(expect or kept or [DEFAULT_EXPECTATION])}
    return scenario.model_copy(update=changed)


def _run_drill(
    path: Path, scenario: Scenario, person: Scenario, options: Options, within: float, *, compare: bool
) -> int:
    """Run the person's half, then automation's on the same system; return the exit status of the person's."""
    chosen, why, options = choose_substrate(options)
    folder, seed = options.out / f"{new_id()}-drill", secrets.randbelow(2**31 - 1000)
    runs: dict[str, Outcome] = {}
    kept = SystemReuse()
    with Signals().caught() as signals:
        try:
            kept.then = wanted(scenario) if compare else None
            trial = Trial(path, person, seed, chosen, why, secret=within)
            runs["on-call"] = play(trial, options, folder, kept, signals)
            if compare and not signals.asked:
                kept.then = None
                click.echo("drill  now automation answers the same scenario, to compare", err=True)
                alone = replace(options, responder=None, page_to=(), console=None)
                runs["automation"] = play(
                    Trial(path, _automated(scenario), seed, chosen, why), alone, folder, kept, signals
                )
        finally:
            kept.finish()
        _write_comparison(folder, runs, as_json=options.as_json)
    return INTERRUPTED if signals.asked else runs["on-call"].exit_status


def _automated(scenario: Scenario) -> Scenario:
    """Return the scenario with automation: its own, or the policy for regions and changes if it has none."""
    if scenario.respond.by == "auto":
        return scenario
    respond = scenario.respond.answered_by("auto", "failover-then-rollback")
    return scenario.model_copy(update={"respond": respond})


def _write_comparison(folder: Path, runs: Mapping[str, Outcome], *, as_json: bool) -> None:
    """Write and print the comparison of both halves, if both ran, and their JSON."""
    from gameday.execution.matrix_result import conclude

    if len(runs) > 1:
        conclude(
            folder,
            {name: folder / outcome.run.id for name, outcome in runs.items()},
            name="drill",
            on_stdout=not as_json,
        )
    if as_json:
        click.echo(json.dumps({name: outcome.document() for name, outcome in runs.items()}, indent=2))


def _drawable(scenario: str | None, surprise: bool, tags: Sequence[str]) -> list[tuple[Path, Scenario]]:
    """Return the named scenario, or all with one of the tags. Raise Invalid or UsageError if there is none."""
    if bool(scenario) == surprise:
        raise click.UsageError("name a SCENARIO, or let --surprise draw one")
    if scenario:
        path = library.find(scenario)
        named = library.read(path)
        library.topology(named)
        if why := _unfit(named):
            raise Invalid([Problem(str(path), 0, 0, *why)])
        return [(path, named)]
    paths = [path for path in library.paths().values() if any(tag in path.read_text("utf-8") for tag in tags)]
    read = [(path, library.read(path)) for path in paths]
    drawable = [
        (path, scenario) for path, scenario in read if set(scenario.tags) & set(tags) and not _unfit(scenario)
    ]
    if not drawable:
        raise click.UsageError(f"no scenario for a drill has the tag {' or '.join(tags)}; see gameday list")
    return drawable


def _unfit(scenario: Scenario) -> tuple[str, str] | None:
    """Return why the scenario can't be a drill, and what to do instead; None if it can."""
    if scenario.matrix:
        return "has a matrix", "a drill is one run: name a scenario without one"
    for entry in scenario.timeline:
        if entry.action.startswith("load."):
            hint = "the plan of the load would reveal it; name another scenario"
            return f"has {entry.action}, which can't be kept secret", hint
    return None


def _print_drawable(drawable: Sequence[tuple[Path, Scenario]], expect: Sequence[str]) -> None:
    """Print each scenario that may be drawn, and what is expected of the person."""
    for path, scenario in drawable:
        expected = ", ".join(for_people(scenario, expect, scenario.give_up).expect)
        click.echo(f"{scenario.name}: {path}: ok; expected of the person: {expected}")


def _hide(scenario: str) -> None:
    """Execute this program again with a command line that doesn't name the scenario; it is read from memory.

    A no-op if this isn't a process of its own, as in a test.
    """
    if (
        scenario not in sys.argv[1:]
        or sys.argv[1:] != sys.orig_argv[len(sys.orig_argv) - len(sys.argv) + 1 :]
    ):
        return
    envelope = os.memfd_create("drill", 0)
    os.write(envelope, scenario.encode())
    before = sys.orig_argv[: len(sys.orig_argv) - len(sys.argv) + 1]
    rest = [argument for argument in sys.argv[1:] if argument != scenario]
    os.execv(sys.executable, [*before, *rest, "--envelope", str(envelope)])  # noqa: S606  (it is this program)


def _open_envelope(envelope: int) -> str:
    """Return the scenario in the envelope, and close it."""
    with open(envelope, "rb") as file:
        file.seek(0)
        return file.read().decode()
