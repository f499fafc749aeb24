"""Parts of the live page as HTML: each has a name, is rendered from a role's view, and is sent only if it changed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from gameday_reports.live.live_charts import Bar, Frame, Tick, latency_chart, requests_chart
from gameday_reports.live.picture import Picture
from gameday_reports.live.request_fold import KINDS
from gameday_reports.live.role_view import FACILITATOR, ON_CALL, SCRIBE, About, RoleView, Room, view
from gameday_reports.pages.page_template import environment

SHOWN_S = 180
SHORTEST_S = 20
"""Seconds that the charts show, at most and at least."""
COMMON = (
    "status",
    "clock",
    "lamps",
    "requests",
    "latency",
    "pages",
    "changes",
    "operations",
    "notes",
    "agenda",
)
PARTS = {
    FACILITATOR: (*COMMON, "control", "plot", "poll", "record"),
    ON_CALL: (*COMMON, "controls"),
    "observer": (*COMMON, "poll"),
    SCRIBE: (*COMMON, "poll", "record"),
}
"""Role → the parts of its page."""


def parts(picture: Picture, role: str, about: About, room: Room) -> dict[str, Any]:
    """Return part → HTML of a role's page, and under `map` the marks of the map."""
    shown = view(picture, role, about, room)
    known = bool(shown.faults)
    if known not in picture.drawn:
        picture.drawn[known] = _charts(picture, shown)
    content = {"view": shown, "drawn": picture.drawn[known], "clock": clock_text, "stamp": stamp}
    rendered: dict[str, Any] = {name: str(getattr(_macros(), name)(**content)) for name in PARTS[role]}
    rendered["map"] = shown.marks
    return rendered


@lru_cache(maxsize=1)
def _engine() -> Environment:
    return environment()


@lru_cache(maxsize=1)
def _macros() -> Any:
    return _engine().get_template("live_parts.html.j2").module


def frame_of(picture: Picture) -> Frame:
    """Return the stretch of time that the charts show: whole seconds, the last of them complete."""
    until = math.floor(picture.requests.now)
    begun = min(picture.requests.seconds, default=max(0, until - 30))
    since = min(max(begun, until - SHOWN_S), until - SHORTEST_S)
    return Frame(max(since, 0), max(until, 1))


def _charts(picture: Picture, shown: RoleView) -> Mapping[str, Markup]:
    """Return the drawings. Only bars of `shown.faults`, which are empty for most roles, name faults."""
    frame = frame_of(picture)
    bars = [Bar("hurt", "users hurt", hurt.since, hurt.until) for hurt in picture.requests.hurts]
    bars += [
        Bar("fault", f"{row['kind']} {row['target']}", row["ordered"], row["reverted"])
        for row in shown.faults
    ]
    ticks = [Tick("page", f"page {row['id']}", row["t"]) for row in shown.pages]
    ticks += [Tick("change", f"{row['service']} → {row['release']}", row["t"]) for row in shown.changes]
    ticks += [Tick("operation", row["text"], row["t"]) for row in shown.operations]
    limits = {
        slo.journey: slo.under for slo in picture.slos if slo.journey and slo.sli == "latency" and slo.under
    }
    requests = requests_chart(frame, picture.requests.seconds, bars, ticks)
    latency = latency_chart(frame, picture.requests.latency, limits, bars, ticks)
    journeys = sorted({journey for row in picture.requests.latency.values() for journey in row})
    return {
        "requests": Markup(requests),  # noqa: S704 - drawn here, every text in it escaped
        "latency": Markup(latency),  # noqa: S704
        "journeys": journeys,  # type: ignore[dict-item]
        "rate": picture.requests.rate(),  # type: ignore[dict-item]
        "totals": _totals(picture),  # type: ignore[dict-item]
    }


def _totals(picture: Picture) -> dict[str, int]:
    """Return kind → requests of the last ten whole seconds."""
    until = math.floor(picture.requests.now)
    rows = [picture.requests.seconds.get(second, {}) for second in range(max(0, until - 10), until)]
    return {kind: sum(row.get(kind, 0) for row in rows) for kind in KINDS}


def clock_text(seconds: float | None) -> str:
    """Return a length of time as 00:41, or 1:02:03; a dash if it isn't known."""
    if seconds is None:
        return "–"
    whole = max(0, math.floor(seconds + 1e-9))
    hours, rest = divmod(whole, 3600)
    text = f"{rest // 60:02d}:{rest % 60:02d}"
    return f"{hours}:{text}" if hours else text


def stamp(t: float) -> str:
    """Return a moment of a run as 2:05.4, in minutes and seconds since its start."""
    tenths = math.floor(t * 10 + 1e-6)
    return f"{tenths // 600}:{tenths % 600 // 10:02d}.{tenths % 10}"
