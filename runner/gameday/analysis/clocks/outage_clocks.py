"""Clocks of each outage of a run. The headline clocks are those of the first one, to the recovery that lasted."""

from __future__ import annotations

import math

from gameday.analysis.clocks.attribution import End
from gameday.analysis.clocks.clocks import Analysis, ended_it, taken
from gameday.analysis.model.event_models import Operation
from gameday.analysis.model.time_models import OutageClocks, Spacing
from gameday.slo import Outage


def outage_clocks(analysis: Analysis) -> tuple[OutageClocks, ...]:
    """Return every outage since the injection, in order, with its own clocks."""
    later = [*(outage.effect for outage in analysis.outages), math.inf][1:]
    return tuple(_clocks(analysis, *pair) for pair in zip(analysis.outages, later, strict=True))


def _clocks(analysis: Analysis, outage: Outage, next_effect: float) -> OutageClocks:
    """Return the clocks of one outage; `next_effect` is when the next one began."""
    run, act = analysis.run, _act(analysis, outage)
    broken = [
        (each.effect, course.name)
        for course in analysis.courses
        for each in course.outages
        if outage.effect <= each.effect < next_effect
    ]
    until = act.t if act else next_effect
    detect = next(
        (
            max(alert.t, outage.effect)
            for alert in run.alerts
            if alert.raised.pages
            and outage.effect - outage.effect_error <= alert.t <= until
            and analysis.genuine(alert.raised)
        ),
        None,
    )
    ack = taken(run, analysis.operations, detect)
    return OutageClocks(
        slo=min(broken)[1] if broken else "",
        slos=tuple(dict.fromkeys(name for _, name in sorted(broken))),
        effect=outage.effect,
        detect=detect,
        ack=ack if ack is not None and ack < next_effect else None,
        act=act.t if act else None,
        acted=act.done if act else None,
        recovered=outage.recovered,
        spacing_s=Spacing(
            effect=outage.effect_error,
            recovered=outage.recovered_error if outage.recovered is not None else None,
        ),
    )


def _act(analysis: Analysis, outage: Outage) -> Operation | None:
    end = End.at(analysis.run, analysis.courses, outage.recovered)
    return ended_it(analysis.run, analysis.operations, outage.effect, end) if end else None
