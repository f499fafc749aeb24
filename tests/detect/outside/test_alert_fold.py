"""Fold over payloads: an alert is raised once for each time that it begins to fire."""

from __future__ import annotations

from gameday.detect.outside.alert_fold import AlertFold
from gameday.detect.outside.alertmanager import read_webhook
from gameday.detect.outside.label_match import Parameters
from tests.support.alert_payloads import alert, webhook

LATER = "2026-11-30T21:09:00Z"


def fold() -> AlertFold:
    return AlertFold(Parameters(), read_webhook)


def test_a_repeated_notification_raises_nothing() -> None:
    """Alertmanager repeats what fires; a new start of the same alert is a new one."""
    own = fold()
    assert len(own.take(1.0, webhook(alert()))) == 1
    assert own.take(2.0, webhook(alert())) == []
    assert len(own.take(3.0, webhook(alert(starts_at=LATER)))) == 1
    assert own.take(4.0, webhook(alert("resolved", starts_at=LATER))) == []
    assert len(own.take(5.0, webhook(alert(starts_at=LATER)))) == 1


def test_the_alerts_of_one_slo_in_a_payload_are_one() -> None:
    """The region is the one that all share; an alert without an SLO is ignored."""
    own = fold()
    group = webhook(
        alert(fingerprint="a", region="us-east"),
        alert(fingerprint="b", region="eu-west"),
        alert(fingerprint="c", slo="browse", region="us-east"),
        alert(fingerprint="d", slo=""),
    )
    assert [(one.slo, one.region) for one in own.take(1.0, group)] == [
        ("checkout", None),
        ("browse", "us-east"),
    ]


def test_what_fires_since_before_the_steady_state_is_raised_at_its_end() -> None:
    """An alert of the warm-up would otherwise never be raised again; one that ended isn't carried over."""
    own = fold()
    own.take(1.0, webhook(alert(fingerprint="a"), alert(fingerprint="b", slo="browse")))
    own.take(2.0, webhook(alert("resolved", fingerprint="b", slo="browse")))
    own.take(6.0, webhook(alert(fingerprint="c", slo="prices")))
    (carried,) = own.carry_over(12.0, since=5.0)
    assert (carried.t, carried.slo) == (12.0, "checkout")
    assert carried.summary.startswith("firing since before the steady state: CheckoutBurn")
