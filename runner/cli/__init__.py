"""The command `gameday`: parses arguments, wires the parts together, turns what happened into an exit status.

Exit status: 0 pass, 1 an expectation failed or the system never recovered, 2 usage or invalid scenario, 3 inconclusive,
4 the tool or the substrate failed, 5 something was left behind, 130 interrupted and cleaned up.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any, TextIO, TypeVar, cast

import click

from runner.cli import calibrate, compare, heal, history, look, operate, run, suite
from runner.cli.leaving import leave
from runner.located import Invalid
from runner.ports import PortError

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


@click.group(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="gameday-runner", prog_name="gameday")
def gameday() -> None:
    """Chaos and rollback game days: how long until you know, how long until users are well, and was an order lost?"""


gameday.add_command(run.run)
gameday.add_command(suite.suite)
gameday.add_command(compare.compare)
gameday.add_command(history.history)
gameday.add_command(heal.heal)
gameday.add_command(calibrate.calibrate)
for command in (look.list_, look.show, look.validate, look.schema, look.doctor, look.report, look.abort):
    gameday.add_command(command)
for command in operate.COMMANDS:
    gameday.add_command(command)


class Pipe:
    """A standard stream whose reader may go away early: what it no longer reads is dropped, and the work goes on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._tried(lambda: self._stream.write(text), len(text))

    def flush(self) -> None:
        self._tried(self._stream.flush, None)

    def _tried(self, work: Callable[[], T], otherwise: T) -> T:
        try:
            return work()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
            return otherwise

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the console script; never shows a traceback for what a user can mend."""
    sys.stdout, sys.stderr = cast(TextIO, Pipe(sys.stdout)), cast(TextIO, Pipe(sys.stderr))
    try:
        status = gameday.main(arguments, prog_name="gameday", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        status = 2
    except Invalid as error:
        click.echo(f"error: {error}", err=True)
        status = 2
    except PortError as error:
        click.echo(f"error: {error}", err=True)
        status = 4
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted; nothing was started", err=True)
        status = 130
    except Exception:
        traceback.print_exc()
        click.echo("error: this is a defect of gameday itself; please report it with the lines above", err=True)
        status = 4
    status = status if isinstance(status, int) else 0
    if arguments is None:  # this process is the command's alone
        leave(status)
    sys.exit(status)
