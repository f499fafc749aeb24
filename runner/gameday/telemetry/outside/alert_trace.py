"""Trace of an alert from outside: what Prometheus and Alertmanager say that it waited for.

Prometheus is asked for the alert's rule (`for`, interval, expression, when its expression became true), for the scrapes of
the alert's targets, and for its clock; Alertmanager for the waits of the route that the alert takes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from gameday.recording.journal_events import AlertTraced
from gameday.telemetry.outside.json_api import NoAnswer, ask

GROUP_WAIT_S, GROUP_INTERVAL_S = 30.0, 300.0
"""Alertmanager's own defaults."""
LOOK_BACK = "10m"
MOST_SCRAPES = 2000
_UNITS = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31536000.0}
_MATCHER = re.compile(r"""\s*([A-Za-z_]\w*)\s*(=~|!~|!=|=)\s*["']?(.*?)["']?\s*""", re.DOTALL)
UNTRACEABLE = (
    NoAnswer,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    re.error,
    yaml.YAMLError,
)
"""What an answer that isn't as expected raises; a matcher may be RE2's syntax, which Python doesn't have."""

Facts = dict[str, Any]
"""Fields of `AlertTraced`."""


def prometheus_seconds(text: object) -> float | None:
    """Return a duration as Prometheus writes it, such as 1m30s, in seconds; None if it isn't one."""
    if not isinstance(text, str) or not re.fullmatch(r"(\d+(ms|[smhdwy]))+", text):
        return None
    return sum(float(n) * _UNITS[unit] for n, unit in re.findall(r"(\d+)(ms|[smhdwy])", text))


def clock_offset(base: str, wall: Callable[[], float]) -> tuple[float, float]:
    """Return (Prometheus's clock less `wall`, the most that this may be off), in seconds. Raise NoAnswer.

    The answer's moment is known to half the round trip, as by NTP.
    """
    best: tuple[float, float] | None = None
    for _ in range(3):
        sent = wall()
        result = ask(base, "/api/v1/query", query="time()")
        received = wall()
        try:
            stamp = float(result["result"][0])
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise NoAnswer(f"{base}: its clock can't be read") from error
        error_s = (received - sent) / 2 + 0.001
        if best is None or error_s < best[1]:
            best = (stamp - (sent + received) / 2, error_s)
    assert best is not None
    return best


def trace(
    alert: str,
    name: str,
    labels: Mapping[str, str],
    arrived: float,
    starts_at: float | None,
    sources: tuple[str | None, str | None],
    wall: Callable[[], float],
    poll_s: float | None = None,
) -> AlertTraced:
    """Return what can be learned of an alert; what isn't is None, and `why_unknown` says why."""
    prometheus, alertmanager = sources
    facts: Facts = {"poll_s": poll_s}
    unknown = []
    if prometheus is None:
        unknown.append("no Prometheus is named that could be asked")
    else:
        for step in (_offset, _rule, _scrapes):
            try:
                facts |= step(prometheus, name, labels, wall)
            except UNTRACEABLE as error:
                unknown.append(str(error)[:200])
    if alertmanager is not None:
        try:
            facts |= _waits(alertmanager, labels)
        except UNTRACEABLE as error:
            unknown.append(str(error)[:200])
    return AlertTraced(
        alert, name=name, arrived=arrived, starts_at=starts_at, why_unknown="; ".join(unknown), **facts
    )


def _offset(base: str, name: str, labels: Mapping[str, str], wall: Callable[[], float]) -> Facts:
    offset, error = clock_offset(base, wall)
    return {"offset_s": round(offset, 6), "offset_error_s": round(error, 6), "offset_of": "prometheus"}


def _rule(base: str, name: str, labels: Mapping[str, str], wall: Callable[[], float]) -> Facts:
    from datetime import datetime

    for group in ask(base, "/api/v1/rules", type="alert")["groups"]:
        for rule in group["rules"]:
            if rule.get("name") != name or rule.get("type") != "alerting":
                continue
            active = [one for one in rule.get("alerts", ()) if _agree(one.get("labels", {}), labels)]
            moments = [datetime.fromisoformat(one["activeAt"]).timestamp() for one in active]
            return {
                "active_at": min(moments, default=None),
                "for_s": float(rule["duration"]),
                "evaluation_interval_s": float(group["interval"]),
                "expr": str(rule["query"])[:2000],
            }
    raise NoAnswer(f"{base} has no rule named {name[:80]!r}")


def _agree(left: Mapping[str, str], right: Mapping[str, str]) -> bool:
    """Return whether two sets of labels contradict each other nowhere."""
    return all(right[key] == value for key, value in left.items() if key in right)


def _scrapes(base: str, name: str, labels: Mapping[str, str], wall: Callable[[], float]) -> Facts:
    """Return the scrapes of the targets that the alert's labels name; of all targets if they name none."""
    names = {key: value for key, value in labels.items() if key not in ("alertname", "severity", "slo")}
    series = ask(base, "/api/v1/query", query=f"up[{LOOK_BACK}]")["result"]
    chosen = [one for one in series if _agree(one["metric"], names)] or series
    stamps = sorted({round(float(stamp), 3) for one in chosen for stamp, _ in one["values"]})
    targets = ask(base, "/api/v1/targets", state="active")["activeTargets"]
    intervals = [
        seconds
        for target in targets
        if _agree(target.get("labels", {}), names)
        and (seconds := prometheus_seconds(target.get("scrapeInterval"))) is not None
    ]
    return {"scrapes_at": tuple(stamps[-MOST_SCRAPES:]), "scrape_interval_s": max(intervals, default=None)}


def _waits(base: str, labels: Mapping[str, str]) -> Facts:
    """Return the waits of the alert's route in Alertmanager's configuration."""
    config = yaml.safe_load(ask(base, "/api/v2/status")["config"]["original"])
    wait, interval = GROUP_WAIT_S, GROUP_INTERVAL_S
    for route in routes(config["route"], labels):
        own_wait, own_interval = (
            prometheus_seconds(route.get(key)) for key in ("group_wait", "group_interval")
        )
        wait = wait if own_wait is None else own_wait
        interval = interval if own_interval is None else own_interval
    return {"group_wait_s": wait, "group_interval_s": interval}


def routes(route: Mapping[str, Any], labels: Mapping[str, str]) -> list[Mapping[str, Any]]:
    """Return the routes that an alert takes, from the top to the first that matches it at each level."""
    for child in route.get("routes") or ():
        if _matches(child, labels):
            return [route, *routes(child, labels)]
    return [route]


def _matches(route: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    equal = all(labels.get(key, "") == str(value) for key, value in (route.get("match") or {}).items())
    alike = all(
        re.fullmatch(str(value), labels.get(key, "")) for key, value in (route.get("match_re") or {}).items()
    )
    return equal and alike and all(_holds(str(text), labels) for text in route.get("matchers") or ())


def _holds(matcher: str, labels: Mapping[str, str]) -> bool:
    parts = _MATCHER.fullmatch(matcher)
    if parts is None:
        return False
    name, operator, value = parts.groups()
    has = labels.get(name, "")
    same = re.fullmatch(value, has) is not None if "~" in operator else has == value
    return same != operator.startswith("!")
