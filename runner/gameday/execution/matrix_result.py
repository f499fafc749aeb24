"""The result of a matrix: its variants' runs side by side, on disk and on the screen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click
from rich.markup import escape
from rich.table import Table

from gameday.console.result_tables import FRAME
from gameday.console.standard_streams import result_console
from gameday.ports import PortError
from gameday.recording import atomic_file
from gameday_reports.text.formatting import NOT_MEASURED, count
from gameday_reports.text.loose import text
from gameday_reports.text.matrix_text import sentences, setting_name, time_of
from gameday_reports.text.statistics_text import format_amount

if TYPE_CHECKING:
    from gameday.analysis.model.matrix_model import Matrix, Variant, VariantSlo

KICKERS = {"matrix": "Game day matrix", "drill": "On-call drill"}
COLOURS = {"pass": "green", "ok": "green", "fail": "red", "breach": "red", "error": "red"}


def conclude(
    folder: Path,
    runs: Mapping[str, Path],
    *,
    as_json: bool = False,
    on_stdout: bool = True,
    name: Literal["matrix", "drill"] = "matrix",
) -> int:
    """Write `matrix.json` and `matrix.html` into `folder`, print the table, and return the exit status of the whole.

    `runs`: the folder of each variant's run, in order, best below `folder`, since the page links to them. With
    `as_json` the content of `matrix.json` is printed on standard output, and the table on standard error, as without
    `on_stdout`. `name` is that of the files; the
    variants of a drill are the person on call and automation. Raise PortError if `folder` can't be written, ValueError
    or gameday.scenario.yaml_document.Invalid if a run's files aren't valid.
    """
    from gameday.analysis.trials.variant_matrix import matrix
    from gameday_reports.pages.matrix_page import render_matrix

    result = matrix(runs)
    try:
        atomic_file.write(folder / f"{name}.json", result.text())
        page = render_matrix(result, runs, folder / f"{name}.html", kicker=KICKERS[name])
    except OSError as error:
        raise PortError(f"the {name} can't be written to {folder}: {error}") from error
    if as_json:
        click.echo(result.text(), nl=False)
    console = result_console(on_stdout=on_stdout and not as_json)
    console.print(table(result))
    for sentence in sentences(result.variants):
        console.print(sentence, markup=False, soft_wrap=True)
    console.print(f"{name}  {page}", markup=False, soft_wrap=True)
    return result.exit_status


def table(matrix: Matrix) -> Table:
    """Return a table with a column for each variant: verdict, what differs, times, who was hurt, each SLO."""
    variants = matrix.variants
    shown = Table(title=escape(matrix.scenario or "unnamed scenario"), **FRAME)
    shown.add_column("")
    for variant in variants:
        shown.add_column(escape(variant.name), overflow="fold")
    shown.add_row("verdict", *(_coloured(variant.verdict) for variant in variants))
    for name in dict.fromkeys(name for variant in variants for name in variant.settings):
        shown.add_row(
            escape(setting_name(name)), *(escape(_value(variant.settings.get(name))) for variant in variants)
        )
    shown.add_section()
    for key in ("ttd", "tta", "ttr"):
        shown.add_row(key.upper(), *(time_of(variant, key)[0] for variant in variants))
    shown.add_row(
        "first right operation", *(format_amount(variant.responder.first_right_s) for variant in variants)
    )
    shown.add_row("wrong operations", *(count(variant.responder.wrong) for variant in variants))
    shown.add_row("failed requests", *(_share(variant.impact.failed_ratio) for variant in variants))
    shown.add_row("users hurt", *(_share(variant.impact.users_affected_ratio) for variant in variants))
    shown.add_row("orders lost", *(count(variant.audit.lost) for variant in variants))
    shown.add_section()
    for name in dict.fromkeys(slo.name for variant in variants for slo in variant.slos):
        shown.add_row(escape(name), *(_slo(_slo_of(variant, name)) for variant in variants))
    return shown


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return text(value) or "not set"


def _share(ratio: float | None) -> str:
    return NOT_MEASURED if ratio is None else format_amount(ratio, "ratio")


def _slo_of(variant: Variant, name: str) -> VariantSlo | None:
    return next((slo for slo in variant.slos if slo.name == name), None)


def _slo(slo: VariantSlo | None) -> str:
    if slo is None:
        return _coloured(None)
    return _coloured(slo.verdict) + (f" {format_amount(slo.breached_s)}" if slo.breached_s else "")


def _coloured(verdict: str | None) -> str:
    word = verdict or "not judged"
    return f"[{COLOURS.get(word, 'yellow')}]{escape(word)}[/]"
