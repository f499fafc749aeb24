"""`gameday history`: how the scenarios went from quarter to quarter, from the runs' folders alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.markup import escape
from rich.table import Table

from gameday import registries
from gameday.cli.options import RESPONDER, FilePath, RegisteredName, json_option, page_option
from gameday.console import rich_console
from gameday.console.result_tables import FRAME
from gameday.console.standard_streams import result_console
from gameday.scenario.yaml_document import Invalid, Problem

if TYPE_CHECKING:
    from gameday.analysis.model.history_model import History

MAX_WARNINGS = 5
SHOWN = (0, 1, 2, 4, 5, 8)
"""The columns that fit on a terminal."""


@click.command(
    epilog="\b\nExamples:\n  gameday history\n  gameday history /srv/gamedays --scenario region-lost --responder human --json\n"
    "  gameday history --html trend.html"
)
@click.argument("folder", type=FilePath(path_type=Path), default=Path("runs"), required=False)
@click.option(
    "--scenario", "scenarios", multiple=True, metavar="NAME", help="Only this scenario. Repeatable."
)
@click.option("--responder", type=RESPONDER, help="Only runs that this responder answered.")
@click.option("--substrate", type=RegisteredName(registries.SUBSTRATES), help="Only runs on this substrate.")
@page_option("FOLDER/history.html")
@json_option("the history")
def history(
    folder: Path,
    scenarios: tuple[str, ...],
    responder: str | None,
    substrate: str | None,
    html: Path | None,
    as_json: bool,
) -> int:
    """Show a trend by quarter of every scenario with runs in FOLDER (by default runs).

    It holds TTD and TTR with intervals, the number of runs, and failures. Each responder, substrate and machine has rows of
    its own. The dots of the page lead to the runs' reports.
    """
    from gameday.analysis.trials.trend import history as summarise
    from gameday.analysis.trials.trend import read
    from gameday_reports.pages.history_page import render_history

    stored = read(folder)
    for path in stored.problems[:MAX_WARNINGS]:
        click.echo(f"left out: {path}", err=True)
    if len(stored.problems) > MAX_WARNINGS:
        click.echo(f"left out: {len(stored.problems) - MAX_WARNINGS} more", err=True)
    chosen = [
        outcome
        for outcome in stored.outcomes
        if (not scenarios or outcome.run.scenario in scenarios)
        and responder in (None, outcome.responder.kind)
        and substrate in (None, outcome.run.substrate)
    ]
    if not chosen:
        wanted = ", ".join(filter(None, (*scenarios, responder, substrate)))
        why = "holds no run" + (f" of {wanted}" if wanted else "")
        raise Invalid([Problem(str(folder), 0, 0, why, "name the folder that gameday run --out wrote to")])
    trend, target = summarise(chosen, stored.pages), html or folder / "history.html"
    try:
        page = render_history(trend, target, folder)
    except OSError as error:
        raise Invalid(
            [Problem(str(target), 0, 0, f"can't be written: {error.strerror}", "use --html")]
        ) from error
    if as_json:
        click.echo(trend.text(), nl=False)
    console = result_console(on_stdout=not as_json)
    console.print(table(trend))
    console.print(f"page  {page}", markup=False, soft_wrap=True)
    return 0


def table(history: History) -> Table:
    """Return a table with a row for each quarter of each scenario."""
    from gameday_reports.pages.history_page import HEADS, lines, span

    names = rich_console.names_column(
        "scenario", (text for line in lines(history) for text in (line.name, f"  {line.about}"))
    )
    shown = Table(names, *(HEADS[i] for i in SHOWN), title=span(history), **FRAME)
    for column in shown.columns[2:]:
        column.justify = "right"
    for line in lines(history):
        for i, quarter in enumerate(line.quarters):
            cells = [escape("\n".join(filter(None, quarter.cells[at]))) for at in SHOWN]
            last = i + 1 == len(line.quarters)
            name = f"{escape(line.name)}\n  [dim]{escape(line.about)}[/]" if line.about else escape(line.name)
            shown.add_row("" if i else name, *cells, end_section=last, style="red" if quarter.bad else "")
    return shown
