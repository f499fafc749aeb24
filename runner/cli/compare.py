"""`gameday compare`: two sets of runs, honestly; the gate of CI."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
from rich.console import Console

from runner.located import Invalid, Problem
from runner.scenario.units import ratio

EPILOG = """\b
Examples:
  gameday run scenario.yaml --repeat 10 --out base      on the code before
  gameday run scenario.yaml --repeat 10 --out new       on the code after
  gameday compare base new                              exit 1 on a regression, 3 with too few trials
  gameday compare base new --threshold 25% --gate-ttd --html compare.html"""
FOLDER = click.Path(exists=True, path_type=Path)


def _ratio(context: click.Context, parameter: click.Parameter, value: str) -> float:
    try:
        return ratio(value)
    except ValueError as error:
        raise click.BadParameter(str(error).replace("\n", "; ")) from error


@click.command(epilog=EPILOG)
@click.argument("base", type=FOLDER)
@click.argument("new", type=FOLDER)
@click.option("--alpha", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.01, show_default=True)
@click.option("--threshold", default="15%", show_default=True, callback=_ratio, help="Smallest increase that fails.")
@click.option("--gate-ttd", is_flag=True, help="Gate on time to detect as well; it is only reported otherwise.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Where the page goes: NEW/compare.html.")
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON on standard output.")
def compare(
    base: Path, new: Path, alpha: float, threshold: float, gate_ttd: bool, html: Path | None, as_json: bool
) -> int:
    """Is NEW worse than BASE? Each is the folder of a run, of trials, or of many.

    Exact one-sided Mann-Whitney on time to recover, Hodges-Lehmann shift with its interval, Holm over scenarios. Fails
    only where p is under alpha and the increase over the threshold.
    """
    from reports.compare import render_compare
    from runner.cli.tables import comparison_table
    from runner.measure.compare import compare as compared
    from runner.measure.compare import load_side

    sides = []
    for path in (base, new):
        try:
            sides.append(load_side(path))
        except ValueError as error:
            raise Invalid([Problem(str(path), 0, 0, str(error))]) from error
    comparison = compared(sides[0], sides[1], alpha=alpha, threshold=threshold, gate_ttd=gate_ttd)
    target = html or (new if new.is_dir() else new.parent) / "compare.html"
    try:
        page = render_compare(comparison, target)
    except OSError as error:
        raise Invalid([Problem(str(target), 0, 0, f"can't be written: {error.strerror}", "use --html")]) from error
    if as_json:
        click.echo(json.dumps(comparison, indent=2))
    console = Console(file=sys.stderr)
    console.print(comparison_table(comparison))
    for reason in comparison["reasons"]:
        console.print(reason, markup=False, soft_wrap=True)
    console.print(f"page  {page}", markup=False, soft_wrap=True)
    return int(comparison["exit_status"])
