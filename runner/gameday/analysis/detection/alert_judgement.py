"""Alerts of a run, judged: which were about an outage, which were false, and how each detector did."""

from __future__ import annotations

from gameday.analysis.clocks.clocks import Analysis
from gameday.analysis.detection.detection_delay import times
from gameday.analysis.model.event_models import Alert, DetectorResult
from gameday.recording.journal_events import AlertRaised


def raised(analysis: Analysis) -> tuple[AlertRaised, ...]:
    """Return every alert since the steady state began; detectors learn before that."""
    since = analysis.run.steady_from
    return (
        ()
        if since is None
        else tuple(e for e in analysis.run.journal.of(AlertRaised) if since <= e.t <= analysis.run.end)
    )


def false_pages(analysis: Analysis) -> int:
    """Return how many pages were for no SLO in breach."""
    return sum(1 for alert in raised(analysis) if alert.pages and _false(analysis, alert))


def _false(analysis: Analysis, alert: AlertRaised) -> bool:
    return analysis.genuine(alert) is None and not analysis.late(alert)


def alerts(analysis: Analysis) -> tuple[Alert, ...]:
    """Return the outcome's `alerts`."""
    return tuple(
        Alert(
            t=alert.t,
            id=alert.alert,
            side=alert.side,
            detector=alert.detector,
            pages=alert.pages,
            slo=alert.slo,
            region=alert.region,
            journey=alert.journey,
            summary=alert.summary or None,
            false_alarm=_false(analysis, alert),
            late=analysis.late(alert),
        )
        for alert in raised(analysis)
    )


def detectors(analysis: Analysis, limit_s: float | None) -> dict[str, DetectorResult]:
    """Return the outcome's `detectors`: every configured one, paging or not, each held against the same `limit_s`.

    TTD counts from `effect`.
    """
    effect = analysis.clocks.effect
    results: dict[str, DetectorResult] = {}
    for detector in analysis.run.scenario.detectors:
        own = [alert for alert in raised(analysis) if alert.detector == detector.detector]
        genuine = [alert.t for alert in own if analysis.genuine(alert)]
        ttd = max(0.0, genuine[0] - effect) if genuine and effect is not None else None
        results[detector.detector] = DetectorResult(
            side=detector.side,
            pages=detector.pages,
            ttd_s=ttd,
            false_alarms=sum(_false(analysis, alert) for alert in own),
            limit_ratio=times(ttd, limit_s),
        )
    return results


def detected(analysis: Analysis, slo: str) -> float | None:
    """Return the time of the first page for this SLO while it was in an outage; None if there was none."""
    own = [outage for course in analysis.courses if course.name == slo for outage in course.outages]
    for alert in raised(analysis):
        if alert.pages and alert.slo == slo and analysis.genuine(alert) in own:
            return alert.t
    return None
