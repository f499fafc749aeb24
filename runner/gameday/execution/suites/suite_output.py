"""Output of a suite: its files, the baseline, the table on the screen, and GitHub's annotations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table

from gameday.analysis.model.baseline_model import Baseline, Gate
from gameday.analysis.model.suite_model import Suite, SuiteInfo
from gameday.analysis.outcome.run_verdict import FAIL
from gameday.analysis.trials.suite_result import Entry, suite
from gameday.console import github_annotations, rich_console
from gameday.console.result_tables import FRAME
from gameday.console.standard_streams import result_console
from gameday.ports import PortError
from gameday.recording import atomic_file
from gameday.recording.atomic_file import unwritable
from gameday.scenario.yaml_document import Invalid

COLOURS = {"pass": "green", "inconclusive": "yellow"}
Base = tuple[Path, Baseline]


@dataclass(frozen=True)
class Done:
    """A suite as far as it was run; `folder` may not be there yet."""

    folder: Path
    info: SuiteInfo
    entries: Sequence[Entry]
    interrupted: bool
    broken: str

    def result(self, gate: Gate | None = None) -> Suite:
        """Return the content of suite.json, with the result of the gate if there is one."""
        return suite(self.info, self.entries, interrupted=self.interrupted, broken=self.broken, gate=gate)

    def keep(self) -> None:
        """Write suite.json as it is now, so that not even a kill loses what was run. Raise PortError."""
        _write(self.folder / "suite.json", self.result().text())


def leave(done: Done, base: Base | None, save: Path | None, *, as_json: bool) -> int:
    """Write every file, print the table, and return the exit status. Raise PortError if a file can't be written."""
    done = replace(done, entries=list(_with_pages(done)))
    alone = done.result()
    gate = _gate(alone, base) if base else None
    result = done.result(gate) if gate else alone
    markdown = _write_files(done, result)
    notes = [_save(save, alone, gate)] if save else []
    notes.append(github_annotations.append_step_summary(markdown))
    _print(result, done.folder, notes, on_stdout=not as_json)
    for line in github_annotations.commands(result):
        click.echo(line, err=True)
    if as_json:
        click.echo(result.text(), nl=False)
    return result.exit_status


def _gate(result: Suite, base: Base) -> Gate:
    from gameday.analysis.trials.baseline import gate

    return gate(result, base[1], str(base[0]))


def _write_files(done: Done, result: Suite) -> str:
    """Write the files of the suite as a whole, the most needed first, and return the Markdown."""
    from gameday.analysis.outcome.junit import junit_suite
    from gameday_reports.pages.suite_markdown import markdown
    from gameday_reports.pages.suite_page import render_suite

    _write(done.folder / "suite.json", result.text())
    _write(done.folder / "junit.xml", junit_suite(result))
    _write(done.folder / "suite.md", text := markdown(result))
    try:
        render_suite(result, done.folder / "suite.html")
    except OSError as error:
        raise PortError(f"{done.folder / 'suite.html'} can't be written: {error.strerror}") from error
    return text


def _with_pages(done: Done) -> Iterator[Entry]:
    """Yield the entries after writing the pages of their trials and matrices; a failed matrix page gets no link."""
    runs: dict[str, dict[str, Path]] = {}
    for entry in done.entries:
        if entry.matrix and entry.variant and entry.counted:
            runs.setdefault(entry.matrix, {})[entry.variant] = done.folder / entry.counted[0].folder
    pages = {page for page, variants in runs.items() if _matrix(done.folder / page, variants)}
    for entry in done.entries:
        _trials(done.folder, entry)
        yield entry if entry.matrix in pages else replace(entry, matrix=None)


def _trials(folder: Path, entry: Entry) -> None:
    """Write the page of several trials."""
    from gameday.analysis.trials.trial_summary import summarise
    from gameday_reports.pages.trials_page import render_trials

    if len(entry.counted) < 2:
        return
    trials, home = (
        summarise([trial.outcome for trial in entry.counted]),
        folder / Path(entry.counted[0].folder).parent,
    )
    _write(home / "trials.json", trials.text())
    try:
        render_trials(trials, home / "trials.html")
    except OSError as error:
        raise PortError(f"{home / 'trials.html'} can't be written: {error.strerror}") from error


def _matrix(page: Path, runs: Mapping[str, Path]) -> bool:
    """Write a matrix's page from each variant's first run; return False if a run left too little to
    read."""
    from gameday.analysis.trials.variant_matrix import matrix
    from gameday_reports.pages.matrix_page import render_matrix

    try:
        result = matrix(runs)
        _write(page.with_suffix(".json"), result.text())
        render_matrix(result, runs, page)
    except (ValueError, LookupError, OSError, Invalid) as error:
        click.echo(f"suite  no {page.name} of {page.parent.name}: {error}", err=True)
        return False
    return True


def _save(save: Path, result: Suite, gate: Gate | None) -> str:
    """Save the baseline unless the suite couldn't be judged or is a regression; return a sentence that says so."""
    from gameday.analysis.trials.baseline import baseline, unfit, written

    why = unfit(result)
    if gate and gate.exit_status == FAIL:
        why = "it became worse than the baseline that it was held against"
    if why:
        return f"baseline not saved: {why}"
    _write(save, written(baseline(result)))
    failed = "; it is of a suite that failed" if result.exit_status else ""
    return f"baseline saved to {save}{failed}"


def _print(result: Suite, folder: Path, notes: Sequence[str], *, on_stdout: bool) -> None:
    from gameday.console.result_tables import comparison_table

    console = result_console(on_stdout=on_stdout)
    gate = result.baseline
    if gate:
        console.print(comparison_table(gate.comparison))
    console.print(table(result))
    lines = [*result.reasons, *(gate.commands if gate else []), *filter(None, notes)]
    if gate and gate.commands:
        lines.append("BASE is a checkout of what the baseline was made of; run the commands above instead")
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)
    console.print(f"suite  {folder / 'suite.html'}", markup=False, soft_wrap=True)


def table(suite: Suite) -> Table:
    """Return a table with a row for each scenario."""
    from gameday_reports.pages.suite_page import lines, title

    names = rich_console.names_column("scenario", (line.name for line in lines(suite)))
    shown = Table(names, "verdict", "TTD", "TTR", "bad", "lost", title=escape(title(suite)), **FRAME)
    for column in shown.columns[2:]:
        column.justify = "right"
    for line in lines(suite):
        verdict = f"[{COLOURS.get(line.verdict, 'red')}]{line.badge[0]}[/]"
        cells = (line.ttd.short, line.ttr.short, line.bad.short, line.lost.short)
        shown.add_row(f"{escape(line.name)}\n[dim]{line.trials}[/]", verdict, *cells)
    return shown


def _write(path: Path, text: str) -> None:
    """Write the file atomically, so that a reader never sees half of it. Raise PortError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_file.write(path, text)
    except OSError as error:
        raise PortError(unwritable(error, path)) from error
