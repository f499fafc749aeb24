"""Samples → verdicts of the SLOs and the course of each: when it broke, when it held again. Pure, and the only judge.

The live engine and the analysis from disk call the same code: `verdicts` judges one window, `stream` picks the requests
that an SLO speaks of and finds the windows in breach, `courses` makes outages of them. Which alert, which responder,
which clock: that is `gameday.analysis`.
"""

from gameday.slo.excursions import Course, Outage, course, holding_since
from gameday.slo.request_windows import select
from gameday.slo.verdicts import MINIMUM, SIGNIFICANCE, Verdict, critical, verdict

__all__ = [
    "MINIMUM",
    "SIGNIFICANCE",
    "Course",
    "Outage",
    "Verdict",
    "course",
    "critical",
    "holding_since",
    "select",
    "verdict",
]
