"""Journal + samples → the outcome of a run. Pure: all of it comes from the run's folder, so it can be done again.

`evidence` reads the folder, `clocks` finds when it broke and when it was well again, `detection`, `impact` and `audit`
each fill a part of the outcome, `outcome` judges it and writes the files, `trials` compares many of them. `model` holds
the result files as typed models. Drawing them is left to `gameday_reports`.
"""

from gameday.analysis.model.outcome_model import Outcome
from gameday.analysis.outcome.outcome_file import measure, write_outcome

__all__ = ["Outcome", "measure", "write_outcome"]
