"""Tests of the system's state for policies, from samples made by hand."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gameday.changes.gates.system_state import system_state
from tests.support.slo_samples import CHECKOUT, samples

FRIDAY = datetime(2026, 11, 27, 16, 30, tzinfo=UTC)


def test_a_calm_system_has_its_budget_and_no_incident() -> None:
    """The load is a multiple of the scenario's rate; the time is that of the wall, in UTC."""
    state = system_state(samples(bad_from=99, until=30), [CHECKOUT], 10.0, 30.0, FRIDAY)
    assert state["load"] == pytest.approx(1.0, abs=0.05)
    assert (state["incident"], state["budget_left"]) == (False, 1.0)
    assert (state["weekday"], state["hour"]) == ("fri", 16.5)


def test_an_outage_is_an_incident_and_spends_the_budget() -> None:
    """A third of bad requests breaches the SLO and leaves less than no budget."""
    state = system_state(samples(bad_from=20, until=30), [CHECKOUT], 5.0, 30.0, FRIDAY)
    assert state["incident"] is True
    assert state["budget_left"] < -10
    assert state["load"] == pytest.approx(2.0, abs=0.1)


def test_a_run_without_requests_is_calm() -> None:
    """Before any request there is no load, and no incident."""
    state = system_state(samples(bad_from=0, until=0), [CHECKOUT], 10.0, 3.0, FRIDAY)
    assert (state["incident"], state["load"], state["budget_left"]) == (False, 0.0, 1.0)
