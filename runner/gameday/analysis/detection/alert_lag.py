"""Lag of alerts from outside, decomposed: from the first bad request to the alert, each part with the setting that makes it.

The moments come from `alert.traced`: stamps of Prometheus, corrected by the measured offset of its clock, and the arrival on
the run's own. The parts follow each other without a gap, so that they add up to the whole. What nothing is known about is one
part with the next that is.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from gameday.analysis.clocks.clocks import Analysis
from gameday.analysis.detection.alert_judgement import raised
from gameday.analysis.model.event_models import AlertLag, LagPart
from gameday.recording.journal_events import AlertTraced

EQUAL_S = 0.001
"""Stamps of two answers that are nearer are the same moment."""
Part = tuple[str, str, float | None]
"""Name, setting that makes it, and the setting's value in seconds."""


class Moment(NamedTuple):
    """The end of a part, on the run's clock; `t` is None if it isn't known."""

    t: float | None
    part: Part


def alert_lags(analysis: Analysis) -> tuple[AlertLag, ...]:
    """Return the outcome's `alert_lags`: of every alert from outside that was about the outage, and was traced."""
    effect = analysis.clocks.effect
    traces = {trace.alert: trace for trace in analysis.run.journal.of(AlertTraced)}
    started = _started(analysis)
    if effect is None or started is None:
        return ()
    lags = []
    for alert in raised(analysis):
        trace = traces.get(alert.alert)
        if trace is None or analysis.genuine(alert) is None:
            continue
        lags.append(
            AlertLag(
                alert=alert.alert,
                detector=alert.detector,
                name=trace.name or None,
                slo=alert.slo,
                arrived=trace.arrived,
                total_s=max(0.0, alert.t - effect),
                parts=lag_parts(trace, effect, alert.t, started),
                offset_s=trace.offset_s,
                offset_error_s=trace.offset_error_s,
                expr=trace.expr or None,
                why_unknown=trace.why_unknown or None,
            )
        )
    return tuple(lags)


def lag_parts(trace: AlertTraced, effect: float, raised_at: float, started: float) -> tuple[LagPart, ...]:
    """Return the parts from `effect` to `raised_at`, on the run's clock, which began at `started` in epoch seconds."""
    moments = list(_moments(trace, effect, raised_at, started))
    return tuple(_parts(effect, max(effect, raised_at), moments))


def _started(analysis: Analysis) -> float | None:
    """Return the run's start in epoch seconds of this machine's clock; None if the journal lacks it."""
    try:
        return (
            datetime.fromisoformat(analysis.run.started.started).timestamp() if analysis.run.started else None
        )
    except ValueError:
        return None


def _moments(trace: AlertTraced, effect: float, taken: float, started: float) -> Iterator[Moment]:
    """Yield the end of every part, in order."""

    def local(stamp: float | None) -> float | None:
        return None if stamp is None else stamp - started - (trace.offset_s or 0.0)

    active, fired = local(trace.active_at), local(trace.starts_at)
    scrapes = [t for stamp in trace.scrapes_at if (t := local(stamp)) is not None]
    place = bisect_left(scrapes, effect)
    visible = scrapes[place] if place < len(scrapes) else None
    if visible is not None and active is not None and visible > active:
        visible = None
    if (
        fired is None or active is None or fired <= active + EQUAL_S
    ):  # Prometheus's API doesn't say when a rule fired
        fired = (
            active + trace.for_s if trace.poll_s and active is not None and trace.for_s is not None else fired
        )
    if trace.poll_s is not None:
        yield Moment(visible, ("scrape", "scrape_interval", trace.scrape_interval_s))
        yield Moment(active, ("rule", "expr, evaluation_interval", trace.evaluation_interval_s))
        yield Moment(fired, ("for", "for", trace.for_s))
        yield Moment(trace.arrived, ("poll", "every", trace.poll_s))
    else:
        yield Moment(visible, ("scrape", "scrape_interval", trace.scrape_interval_s))
        yield Moment(active, ("rule", "expr, evaluation_interval", trace.evaluation_interval_s))
        yield Moment(fired, ("for", "for", trace.for_s))
        wait = trace.group_wait_s
        waited = None if fired is None or wait is None else min(fired + wait, trace.arrived)
        yield Moment(waited, ("group_wait", "group_wait", wait))
        yield Moment(trace.arrived, ("delivery", "sending and receiving", None))
    yield Moment(taken, ("taken", "gameday's own", None))


def _parts(since: float, until: float, moments: list[Moment]) -> Iterator[LagPart]:
    """Yield the parts from `since` to `until`. A part whose end isn't known is part of the next one."""
    pending: list[Part] = []
    for moment in moments:
        pending.append(moment.part)
        if moment.t is None:
            continue
        end = min(max(moment.t, since), until)
        yield LagPart(
            name="+".join(name for name, _, _ in pending),
            setting=" + ".join(setting for _, setting, _ in pending),
            configured_s=pending[0][2] if len(pending) == 1 else None,
            seconds=end - since,
        )
        pending, since = [], end
