"""Alertmanager's payloads: what they raise, and what is garbage."""

from __future__ import annotations

import json

import pytest

from gameday.detect.outside.alertmanager import Parameters, make
from tests.support.alert_payloads import STARTED_S, alert, webhook


def test_a_webhook_raises_what_begins_to_fire() -> None:
    """The alert names rule, service and summary; its sender's stamp is kept."""
    (raised,) = make(Parameters()).take(5.0, webhook(alert(service="pricing", region="us-east")))
    assert (raised.t, raised.slo, raised.region, raised.name) == (5.0, "checkout", "us-east", "CheckoutBurn")
    assert raised.summary == "CheckoutBurn (pricing): checkout burns its budget"
    assert raised.starts_at == pytest.approx(STARTED_S, abs=1e-5)


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"alerts": 3}', b'{"alerts": [3]}', b"\x00"])
def test_garbage_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"not|isn't"):
        make(Parameters()).check(body)


@pytest.mark.parametrize("field", ["labels", "annotations", "startsAt", "fingerprint", "status"])
@pytest.mark.parametrize("value", [None, 3, [], {}, "x"])
def test_odd_fields_of_an_alert_raise_nothing_unforeseen(field: str, value: object) -> None:
    """A field of another type is left out."""
    assert len(make(Parameters()).take(1.0, webhook({**alert(), field: value}))) in (0, 1)


def test_a_polled_alertmanager_lists_what_fires() -> None:
    """An alert that is gone from the list has ended, and is raised again if it comes again."""
    polled = make(Parameters(poll="http://127.0.0.1:9093"))
    assert polled.poll == (
        "http://127.0.0.1:9093/api/v2/alerts?active=true&silenced=false&inhibited=false",
        1.0,
    )
    assert polled.sources == (None, "http://127.0.0.1:9093")
    one = json.dumps([{**alert(), "status": {"state": "active"}}]).encode()
    assert [len(polled.take(t, body)) for t, body in [(1, one), (2, one), (3, b"[]"), (4, one)]] == [
        1,
        0,
        0,
        1,
    ]
