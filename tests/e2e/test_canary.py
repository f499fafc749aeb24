"""Whole runs of canaries on plain processes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.whole_runs import Run

pytestmark = [pytest.mark.e2e, pytest.mark.full, pytest.mark.timeout(400)]


def test_a_bad_release_is_taken_back_and_a_good_one_is_promoted(play: Callable[..., Run]) -> None:
    """The bad one hurts few users before the analysis takes it back; nobody is hurt by the good one."""
    bad = play("canary-bad-pricing", "--substrate", "process").outcome
    assert bad["canaries"][0]["result"] == "aborted"
    assert bad["impact"]["users_affected_ratio"] < 0.1
    good = play("canary-good-release", "--substrate", "process").outcome
    assert good["canaries"][0]["result"] == "promoted"
    assert good["impact"]["users"] == 0


def test_a_canary_without_data_pauses(play: Callable[..., Run]) -> None:
    """Nothing is promoted by a handful of requests."""
    outcome = play("canary-too-small", "--substrate", "process").outcome
    assert outcome["canaries"][0]["pauses"] != []
    assert outcome["canaries"][0]["result"] is None
