"""`gameday abort`: end a run in progress, from any terminal."""

from __future__ import annotations

from collections.abc import Sequence

import click

from gameday.execution import active_runs


@click.command(epilog="\b\nExamples:\n  gameday abort\n  gameday abort 20260102-030405-ab12")
@click.argument("run", required=False)
def abort(run: str | None) -> None:
    """End a run in progress, from any terminal: its faults are reverted, its system torn down, its exit status is 130."""
    end_run(run)


def end_run(run: str | None) -> None:
    """Ask the named run, or the only one in progress, to end. Raise ClickException if it isn't clear which."""
    runs = active_runs.runs()
    chosen = [active for active in runs if run in (None, active.run)]
    if not chosen:
        name = f"run {run!r}" if run else "run"
        others = f"; in progress: {_names(runs)}" if runs else ""
        raise click.ClickException(f"no {name} in progress{others}")
    if len(chosen) > 1:
        raise click.ClickException(f"several runs are in progress; name one of {_names(runs)}")
    if active_runs.end(chosen[0]):
        click.echo(f"asked {chosen[0].run} to end; it tears everything down now ({chosen[0].folder})")


def _names(runs: Sequence[active_runs.Active]) -> str:
    return ", ".join(active.run for active in runs)
