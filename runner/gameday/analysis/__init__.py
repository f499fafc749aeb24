"""Journal + samples → the outcome of a run. Pure: all of it comes from the run's folder, so it can be done again.

`run` reads the folder, `clocks` finds when it broke and when it was well again, the modules beside them each fill a
part of the outcome, `verdict` judges it and `outcome` puts it together. Drawing it is left to `reports`.
"""

from gameday.analysis.outcome.outcome_file import measure, write_outcome
from gameday.analysis.outcome.outcome_schema import outcome_schema

__all__ = ["measure", "outcome_schema", "write_outcome"]
