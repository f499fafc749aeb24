"""Who was hurt: requests and users from effect to recovery, by region, journey and release; the budget spent.

`regions` are those that users live in, for a request nobody answered has no other; where it was served is `served`.

Where a fault had no effect on any SLO, single requests may have failed all the same: then it counts from the injection
to the end, and from the start of the steady state in a control run without a timeline. So it does where an abort
condition ended the run before an SLO was in breach.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gameday.analysis.clocks.clocks import Analysis
from gameday.analysis.impact.blast_radius import Radius
from gameday.recording.samples import ErrorKind, Records
from gameday.scenario import Slo
from gameday.slo import Course

FIGURES = ("requests", "failed", "failed_ratio", "hurt_s", "users", "users_affected_ratio")
GROUPS = ("regions", "served", "journeys", "releases")


def impact(analysis: Analysis) -> dict[str, Any]:
    """The outcome's `impact`; all null where nothing was judged."""
    run, clocks = analysis.run, analysis.clocks
    budgets = budgets_spent(run.scenario.slos, analysis.courses)
    known = [each for each in budgets.values() if each is not None]
    spent_most = {"error_budget_spent": max(known, default=None), "budgets": budgets}
    since = judged_since(analysis)
    if since is None:
        nothing: dict[str, Any] = {**dict.fromkeys(FIGURES), "user_hurt_s": _UNKNOWN}
        return {**nothing, **{group: {} for group in GROUPS}, "blast": [], **spent_most}
    records, samples = during(run.samples.records, since, clocks.recovered, run.end), run.samples
    radius, journeys = Radius(records), (records["journey"], samples.journeys)
    people = radius.people(run.homes)
    regions, blast = {}, []
    if run.homes is not None:
        at_home = run.homes.of(radius.users), run.homes.names
        regions = {name: {**each, **people["homes"][name]} for name, each in radius.by(*at_home).items()}
        blast = radius.crossed(at_home, journeys, ("region", "journey"))
    return {
        **radius.whole(),
        **{key: people[key] for key in ("users", "users_affected_ratio")},
        "user_hurt_s": people["hurt_s"],
        "regions": regions,
        "served": radius.by(records["region"], samples.regions),
        "journeys": radius.by(*journeys),
        "releases": radius.by(records["release"], samples.releases),
        "blast": blast,
        **spent_most,
    }


_UNKNOWN = dict.fromkeys(("median", "p95", "longest"))


def judged_since(analysis: Analysis) -> float | None:
    """When the hurt may have begun; None where nothing was judged."""
    clocks = analysis.clocks
    if clocks.effect is not None:
        return clocks.effect
    if not analysis.unhurt and analysis.run.stopped is None:
        return None
    return clocks.inject if clocks.inject is not None else analysis.run.steady_from


def during(records: Records, effect: float, recovered: float | None, end: float) -> Records:
    """The requests that were sent and planned from `effect` till just before `recovered`, else till `end`."""
    planned = records["planned"]
    low = np.searchsorted(planned, effect)
    high = (
        np.searchsorted(planned, end, side="right")
        if recovered is None
        else np.searchsorted(planned, recovered)
    )
    part: Records = records[low:high]
    sent: Records = part[part["error"] != ErrorKind.NOT_SENT]
    return sent


def spent(slo: Slo, course: Course) -> float | None:
    """Bad requests as a share of those that the objective allows over the run; over 1 the budget is overspent."""
    return course.bad / (course.n * (1 - slo.objective)) if course.n else None


def budgets_spent(slos: Sequence[Slo], courses: Sequence[Course]) -> dict[str, float | None]:
    """Of each SLO that was judged."""
    return {slo.name: spent(slo, course) for slo, course in zip(slos, courses, strict=False)}
