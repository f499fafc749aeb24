"""The command `gameday`: reads arguments, calls what does the work, and turns the result into an exit status.

Exit status: 0 pass, 1 an expectation failed or the system never recovered, 2 usage or invalid scenario, 3 inconclusive,
4 the tool or the substrate failed, 5 something was left behind, 130 interrupted and cleaned up.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TextIO, cast

import click

from gameday.cli.commands import COMMANDS, gameday
from gameday.console.standard_streams import StandardStream, blocking
from gameday.execution import process_exit

__all__ = ["COMMANDS", "gameday", "main"]

# Threads of the linear algebra library would take cores from the system under test. numpy reads this when imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command: the entry point of the console script. Show a traceback only for a defect of gameday itself."""
    out, err = (StandardStream(blocking(stream)) for stream in (sys.stdout, sys.stderr))
    sys.stdout, sys.stderr = cast(TextIO, out), cast(TextIO, err)
    try:
        _check_interpreter()
        status = gameday.main(arguments, prog_name="gameday", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        status = 2
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted; nothing was started", err=True)
        status = 130
    except Exception as error:
        status = _report(error)
    status = status if isinstance(status, int) else 0
    out.flush()
    if out.lost:
        click.echo(f"error: the output is incomplete: {out.lost}", err=True)
        status = status or 4
    if arguments is None:  # this process is the command's alone
        process_exit.leave(status)
    sys.exit(status)


def _check_interpreter() -> None:
    """Raise a usage error if Python has removed the docstrings, which are the help texts."""
    if sys.flags.optimize > 1:
        raise click.UsageError(
            "PYTHONOPTIMIZE=2 (python -OO) removes gameday's help texts: unset it, or set it to 1"
        )


def _has_current_folder() -> bool:
    try:
        os.getcwd()  # noqa: PTH109 - what Path.cwd does, without a path
    except OSError:
        return False
    return True


def _report(error: Exception) -> int:
    """Print an error, with its traceback if it is a defect of gameday; return the exit status."""
    from gameday.ports import PortError
    from gameday.registries import ExtensionError
    from gameday.scenario.yaml_document import Invalid

    if isinstance(error, Invalid | PortError | ExtensionError):
        click.echo(f"error: {error}", err=True)
        return 2 if isinstance(error, Invalid) else 4
    if isinstance(error, FileNotFoundError) and not _has_current_folder():
        click.echo("error: the current folder was removed; change to one that exists", err=True)
        return 2
    import traceback

    traceback.print_exception(error)
    click.echo("error: this is a defect of gameday itself; please report it with the lines above", err=True)
    return 4
