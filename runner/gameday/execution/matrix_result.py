"""The end of a matrix: its variants' runs side by side, on disk and on the screen. Running them is left to `run`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gameday.console.result_tables import FRAME
from gameday.ports import PortError
from gameday.recording import atomic_file
from gameday_reports.text.formatting import NOT_MEASURED, count, interval
from gameday_reports.text.loose import mapping, number, pick, rows, text
from gameday_reports.text.matrix_text import name_of, sentences, slos_of, spelt
from gameday_reports.text.statistics_text import told

KICKERS = {"matrix": "Game day matrix", "drill": "On-call drill"}
COLOURS = {"pass": "green", "ok": "green", "fail": "red", "breach": "red", "error": "red"}


def conclude(
    folder: Path,
    runs: Mapping[str, Path],
    *,
    as_json: bool = False,
    name: Literal["matrix", "drill"] = "matrix",
) -> int:
    """Writes `matrix.json` and `matrix.html` into `folder`, prints the table, and gives the exit status of the whole.

    `runs`: the folder of each variant's run, in order, best below `folder`, where the page's links lead to. With
    `as_json` the content of `matrix.json` goes to standard output as well. The files of a drill, whose variants are the
    person on call and automation, are called so. Raises PortError where `folder` can't be written, ValueError or
    gameday.scenario.yaml_document.Invalid where a run's files aren't what they should be.
    """
    from gameday.analysis.trials.variant_matrix import matrix
    from gameday_reports.pages.matrix_page import render_matrix

    found = matrix(runs)
    content = atomic_file.json_text(found)
    try:
        atomic_file.write(folder / f"{name}.json", content)
        page = render_matrix(found, runs, folder / f"{name}.html", kicker=KICKERS[name])
    except OSError as error:
        raise PortError(f"the {name} can't be written to {folder}: {error}") from error
    if as_json:
        click.echo(content, nl=False)
    console = Console(file=sys.stderr, highlight=False)
    console.print(table(found))
    for sentence in sentences(rows(found["variants"])):
        console.print(sentence, markup=False, soft_wrap=True)
    console.print(f"{name}  {page}", markup=False, soft_wrap=True)
    return int(found["exit_status"])


def table(matrix: Mapping[str, Any]) -> Table:
    """A column for each variant of "gameday/matrix/v1": verdict, what differs, times, who was hurt, each SLO."""
    variants = rows(matrix.get("variants"))
    shown = Table(title=escape(text(matrix.get("scenario")) or "unnamed scenario"), **FRAME)
    shown.add_column("")
    for each in variants:
        shown.add_column(escape(name_of(each)), overflow="fold")
    shown.add_row("verdict", *(_coloured(each.get("verdict")) for each in variants))
    for name in dict.fromkeys(name for each in variants for name in mapping(each.get("settings"))):
        shown.add_row(
            escape(spelt(name)), *(escape(_value(pick(each, "settings", name))) for each in variants)
        )
    shown.add_section()
    for key in ("ttd", "tta", "ttr"):
        shown.add_row(key.upper(), *(interval(each, key)[0] for each in variants))
    shown.add_row(
        "first right operation", *(told(pick(each, "responder", "first_right_s")) for each in variants)
    )
    shown.add_row("wrong operations", *(count(pick(each, "responder", "wrong")) for each in variants))
    shown.add_row("failed requests", *(_share(each, "failed_ratio") for each in variants))
    shown.add_row("users hurt", *(_share(each, "users_affected_ratio") for each in variants))
    shown.add_row("orders lost", *(count(pick(each, "audit", "lost")) for each in variants))
    shown.add_section()
    for name in dict.fromkeys(name for each in variants for name in slos_of(each)):
        shown.add_row(escape(name), *(_slo(slos_of(each).get(name, {})) for each in variants))
    return shown


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return text(value) or "not set"


def _share(variant: Mapping[str, Any], key: str) -> str:
    found = number(pick(variant, "impact", key))
    return NOT_MEASURED if found is None else told(found, "ratio")


def _slo(slo: Mapping[str, Any]) -> str:
    breached = number(slo.get("breached_s"))
    return _coloured(slo.get("verdict")) + (f" {told(breached)}" if breached else "")


def _coloured(verdict: Any) -> str:
    word = text(verdict) or "not judged"
    return f"[{COLOURS.get(word, 'yellow')}]{escape(word)}[/]"
