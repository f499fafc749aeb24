"""Impact: requests and users hurt from effect to recovery, by region, journey and release; the
budget spent.

`regions` are the regions that users live in, since an unanswered request has no other; `served` is
the region that answered.

If a fault had no effect on any SLO, single requests may still have failed: impact then counts from
the injection to the end of the run, and in a control run without a timeline from the start of the
steady state. The same holds if an abort condition ended the run before an SLO was in breach.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gameday.analysis.clocks.clocks import Analysis
from gameday.analysis.impact.bad_requests import kinds
from gameday.analysis.impact.blast_radius import Codes, Radius, UserShare
from gameday.analysis.impact.lost_sales import sales_lost_cents
from gameday.analysis.model.harm_models import BlastCell, Impact, Tally, UserTally
from gameday.recording.samples import ErrorKind, Records
from gameday.scenario import Slo
from gameday.slo import Course


def impact(analysis: Analysis) -> Impact:
    """Return the outcome's `impact`; all None if nothing was judged."""
    run, clocks = analysis.run, analysis.clocks
    budgets = budgets_spent(run.scenario.slos, analysis.courses)
    most_spent = max((share for share in budgets.values() if share is not None), default=None)
    since = judged_since(analysis)
    if since is None:
        return Impact(error_budget_spent=most_spent, budgets=budgets)
    records, samples = during(run.samples.records, since, clocks.recovered, run.end), run.samples
    radius = Radius(records, kinds(run.scenario.slos, samples, records))
    journeys = records["journey"], samples.journeys
    people = radius.people(run.homes)
    regions: dict[str, UserTally] = {}
    blast: tuple[BlastCell, ...] = ()
    if run.homes is not None:
        at_home = run.homes.of(radius.users), run.homes.names
        regions = {
            name: _with_users(tally, people.homes[name]) for name, tally in radius.by(*at_home).items()
        }
        blast = radius.crossed(at_home, journeys)
    return Impact(
        **vars(_with_users(radius.whole(), people.total)),
        user_hurt_s=people.hurt_s,
        users_per_minute=_per_minute(people.total.users, analysis.until - since),
        bad_s=radius.waited_s(),
        after_recovery=_after(analysis),
        regions=regions,
        served=radius.by(records["region"], samples.regions),
        journeys=_journeys(radius, journeys),
        releases=radius.by(records["release"], samples.releases),
        blast=blast,
        error_budget_spent=most_spent,
        budgets=budgets,
        sales_lost_cents=sales_lost_cents(run.samples, since, run.scenario.order_journeys),
    )


def _after(analysis: Analysis) -> Tally:
    """Return the tally from recovery to the end of the run; all None without a recovery."""
    run, recovered = analysis.run, analysis.clocks.recovered
    if recovered is None:
        return Tally()
    records = during(run.samples.records, recovered, None, run.end)
    return Radius(records, kinds(run.scenario.slos, run.samples, records)).whole()


def _per_minute(users: int, seconds: float) -> float | None:
    return 60.0 * users / seconds if seconds > 0 else None


def _journeys(radius: Radius, journeys: tuple[Codes, Sequence[str]]) -> dict[str, UserTally]:
    shares = radius.users_by(*journeys)
    return {name: _with_users(tally, shares[name]) for name, tally in radius.by(*journeys).items()}


def _with_users(tally: Tally, share: UserShare) -> UserTally:
    return UserTally(**vars(tally), users=share.users, users_affected_ratio=share.ratio)


def judged_since(analysis: Analysis) -> float | None:
    """Return the time from which requests count as hurt; None if nothing was judged."""
    clocks = analysis.clocks
    if clocks.effect is not None:
        return clocks.effect
    if not analysis.unhurt and analysis.run.stopped is None:
        return None
    return clocks.inject if clocks.inject is not None else analysis.run.steady_from


def during(records: Records, effect: float, recovered: float | None, end: float) -> Records:
    """Return the requests that were sent and planned in [effect, recovered), or in [effect, end] without a recovery."""
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
    """Return bad requests as a share of those that the objective allows over the run; above 1 it is overspent."""
    return course.bad / (course.n * (1 - slo.objective)) if course.n else None


def budgets_spent(slos: Sequence[Slo], courses: Sequence[Course]) -> dict[str, float | None]:
    """Return the share of its error budget that each judged SLO spent."""
    return {slo.name: spent(slo, course) for slo, course in zip(slos, courses, strict=False)}
