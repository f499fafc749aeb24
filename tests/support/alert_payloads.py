"""Payloads of alerting systems, as they really send them."""

from __future__ import annotations

import json
from typing import Any

STARTED = "2026-11-30T21:00:05.123456789Z"
STARTED_S = 1796072405.123456


def alert(status: str = "firing", fingerprint: str = "f1", starts_at: str = STARTED, **labels: str) -> Any:
    """Return one alert of Alertmanager's webhook."""
    return {
        "status": status,
        "labels": {"alertname": "CheckoutBurn", "severity": "page", "slo": "checkout"} | labels,
        "annotations": {"summary": "checkout burns its budget"},
        "startsAt": starts_at,
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://localhost:9090/graph",
        "fingerprint": fingerprint,
    }


def webhook(*alerts: Any) -> bytes:
    """Return a webhook's payload of Alertmanager 0.25."""
    payload = {
        "receiver": "gameday",
        "status": "firing",
        "alerts": list(alerts),
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://localhost:9093",
        "version": "4",
        "groupKey": "{}:{}",
        "truncatedAlerts": 0,
    }
    return json.dumps(payload).encode()
