"""Warnings of valid scenarios: figures that a run of this length or rate can't give, with what to change."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gameday.analysis.detection.detection_limit import limit
from gameday.scenario import Scenario
from gameday.scenario.scenario_model import Slo
from gameday.slo.verdicts import MINIMUM

OUTCOMES = re.compile(r"\b(?:ttd|ttr|ttfr|tta)(?:_from_inject)?\b")


def warnings(scenario: Scenario) -> Iterator[str]:
    """Yield what a run of this scenario can't show, each warning with its remedy."""
    for slo in scenario.slos:
        yield from _few_requests(scenario, slo)
    yield from _short_hold(scenario)
    if scenario.timeline and scenario.give_up < scenario.hold:
        yield (
            f"giveUp ({scenario.give_up:g} s) is below hold ({scenario.hold:g} s): "
            "a system that recovers is given up before it has held; raise giveUp"
        )
    clocks = sorted({name for text in scenario.expect for name in OUTCOMES.findall(text)})
    if clocks and not scenario.timeline:
        yield f"the timeline is empty, so {', '.join(clocks)} can't be measured; add a fault, or expect !effect"


def rate_of(scenario: Scenario, slo: Slo) -> float:
    """Return the planned requests/s that an SLO covers."""
    planned = {
        name: weight * len(scenario.shapes[name].steps)
        for name, weight in scenario.load.journeys.items()
        if weight
    }
    covered = planned if slo.journey is None else {slo.journey: planned.get(slo.journey, 0.0)}
    return scenario.load.rate * sum(covered.values()) / sum(planned.values())


def _few_requests(scenario: Scenario, slo: Slo) -> Iterator[str]:
    """Yield a warning if the windows of an SLO have too few requests for a verdict."""
    rate = rate_of(scenario, slo)
    planned = rate * slo.window
    if planned >= MINIMUM:
        return
    if not rate:
        yield f"SLO {slo.name!r} covers no request: add journey {slo.journey!r} to load.journeys"
        return
    yield (
        f"SLO {slo.name!r}: about {planned:.0f} requests in a window of {slo.window:g} s; {MINIMUM} are needed "
        f"for a verdict; raise load.rate, or set window: {MINIMUM / rate:.0f}s or more"
    )


def _short_hold(scenario: Scenario) -> Iterator[str]:
    """Yield a warning if no detector could notice within `hold` that a tenth of an SLO's requests fails again."""
    allowances = {slo.name: 1 - slo.objective for slo in scenario.slos}
    delays = {
        slo.name: limit(allowances[slo.name] / 10, min(10 * allowances[slo.name], 1.0), rate)
        for slo in scenario.slos
        if (rate := rate_of(scenario, slo)) > 0
    }
    name, delay = max(delays.items(), key=lambda item: item[1], default=("", 0.0))
    if delay > scenario.hold:
        share = min(10 * allowances[name], 1.0)
        yield (
            f"hold is {scenario.hold:g} s, but the best detector takes {delay:.1f} s to notice that {share:.1%} of the "
            f"requests of SLO {name!r} fail again; raise hold"
        )
