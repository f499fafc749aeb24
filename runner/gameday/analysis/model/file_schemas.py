"""The result files by name, for `gameday schema`."""

from __future__ import annotations

from collections.abc import Mapping

from gameday.analysis.model.baseline_model import Baseline
from gameday.analysis.model.comparison_model import Comparison
from gameday.analysis.model.history_model import History
from gameday.analysis.model.matrix_model import Matrix
from gameday.analysis.model.outcome_model import Outcome
from gameday.analysis.model.result_file import ResultFile
from gameday.analysis.model.suite_model import Suite
from gameday.analysis.model.trials_model import Trials

RESULT_FILES: Mapping[str, type[ResultFile]] = {
    "outcome": Outcome,
    "trials": Trials,
    "comparison": Comparison,
    "suite": Suite,
    "baseline": Baseline,
    "matrix": Matrix,
    "history": History,
}
