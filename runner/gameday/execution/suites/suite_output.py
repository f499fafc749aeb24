"""What a suite leaves: its files, the baseline, the table on the screen, and what GitHub reads. Running is `suite`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gameday.analysis.outcome.run_verdict import FAIL
from gameday.analysis.trials.suite_result import Entry, suite
from gameday.console import github_annotations
from gameday.console.result_tables import FRAME
from gameday.ports import PortError
from gameday.recording import atomic_file
from gameday.recording.atomic_file import json_text, unwritable
from gameday.scenario.yaml_document import Invalid

COLOURS = {"pass": "green", "inconclusive": "yellow"}
Base = tuple[Path, Mapping[str, Any]]


@dataclass(frozen=True)
class Done:
    """A suite as far as it was run; `folder` may not be there yet."""

    folder: Path
    about: Mapping[str, Any]
    entries: Sequence[Entry]
    interrupted: bool
    broken: str

    def found(self, gate: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return suite(
            self.about, self.entries, interrupted=self.interrupted, broken=self.broken, baseline=gate
        )

    def keep(self) -> None:
        """suite.json as it is now, so that not even a kill loses what was run. Raises PortError."""
        _written(self.folder / "suite.json", json_text(self.found()))


def leave(done: Done, base: Base | None, save: Path | None, *, as_json: bool) -> int:
    """Writes everything and prints the table; the exit status. Raises PortError where a file can't be written."""
    done = replace(done, entries=list(_with_pages(done)))
    found = done.found()
    gate = _gate(found, base) if base else None
    told = done.found(gate) if gate else found
    markdown = _files(done, told)
    notes = [_saved(save, found, gate)] if save else []
    _screen(told, done.folder, [*notes, github_annotations.summarise(markdown)])
    for line in github_annotations.commands(told):
        click.echo(line, err=True)
    if as_json:
        click.echo(json_text(told), nl=False)
    return int(told["exit_status"])


def _gate(found: Mapping[str, Any], base: Base) -> Mapping[str, Any]:
    from gameday.analysis.trials.baseline import gate

    return gate(found, base[1], str(base[0]))


def _files(done: Done, found: Mapping[str, Any]) -> str:
    """All of the suite as a whole; the Markdown is also returned. What is most needed comes first."""
    from gameday.analysis.outcome.junit import junit_suite
    from gameday_reports.pages.suite_markdown import markdown
    from gameday_reports.pages.suite_page import render_suite

    _written(done.folder / "suite.json", json_text(found))
    _written(done.folder / "junit.xml", junit_suite(found))
    _written(done.folder / "suite.md", text := markdown(found))
    try:
        render_suite(found, done.folder / "suite.html")
    except OSError as error:
        raise PortError(f"{done.folder / 'suite.html'} can't be written: {error.strerror}") from error
    return text


def _with_pages(done: Done) -> Iterator[Entry]:
    """The entries, with the pages of their trials and of their matrix; a matrix that couldn't be made has no link."""
    runs: dict[str, dict[str, Path]] = {}
    for each in done.entries:
        if each.matrix and each.variant and each.counted:
            runs.setdefault(each.matrix, {})[each.variant] = done.folder / each.counted[0].folder
    made = {page for page, variants in runs.items() if _matrix(done.folder / page, variants)}
    for each in done.entries:
        _trials(done.folder, each)
        yield each if each.matrix in made else replace(each, matrix=None)


def _trials(folder: Path, entry: Entry) -> None:
    """The page of several trials."""
    from gameday.analysis.trials.trial_summary import summarise
    from gameday_reports.pages.trials_page import render_trials

    if len(entry.counted) < 2:
        return
    trials, home = (
        summarise([each.outcome for each in entry.counted]),
        folder / Path(entry.counted[0].folder).parent,
    )
    _written(home / "trials.json", json_text(trials))
    try:
        render_trials(trials, home / "trials.html")
    except OSError as error:
        raise PortError(f"{home / 'trials.html'} can't be written: {error.strerror}") from error


def _matrix(page: Path, runs: Mapping[str, Path]) -> bool:
    """The page of a matrix, of the first run of each variant. False where one of them left too little to read."""
    from gameday.analysis.trials.variant_matrix import matrix
    from gameday_reports.pages.matrix_page import render_matrix

    try:
        found = matrix(runs)
        _written(page.with_suffix(".json"), json_text(found))
        render_matrix(found, runs, page)
    except (ValueError, LookupError, OSError, Invalid) as error:
        click.echo(f"suite  no {page.name} of {page.parent.name}: {error}", err=True)
        return False
    return True


def _saved(save: Path, found: Mapping[str, Any], gate: Mapping[str, Any] | None) -> str:
    """A suite that couldn't be judged, or that is a regression, never takes a good baseline's place."""
    from gameday.analysis.trials.baseline import baseline, unfit, written

    why = unfit(found)
    if gate and gate["exit_status"] == FAIL:
        why = "it became worse than the baseline that it was held against"
    if why:
        return f"baseline not saved: {why}"
    _written(save, written(baseline(found)))
    failed = "; it is of a suite that failed" if found["exit_status"] else ""
    return f"baseline saved to {save}{failed}"


def _screen(found: Mapping[str, Any], folder: Path, notes: Sequence[str]) -> None:
    from gameday.console.result_tables import comparison_table

    console = Console(file=sys.stderr, highlight=False)
    gate = found["baseline"]
    if gate:
        console.print(comparison_table(gate["comparison"]))
    console.print(table(found))
    lines = [*found["reasons"], *(gate["commands"] if gate else []), *filter(None, notes)]
    if gate and gate["commands"]:
        lines.append("BASE is a checkout of what the baseline was made of; run the commands above instead")
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)
    console.print(f"suite  {folder / 'suite.html'}", markup=False, soft_wrap=True)


def table(found: Mapping[str, Any]) -> Table:
    """A row for each scenario of "gameday/suite/v1"."""
    from gameday_reports.pages.suite_page import lines, title

    shown = Table("scenario", "verdict", "TTD", "TTR", "failed", "lost", title=escape(title(found)), **FRAME)
    for column in shown.columns[2:]:
        column.justify = "right"
    for line in lines(found):
        verdict = f"[{COLOURS.get(line.verdict, 'red')}]{line.badge[0]}[/]"
        cells = (line.ttd.short, line.ttr.short, line.failed.short, line.lost.short)
        shown.add_row(f"{escape(line.name)}\n[dim]{line.trials}[/]", verdict, *cells)
    return shown


def _written(path: Path, text: str) -> None:
    """At once, so that a reader never sees half a file. Raises PortError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_file.write(path, text)
    except OSError as error:
        raise PortError(unwritable(error, path)) from error
