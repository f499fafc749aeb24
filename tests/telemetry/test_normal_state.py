"""Tests of the error ratio that is taken for normal."""

from __future__ import annotations

from typing import Any

import pytest

from gameday.scenario import Slo
from gameday.telemetry.normal_state import Observed, p0_of, pool, prior_p0


def slo(name: str, journey: str | None = None, sli: str = "availability", **more: Any) -> Slo:
    return Slo.model_validate({"name": name, "journey": journey, "sli": sli, "objective": "99.5%"} | more)


BUY, BROWSE, ALL = slo("buy", "buy"), slo("browse", "browse"), slo("all")
PRICES = slo("prices", sli="correctness")


def test_journeys_bound_the_error_ratio_together() -> None:
    """Without an error among 180 requests of one journey and 600 of all, p0 is a fifth of the budget, not 0.27 %."""
    own, pooled = Observed(0, 180), Observed(0, 600)
    assert own.ratio == pytest.approx(0.0027, abs=0.0001)
    assert p0_of(BUY, own, pooled) == prior_p0(BUY) == pytest.approx(0.001)


@pytest.mark.parametrize(("errors", "alone"), [(0, False), (1, False), (2, False), (3, True), (6, True)])
def test_a_journey_with_more_errors_counts_alone(errors: int, alone: bool) -> None:
    """If a journey fails significantly more often than all do together, its own ratio is its normal state."""
    own, pooled = Observed(errors, 100), Observed(errors + 1, 2000)
    assert p0_of(BUY, own, pooled) == pytest.approx(own.ratio if alone else max(0.001, pooled.ratio))


def test_a_journey_without_outcomes_takes_the_others() -> None:
    """A stream without an outcome in the steady state has the ratio of all journeys."""
    assert p0_of(BUY, Observed(0, 0), Observed(4, 999)) == pytest.approx(0.0045)


def test_outcomes_are_pooled_by_indicator() -> None:
    """Journeys add up; an SLO over all journeys has their outcomes already; another indicator is apart."""
    buy, browse, prices = Observed(1, 100), Observed(0, 300), Observed(5, 380)
    apart = [(BUY, buy), (BROWSE, browse), (PRICES, prices)]
    assert pool(apart) == {"buy": (1, 400), "browse": (1, 400), "prices": prices}
    whole = Observed(2, 500)
    assert pool([*apart, (ALL, whole)])["buy"] == whole
    twice = slo("buy-again", "buy", objective="99%")
    assert pool([(BUY, buy), (twice, buy)])["buy"] == buy
