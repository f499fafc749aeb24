"""SLOs: from samples to the verdict and the course of each SLO, its outages with effect and recovery. Pure.

The live engine and the analysis from disk call the same code. `verdicts` judges one window, `breach_windows` selects
the requests that an SLO counts and finds the windows in breach, `excursions` makes outages of them.
"""

from gameday.slo.breach_windows import select
from gameday.slo.excursions import Course, Outage, course, holding_since
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
