"""`gameday report`: outcome, report and review of a run, computed again from its files."""

from __future__ import annotations

import os
from pathlib import Path

import click

from gameday.cli.options import FilePath
from gameday.scenario.yaml_document import Invalid, Problem

NEEDED = ("journal.jsonl", "scenario.yaml")
DAMAGE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError, OSError)
"""Errors by which a damaged file ends the analysis."""


@click.command(epilog="\b\nExample:\n  gameday report runs/20260102-030405-ab12")
@click.argument("run", type=FilePath(exists=True, file_okay=False, path_type=Path))
def report(run: Path) -> None:
    """Compute outcome, report and review of a run again, from its files alone.

    A review.md that was edited is kept; the new draft goes beside it.
    """
    from gameday_reports.charts.drawing_process import DRAWING

    DRAWING.start()  # the child imports and starts V8 beside the imports here
    from gameday.analysis import write_outcome
    from gameday_reports.run_page.render import report_run

    for name in NEEDED:
        if not (run / name).is_file():
            hint = "name the folder of a run, runs/<run-id>"
            raise Invalid([Problem(str(run / name), 0, 0, "no such file", hint)])
    _refuse_links(run)
    try:
        write_outcome(run)
        page, review = report_run(run)
    except Invalid:
        raise
    except DAMAGE as error:
        why = f"can't be analysed: {type(error).__name__}: {error}"
        raise Invalid([Problem(str(run), 0, 0, why, "one of its files is damaged")]) from error
    click.echo(str(page))
    click.echo(f"review: {review.path}", err=True)
    for file in review.kept:
        click.echo(f"{file.name} was edited and is kept as it is", err=True)


def _refuse_links(run: Path) -> None:
    """Raise Invalid if anything in the folder leads out of it: a folder from somewhere else could read or replace it."""
    home = run.resolve()
    for root, folders, files in os.walk(run):
        for path in (Path(root, name) for name in (*folders, *files)):
            if path.is_symlink() and not path.resolve().is_relative_to(home):
                why = "is a link that leads out of the run's folder"
                raise Invalid([Problem(str(path), 0, 0, why, "replace it by what it leads to")])
