"""Series of trials: every trial of every scenario, with the system kept up between two that want the same one."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gameday.execution.preparation import (
    SelectedScenario,
    choose_substrate,
    ensure_writable,
    read_scenarios,
)
from gameday.execution.system_reuse import Signals, SystemReuse, wanted
from gameday.execution.trial import Options, Trial, new_id, play
from gameday.recording import atomic_file

if TYPE_CHECKING:
    from gameday.analysis import Outcome
    from gameday.analysis.model.trials_model import Trials

Outcomes = list["Outcome"]


@dataclass(frozen=True)
class TrialSeries:
    """Scenarios to run, and how often; `interleave` runs them in turn, A B A B, trial by trial."""

    selected: Sequence[SelectedScenario]
    options: Options
    repeat: int
    interleave: bool = False

    def execute(self) -> tuple[int, list[Outcomes]]:
        """Run everything and return the exit status of the whole and the outcomes of each scenario."""
        with Signals().caught() as signals:
            outcomes, folders = self._run(signals)
            status = self._conclude(outcomes, folders)
        return 130 if signals.asked else status, outcomes

    def _run(self, signals: Signals) -> tuple[list[Outcomes], list[Path]]:
        """Return the outcomes and the folder of each scenario; a signal ends the series early."""
        given = self.options.seed
        seed = secrets.randbelow(2**31 - 1000) if given is None else given
        order = list(self._order())
        folders = self._folders()
        outcomes: list[Outcomes] = [[] for _ in self.selected]
        kept = SystemReuse()
        substrate, why, options = choose_substrate(self.options)
        try:
            for index, (which, number) in enumerate(order):
                choice = self.selected[which]
                follows = order[index + 1][0] if index + 1 < len(order) else None
                kept.then = None if follows is None else wanted(self.selected[follows].scenario)
                if self.repeat > 1:
                    click.echo(f"trial {number + 1} of {self.repeat}: {choice.scenario.name}", err=True)
                trial = Trial(choice.path, choice.scenario, seed + number, substrate, why)
                outcomes[which].append(play(trial, options, folders[which], kept, signals))
                if signals.asked:
                    break
        finally:
            kept.finish()
        return outcomes, folders

    def _folders(self) -> list[Path]:
        """Return the folder of each scenario's runs: its trials share one, and so do the variants of a matrix."""
        out = self.options.out
        if self.repeat > 1:
            return [out / f"{new_id()}-{choice.scenario.name}" for choice in self.selected]
        shared = {
            choice.path: out / f"{new_id()}-{choice.path.stem}" for choice in self.selected if choice.variant
        }
        return [shared[choice.path] if choice.variant else out for choice in self.selected]

    def _order(self) -> Iterator[tuple[int, int]]:
        """Yield (index of the scenario, number of the trial) in the order in which they run."""
        scenarios, trials = range(len(self.selected)), range(self.repeat)
        if self.interleave:
            yield from ((which, number) for number in trials for which in scenarios)
        else:
            yield from ((which, number) for which in scenarios for number in trials)

    def _conclude(self, outcomes: list[Outcomes], folders: list[Path]) -> int:
        """Print JSON if asked for, write trials and matrices, and return the exit status of the whole."""
        from gameday.analysis.outcome.run_verdict import worst

        finished = [(folder, runs) for folder, runs in zip(folders, outcomes, strict=True) if runs]
        results: list[Outcome | Trials] = [
            _write_trials(folder, runs, on_stdout=self.options.results_on_stdout)
            if self.repeat > 1
            else runs[0]
            for folder, runs in finished
        ]
        if self.options.as_json:
            documents = [result.document() for result in results]
            click.echo(json.dumps(documents[0] if len(outcomes) == 1 else documents, indent=2))
        statuses = [result.exit_status for result in results]
        statuses += [] if self.repeat > 1 else self._write_matrices(outcomes, folders)
        unmet = any(outcome.steady_state.met is False for runs in outcomes for outcome in runs)
        return worst(statuses, unmet=unmet and self.repeat == 1)

    def _write_matrices(self, outcomes: list[Outcomes], folders: list[Path]) -> list[int]:
        """Write the page of each matrix of which a variant ran; return the exit status of each."""
        from gameday.execution.matrix_result import conclude

        matrices: dict[Path, dict[str, Path]] = {}
        for choice, runs, folder in zip(self.selected, outcomes, folders, strict=True):
            if choice.variant and runs:
                matrices.setdefault(folder, {})[choice.variant] = folder / runs[0].run.id
        on_stdout = self.options.results_on_stdout
        return [conclude(folder, variants, on_stdout=on_stdout) for folder, variants in matrices.items()]


def run_interleaved(base: str, new: str, options: Options, repeat: int) -> list[Outcomes] | None:
    """Run trials of two scenarios in turn; return the outcomes of each, or None if interrupted. Raise Invalid."""
    selected = read_scenarios((base, new), options)
    ensure_writable(options.out)
    status, outcomes = TrialSeries(selected, options, repeat, interleave=True).execute()
    return None if status == 130 else outcomes


def _write_trials(folder: Path, outcomes: Outcomes, *, on_stdout: bool) -> Trials:
    """Write `trials.json` and its page, and print the table."""
    from gameday.analysis.trials.trial_summary import summarise
    from gameday.console.result_tables import trials_table
    from gameday.console.standard_streams import result_console
    from gameday_reports.pages.trials_page import render_trials

    trials = summarise(outcomes)
    atomic_file.write(folder / "trials.json", trials.text())
    page = render_trials(trials, folder / "trials.html")
    console = result_console(on_stdout=on_stdout)
    console.print(trials_table(trials))
    console.print(f"trials  {page}", markup=False, soft_wrap=True)
    return trials
