"""Results as the content of their files: plain data in, plain data out, for tests of the formats."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gameday.analysis import Outcome
from gameday.analysis.model.baseline_model import Baseline, Gate, MachineSpeed
from gameday.analysis.model.suite_model import Suite, SuiteInfo
from gameday.analysis.trials import baseline as baselines
from gameday.analysis.trials import comparison, suite_result, trend, trial_summary, variant_matrix
from gameday.analysis.trials.suite_result import Attempt, Entry

Document = Mapping[str, Any]


def outcomes_of(documents: Iterable[Document]) -> list[Outcome]:
    """Return outcomes as if read from these files."""
    return [Outcome.model_validate(document) for document in documents]


def summarise(outcomes: Iterable[Document]) -> dict[str, Any]:
    """Return the content of trials.json."""
    return trial_summary.summarise(outcomes_of(outcomes)).document()


def compare(
    base: Mapping[str, Iterable[Document]], new: Mapping[str, Iterable[Document]], **options: Any
) -> dict[str, Any]:
    """Return what `gameday compare --json` prints."""
    sides = [{name: outcomes_of(results) for name, results in side.items()} for side in (base, new)]
    return comparison.compare(sides[0], sides[1], **options).document()


def history(outcomes: Iterable[Document]) -> dict[str, Any]:
    """Return what `gameday history --json` prints."""
    return trend.history(outcomes_of(outcomes)).document()


def matrix(runs: Mapping[str, Path]) -> dict[str, Any]:
    """Return the content of matrix.json."""
    return variant_matrix.matrix(runs).document()


def attempt(outcome: Document, folder: str, speed: Document | None = None, retried: bool = False) -> Attempt:
    """Return a run of a suite; `speed` is the machine's speed factor."""
    return Attempt(Outcome.model_validate(outcome), folder, MachineSpeed.model_validate(speed or {}), retried)


def suite(
    info: Document, entries: Sequence[Entry], *, gate: Document | None = None, **options: Any
) -> dict[str, Any]:
    """Return the content of suite.json."""
    result = Gate.model_validate(gate) if gate else None
    return suite_result.suite(SuiteInfo.model_validate(info), entries, gate=result, **options).document()


def baseline(suite: Document) -> dict[str, Any]:
    """Return the content of a baseline's file."""
    return baselines.baseline(Suite.model_validate(suite)).document()


def written(baseline: Document) -> str:
    """Return the text of a baseline's file."""
    return baselines.written(Baseline.model_validate(baseline))


def read_baseline(path: Path) -> dict[str, Any]:
    """Return the content of a baseline's file as it is read."""
    return baselines.read(path).document()


def gate(suite: Document, base: Document, file: str = "") -> dict[str, Any]:
    """Return the result of a suite against a baseline."""
    return baselines.gate(Suite.model_validate(suite), Baseline.model_validate(base), file).document()


def unfit(suite: Document) -> str:
    """Return why a suite can't be a baseline."""
    return baselines.unfit(Suite.model_validate(suite))
