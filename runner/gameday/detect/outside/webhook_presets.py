"""Presets of the generic webhook: payloads of Grafana, Datadog, PagerDuty and Opsgenie, read into signals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gameday.detect.outside.alertmanager import read_webhook
from gameday.detect.outside.signals import Signal, epoch, parse_json, texts

ENDS = {
    "pagerduty": ("incident.resolved",),
    "opsgenie": ("Close", "Delete"),
    "datadog": ("Recovered", "Warn Recovered", "No Data Recovered"),
}
"""Preset → its words for the end of an alert."""
BEGINS = {
    "pagerduty": ("incident.triggered", "incident.reopened"),
    "opsgenie": ("Create",),
    "datadog": ("Triggered", "Re-Triggered"),
}


def read_pagerduty(body: bytes) -> list[Signal]:
    """Return the incident of a V3 webhook. Raise ValueError if the payload isn't one."""
    event = _object(parse_json(body), "event")
    data = _object(event, "data")
    service, priority = (data.get(key) for key in ("service", "priority"))
    labels = {
        "alertname": data.get("title"),
        "service": service.get("summary") if isinstance(service, dict) else None,
        "priority": priority.get("summary") if isinstance(priority, dict) else None,
        "urgency": data.get("urgency"),
    }
    moment = data.get("created_at") or event.get("occurred_at")
    return _one("pagerduty", event.get("event_type"), data.get("id"), labels, moment, data.get("title"))


def read_opsgenie(body: bytes) -> list[Signal]:
    """Return the alert of a webhook. Tags of the form key:value are labels. Raise ValueError if the payload isn't one."""
    data = parse_json(body)
    alert = _object(data, "alert")
    details = alert.get("details")
    labels = {
        **_tags(alert.get("tags")),
        **(details if isinstance(details, dict) else {}),
        "alertname": alert.get("message"),
        "priority": alert.get("priority"),
    }
    key = alert.get("alertId") or alert.get("alias")
    return _one("opsgenie", data.get("action"), key, labels, alert.get("createdAt"), alert.get("message"))


def read_datadog(body: bytes) -> list[Signal]:
    """Return the alert of a webhook whose payload is docs/alerts.md's. Raise ValueError if it isn't."""
    data = parse_json(body)
    if not isinstance(data, dict) or not {"alert_id", "transition"} <= set(data):
        raise ValueError(
            "it lacks 'alert_id' or 'transition': set the webhook's payload as docs/alerts.md shows"
        )
    tags = data.get("tags")
    labels = {**_tags(tags.split(",") if isinstance(tags, str) else tags), "alertname": data.get("title")}
    key = f"{data['alert_id']} {data.get('scope', '')}"
    return _one("datadog", data["transition"], key, labels, _number(data.get("date")), data.get("title"))


READERS: Mapping[str, Callable[[bytes], Sequence[Signal]]] = {
    "grafana": read_webhook,  # Grafana sends Alertmanager's form
    "datadog": read_datadog,
    "pagerduty": read_pagerduty,
    "opsgenie": read_opsgenie,
}
"""Preset → what reads its payloads."""


def _one(
    preset: str, happened: object, key: object, labels: Mapping[str, Any], moment: object, title: object
) -> list[Signal]:
    """Return the signal of one alert; none if what happened neither begins nor ends it."""
    if not isinstance(key, str | int) or not key:
        raise ValueError("its alert has no id")
    known = BEGINS[preset] + ENDS[preset]
    if happened not in known:
        return []
    firing = happened in BEGINS[preset]
    named = texts({name: value for name, value in labels.items() if value is not None})
    return [Signal(str(key)[:1000], firing, named, epoch(moment), str(title or "")[:500])]


def _object(value: Any, name: str) -> Mapping[str, Any]:
    inner = value.get(name) if isinstance(value, dict) else None
    if not isinstance(inner, dict):
        raise ValueError(f"it has no object {name!r}")
    return inner


def _tags(tags: object) -> dict[str, str]:
    """Return tags of the form key:value as labels."""
    listed = tags if isinstance(tags, list) else []
    pairs = (tag.strip().partition(":") for tag in listed if isinstance(tag, str))
    return {key: value for key, colon, value in pairs if colon}


def _number(value: object) -> object:
    """Return digits as a number; templates put quotes around them."""
    return (
        int(value)
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16
        else value
    )
