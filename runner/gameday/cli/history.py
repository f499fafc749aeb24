"""`gameday history`: how the scenarios went from quarter to quarter, from the runs' folders alone. Starts nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.markup import escape
from rich.table import Table

from gameday.cli.options import json_option, page_option
from gameday.console.result_tables import FRAME
from gameday.console.standard_streams import result_console
from gameday.scenario.yaml_document import Invalid, Problem

if TYPE_CHECKING:
    from gameday.analysis.model.history_model import History

MOST_TOLD = 5
SHOWN = (0, 1, 2, 4, 5, 8)
"""The columns that fit on a terminal."""


@click.command(
    epilog="\b\nExamples:\n  gameday history\n  gameday history /srv/gamedays --scenario region-lost --json\n"
    "  gameday history --html trend.html"
)
@click.argument("folder", type=click.Path(path_type=Path), default=Path("runs"), required=False)
@click.option(
    "--scenario", "scenarios", multiple=True, metavar="NAME", help="Only this one; may be given again."
)
@page_option("FOLDER/history.html")
@json_option("the history")
def history(folder: Path, scenarios: tuple[str, ...], html: Path | None, as_json: bool) -> int:
    """A trend by quarter of every scenario with runs in FOLDER (runs): TTD and TTR with intervals, runs, failures."""
    from gameday.analysis.trials.trend import history as found_in
    from gameday.analysis.trials.trend import read
    from gameday_reports.pages.history_page import render_history

    outcomes, wrong = read(folder)
    for each in wrong[:MOST_TOLD]:
        click.echo(f"left out: {each}", err=True)
    if len(wrong) > MOST_TOLD:
        click.echo(f"left out: {len(wrong) - MOST_TOLD} more", err=True)
    chosen = [each for each in outcomes if not scenarios or each.run.scenario in scenarios]
    if not chosen:
        said = "holds no run" + (f" of {', '.join(scenarios)}" if scenarios else "")
        raise Invalid([Problem(str(folder), 0, 0, said, "name the folder that gameday run --out wrote to")])
    found, target = found_in(chosen), html or folder / "history.html"
    try:
        page = render_history(found, target)
    except OSError as error:
        raise Invalid(
            [Problem(str(target), 0, 0, f"can't be written: {error.strerror}", "use --html")]
        ) from error
    if as_json:
        click.echo(found.text(), nl=False)
    console = result_console(on_stdout=not as_json)
    console.print(table(found))
    console.print(f"page  {page}", markup=False, soft_wrap=True)
    return 0


def table(history: History) -> Table:
    """Return a table with a row for each quarter of each scenario."""
    from gameday_reports.pages.history_page import HEADS, lines, span

    shown = Table("scenario", *(HEADS[i] for i in SHOWN), title=span(history), **FRAME)
    shown.columns[0].overflow = "fold"
    for column in shown.columns[2:]:
        column.justify = "right"
    for line in lines(history):
        for i, quarter in enumerate(line.quarters):
            cells = [escape("\n".join(filter(None, quarter.cells[at]))) for at in SHOWN]
            last = i + 1 == len(line.quarters)
            shown.add_row(
                "" if i else escape(line.name), *cells, end_section=last, style="red" if quarter.bad else ""
            )
    return shown
