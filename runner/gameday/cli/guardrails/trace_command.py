"""`gameday trace`: what led to a change of a run, and what it led to."""

from __future__ import annotations

import json
from pathlib import Path

import click

from gameday.cli.options import FilePath
from gameday.recording.printable_text import visible
from gameday.scenario.yaml_document import Invalid, Problem


@click.command(epilog="\b\nExample:\n  gameday trace pricing-1.1.0 runs/20260102-030405-ab12")
@click.argument("change")
@click.argument("run", type=FilePath(exists=True, file_okay=False, path_type=Path))
def trace(change: str, run: Path) -> None:
    """Show a change from prompt to incident: prompt, diff, gates and approvals, deploy, what users felt.

    CHANGE is its id in the run, such as c1, or its release.
    """
    from gameday.analysis.evidence.change_trace import trace as lines_of

    try:
        outcome = json.loads((run / "outcome.json").read_text(encoding="utf-8"))
        lines = lines_of(run, change, outcome["clocks"])
    except LookupError as error:
        raise Invalid([Problem(str(run), 0, 0, str(error.args[0]))]) from error
    except (OSError, ValueError, TypeError) as error:
        hint = "name the folder of a run, runs/<run-id>; gameday report makes its outcome again"
        raise Invalid([Problem(str(run), 0, 0, f"can't be read: {error}", hint)]) from error
    for step, sentence in lines:
        click.echo(f"{step:<9} {visible(sentence)}")
