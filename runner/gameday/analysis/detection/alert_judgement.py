"""The alerts of a run judged: which spoke of an outage, which were false, and how each detector did among others."""

from __future__ import annotations

from typing import Any

from gameday.analysis.clocks.clocks import Analysis
from gameday.analysis.detection.detection_delay import times
from gameday.recording.journal import Event

KEYS = ("detector", "pages", "slo", "region", "journey", "summary")


def raised(analysis: Analysis) -> tuple[Event, ...]:
    """Every alert since the steady state began; detectors learn before that."""
    since = analysis.run.steady_from
    return (
        ()
        if since is None
        else tuple(e for e in analysis.run.all("alert.raised") if since <= e.t <= analysis.run.end)
    )


def false_pages(analysis: Analysis) -> int:
    """Pages that were for no SLO in breach."""
    return sum(1 for alert in raised(analysis) if alert.data.get("pages") and analysis.genuine(alert) is None)


def listed(analysis: Analysis) -> list[dict[str, Any]]:
    """The outcome's `alerts`."""
    return [
        {
            "t": alert.t,
            "id": alert.subject,
            "side": alert.data.get("side"),
            **{key: alert.data.get(key) for key in KEYS},
            "false_alarm": analysis.genuine(alert) is None,
        }
        for alert in raised(analysis)
    ]


def detectors(analysis: Analysis, limit_s: float | None) -> dict[str, dict[str, Any]]:
    """The outcome's `detectors`: every configured one, whether it pages or only watches. TTD counts from `effect`.

    Each is held against the same `limit_s`.
    """
    effect = analysis.clocks.effect
    found: dict[str, dict[str, Any]] = {}
    for each in analysis.run.scenario.detectors:
        own = [alert for alert in raised(analysis) if alert.data.get("detector") == each.detector]
        genuine = [alert.t for alert in own if analysis.genuine(alert)]
        ttd = genuine[0] - effect if genuine and effect is not None else None
        found[each.detector] = {
            "side": "service" if each.detector == "scrape" else "client",
            "pages": each.pages,
            "ttd_s": ttd,
            "false_alarms": len(own) - len(genuine),
            "limit_ratio": times(ttd, limit_s),
        }
    return found


def detected(analysis: Analysis, slo: str) -> float | None:
    """When the first page for this SLO came, while it was in an outage."""
    for alert in raised(analysis):
        if alert.data.get("pages") and alert.data.get("slo") == slo and analysis.genuine(alert):
            return alert.t
    return None
