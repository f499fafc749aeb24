"""Who was hurt: requests and users from effect to recovery, by region, journey and release; the budget spent.

Where a fault had no effect on any SLO, single requests may have failed all the same: then it counts from the injection
to the end, and from the start of the steady state in a control run without a timeline.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from runner.measure.clocks import Analysis
from runner.samples import ErrorKind, Records
from runner.scenario import Slo
from runner.slo import Course

Tally = dict[str, dict[str, Any]]


def impact(analysis: Analysis) -> dict[str, Any]:
    """The outcome's `impact`; all null where nothing was judged."""
    run, clocks = analysis.run, analysis.clocks
    budget = budget_spent(run.scenario.slos, analysis.courses)
    since = _since(analysis)
    if since is None:
        counts = dict.fromkeys(("requests", "failed", "failed_ratio", "users", "users_affected_ratio"))
        return {**counts, "regions": {}, "journeys": {}, "releases": {}, "error_budget_spent": budget}
    records = during(run.samples.records, since, clocks.recovered, run.end)
    failed = records["error"] != ErrorKind.NONE
    users, hurt = np.unique(records["user"]), np.unique(records["user"][failed])
    return {
        **tally(failed),
        "users": len(hurt),
        "users_affected_ratio": len(hurt) / len(users) if len(users) else None,
        "regions": by_name(records["region"], run.samples.regions, failed),
        "journeys": by_name(records["journey"], run.samples.journeys, failed),
        "releases": by_name(records["release"], run.samples.releases, failed),
        "error_budget_spent": budget,
    }


def _since(analysis: Analysis) -> float | None:
    """When the hurt may have begun; None where nothing was judged."""
    clocks = analysis.clocks
    if clocks.effect is not None:
        return clocks.effect
    if not analysis.unhurt:
        return None
    return clocks.inject if clocks.inject is not None else analysis.run.steady_from


def during(records: Records, effect: float, recovered: float | None, end: float) -> Records:
    """The requests that were sent and planned from `effect` till just before `recovered`, else till `end`."""
    planned = records["planned"]
    low = np.searchsorted(planned, effect)
    high = np.searchsorted(planned, end, side="right") if recovered is None else np.searchsorted(planned, recovered)
    part: Records = records[low:high]
    sent: Records = part[part["error"] != ErrorKind.NOT_SENT]
    return sent


def tally(failed: npt.NDArray[np.bool_]) -> dict[str, Any]:
    bad = int(failed.sum())
    return {"requests": len(failed), "failed": bad, "failed_ratio": bad / len(failed) if len(failed) else None}


def by_name(codes: npt.NDArray[np.integer[Any]], names: Sequence[str], failed: npt.NDArray[np.bool_]) -> Tally:
    """The tally of each name that has requests, in order of name."""
    return {names[code]: tally(failed[codes == code]) for code in sorted(np.unique(codes), key=lambda c: names[c])}


def spent(slo: Slo, course: Course) -> float | None:
    """Bad requests as a share of those that the objective allows over the run; over 1 the budget is overspent."""
    return course.bad / (course.n * (1 - slo.objective)) if course.n else None


def budget_spent(slos: Sequence[Slo], courses: Sequence[Course]) -> float | None:
    """Of the SLO that spent most."""
    shares = [spent(slo, course) for slo, course in zip(slos, courses, strict=False)]
    return max((share for share in shares if share is not None), default=None)
