"""The command `gameday`: parses arguments, wires the parts together, turns what happened into an exit status.

Exit status: 0 pass, 1 an expectation failed or the system never recovered, 2 usage or invalid scenario, 3 inconclusive,
4 the tool or the substrate failed, 5 something was left behind, 130 interrupted and cleaned up.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TextIO, TypeVar, cast

import click

from gameday.execution import process_exit
from gameday.registries import OPERATIONS

# Threads of the linear algebra library would take cores from the system under test. numpy reads this when imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

T = TypeVar("T")
EPILOG = """\b
Examples:
  gameday run bad-deploy-pricing               the main job: needs no Docker
  gameday run bad-deploy-pricing --substrate docker
  gameday run my-scenario.yaml --set load.rate=120/s --out /tmp/runs
  gameday suite --tag ci --repeat 6            several scenarios; one page, junit.xml, one exit status
  gameday validate scenarios/**/*.yaml         every error, with file:line:column
  gameday report runs/20260102-030405-ab12     the report again, from disk alone
  gameday abort                                end the run that goes on now

\b
Exit status: 0 pass, 1 failed expectation or never recovered, 2 usage or invalid
scenario, 3 inconclusive, 4 tool or substrate failed, 5 something left behind,
130 interrupted and cleaned up."""


COMMANDS = {
    "run": "run:run",
    "suite": "suite:suite",
    "drill": "drill:drill",
    "compare": "compare:compare",
    "history": "history:history",
    "heal": "heal:heal",
    "calibrate": "calibrate:calibrate",
    "list": "inspect:list_",
    "up": "up:up",
    "down": "up:down",
    **{name: f"inspect:{name}" for name in ("show", "validate", "schema", "doctor", "report", "abort")},
    **{
        name: f"operate:{name}"
        for name in ("status", "ack", "rollback", "failover", "promote", "rejoin", "restart", "flag", "note")
    },
}
"""Name → module and object, imported when it is called for: an acknowledgement waits for no plotting library."""


class Commands(click.Group):
    """The commands of `COMMANDS`, and one for each operation that a plug-in registers."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*COMMANDS, *OPERATIONS})

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Load the plug-in of an operation only if its command is called; `get_command` also serves the help."""
        if args and args[0] in OPERATIONS and args[0] not in COMMANDS:
            from gameday.cli.operate import plugin_command

            return args[0], plugin_command(args[0]), args[1:]
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Return a command by its name; for a plug-in's operation one that has only the line of the help."""
        if name not in COMMANDS:
            source = OPERATIONS.source(name)
            return click.Command(name, short_help=f"Operation of {source}.") if source else None
        module, _, command = COMMANDS[name].partition(":")
        found: click.Command = getattr(importlib.import_module(f"gameday.cli.{module}"), command)
        return found


@click.group(
    cls=Commands,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="gameday-runner", prog_name="gameday")
def gameday() -> None:
    """Chaos and rollback game days: how long until you know, how long until users are well, and was an order lost?"""


GONE = (errno.EPIPE, errno.EIO, errno.EBADF, errno.ECONNRESET)
"""Errors of a stream that nobody will ever read."""


class Pipe:
    """A standard stream that may be gone, hung up or on a full disk: what it doesn't take is lost, the work goes on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lost = ""
        """Why words were lost for which there may be a reader."""

    def write(self, text: str) -> int:
        return self._tried(lambda: self._stream.write(text), len(text))

    def flush(self) -> None:
        self._tried(self._stream.flush, None)

    def _tried(self, work: Callable[[], T], otherwise: T) -> T:
        try:
            return work()
        except OSError as error:
            if error.errno in GONE:
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
            else:
                self.lost = error.strerror or str(error)
            return otherwise

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the console script; never shows a traceback for what a user can mend."""
    out, err = (Pipe(_blocking(stream)) for stream in (sys.stdout, sys.stderr))
    sys.stdout, sys.stderr = cast(TextIO, out), cast(TextIO, err)
    try:
        status = gameday.main(arguments, prog_name="gameday", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        status = 2
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted; nothing was started", err=True)
        status = 130
    except Exception as error:
        status = _told(error)
    status = status if isinstance(status, int) else 0
    out.flush()
    if out.lost:
        click.echo(f"error: not all could be printed: {out.lost}", err=True)
        status = status or 4
    if arguments is None:  # this process is the command's alone
        process_exit.leave(status)
    sys.exit(status)


def _blocking(stream: TextIO | None) -> TextIO:
    """One that waits for a slow reader, whoever made its pipe not do so; where it was closed at the start, nowhere."""
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - for the life of the process
    with suppress(OSError, ValueError):
        os.set_blocking(stream.fileno(), True)
    return stream


def _told(error: Exception) -> int:
    """Says what went wrong, in words where it is no defect of ours; the exit status."""
    from gameday.ports import PortError
    from gameday.registries import ExtensionError
    from gameday.scenario.yaml_document import Invalid

    if isinstance(error, Invalid | PortError | ExtensionError):
        click.echo(f"error: {error}", err=True)
        return 2 if isinstance(error, Invalid) else 4
    import traceback

    traceback.print_exception(error)
    click.echo("error: this is a defect of gameday itself; please report it with the lines above", err=True)
    return 4
