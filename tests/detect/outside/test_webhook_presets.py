"""Presets of the webhook: payloads of Grafana, Datadog, PagerDuty and Opsgenie."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gameday.detect.outside.webhook import Parameters, make
from gameday.detect.outside.webhook_presets import READERS
from tests.support.alert_payloads import alert, webhook


def pagerduty(event_type: str) -> bytes:
    data = {
        "id": "PGR0VU2",
        "type": "incident",
        "title": "A little bump in the road",
        "urgency": "high",
        "created_at": "2026-11-30T21:00:05Z",
        "service": {"id": "PF9KMXH", "summary": "checkout"},
        "priority": {"summary": "P1"},
    }
    event = {"id": "5ac64822", "event_type": event_type, "occurred_at": "2026-11-30T21:00:06Z", "data": data}
    return json.dumps({"event": event}).encode()


def opsgenie(action: str) -> bytes:
    own = {
        "alertId": "052652ac",
        "message": "Checkout fails",
        "tags": ["region:us-east", "plain"],
        "createdAt": 1796072405000,
        "priority": "P1",
        "details": {"slo": "checkout"},
    }
    return json.dumps({"action": action, "alert": own, "source": {"name": "x"}}).encode()


def datadog(transition: str) -> bytes:
    own = {
        "alert_id": "123",
        "transition": transition,
        "scope": "host:a",
        "title": "Checkout fails",
        "tags": "slo:checkout, region:us-east",
        "date": "1796072405000",
    }
    return json.dumps(own).encode()


@pytest.mark.parametrize(
    ("preset", "begins", "other", "ends"),
    [
        (
            "pagerduty",
            pagerduty("incident.triggered"),
            pagerduty("incident.acknowledged"),
            pagerduty("incident.resolved"),
        ),
        ("opsgenie", opsgenie("Create"), opsgenie("Acknowledge"), opsgenie("Close")),
        ("datadog", datadog("Triggered"), datadog("Renotify"), datadog("Recovered")),
        ("grafana", webhook(alert()), webhook(), webhook(alert("resolved"))),
    ],
)
def test_each_preset_reads_its_senders_payloads(
    preset: str, begins: bytes, other: bytes, ends: bytes
) -> None:
    """An alert is raised when it begins, and again only after its end; other news of it raise nothing."""
    rules = [{"match": {"service": "checkout"}, "slo": "checkout"}, {}]
    detector = make(Parameters.model_validate({"preset": preset, "alerts": rules}))
    raised = [detector.take(float(t), body) for t, body in enumerate((begins, begins, other, ends, begins))]
    assert [len(alerts) for alerts in raised] == [1, 0, 0, 0, 1]
    assert raised[0][0].slo == "checkout"
    assert raised[0][0].starts_at == pytest.approx(1796072405, abs=0.2)
    assert raised[0][0].name


@pytest.mark.parametrize("preset", READERS)
@pytest.mark.parametrize(
    "value", [3, [], {}, {"event": 3}, {"event": {"data": {}}}, {"alert": {}}, {"alert_id": []}, None]
)
def test_payloads_of_another_form_are_refused(preset: str, value: Any) -> None:
    with pytest.raises(ValueError, match=r"no |not |lacks|isn't"):
        READERS[preset](json.dumps(value).encode())
