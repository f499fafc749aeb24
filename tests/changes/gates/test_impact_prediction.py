"""Tests of predicted impact on the bundled shop, and of the gate that looks at it."""

from __future__ import annotations

import pytest

from gameday.changes.gates.gate import GateContext
from gameday.changes.gates.impact_prediction import Traffic, predict
from gameday.scenario.system_under_test import STOREFRONT
from gameday.topology import bundled, read_topology
from tests.support.proposals import findings, proposal

REGIONS = ("us-east", "eu-west")


@pytest.fixture(scope="module")
def traffic() -> Traffic:
    return Traffic.of(read_topology(bundled.compose(), REGIONS), STOREFRONT.default_mix)


@pytest.mark.parametrize(
    ("service", "kind", "strategy", "journeys", "share", "level"),
    [
        ("pricing", "code", "all-at-once", ("browse", "buy"), 10 / 13, "high"),
        ("pricing", "code", "region-by-region", ("browse", "buy"), 5 / 13, "medium"),
        ("gateway", "code", "all-at-once", ("browse", "buy", "login", "history"), 1.0, "high"),
        ("identity", "auth", "all-at-once", ("login",), 2 / 13, "medium"),
        ("orders", "code", "all-at-once", ("history",), 1 / 13, "low"),
        ("costs", "code", "all-at-once", (), 0.0, "low"),
        ("costs", "infra", "all-at-once", (), 0.0, "medium"),
    ],
)
def test_the_share_of_requests_that_pass_a_service(
    service: str,
    kind: str,
    strategy: str,
    journeys: tuple[str, ...],
    share: float,
    level: str,
    traffic: Traffic,
) -> None:
    """Journeys follow the links; a staged rollout exposes one region first."""
    impact = predict(service, kind, strategy, REGIONS, traffic)
    assert (impact.journeys, impact.level) == (journeys, level)
    assert impact.users_ratio == pytest.approx(share)


def test_callers_are_hurt_with_the_service(traffic: Traffic) -> None:
    """Services that call the changed one, in any number of steps, are in the prediction."""
    assert {"pricing", "catalog", "checkout", "gateway", "edge"} <= set(
        predict("pricing", "code", "rolling", REGIONS, traffic).services
    )


def test_a_high_impact_needs_a_release_manager(traffic: Traffic) -> None:
    """The gate finds a high impact and says what it is; a lower one passes."""
    high = predict("pricing", "code", "all-at-once", REGIONS, traffic).values()
    (finding,) = findings("impact", proposal(), GateContext(impact=high))
    assert "77% of requests, 2 journeys" in finding.message
    assert finding.approval == "release-manager"
    staged = predict("pricing", "code", "region-by-region", REGIONS, traffic).values()
    assert findings("impact", proposal(), GateContext(impact=staged)) == []
