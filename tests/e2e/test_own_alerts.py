"""A whole run whose page comes from a real Prometheus and Alertmanager."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from gameday.host import monitoring_programs
from tests.support.whole_runs import Run, ended_by_responder

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.full,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        bool(monitoring_programs.missing()) and "GAMEDAY_REQUIRE_MONITORING" not in os.environ,
        reason=monitoring_programs.HINT,
    ),
]


def test_a_teams_own_burn_rate_alert_is_timed_part_by_part(play: Callable[..., Run]) -> None:
    """The report names `for` and `group_wait` with their seconds, and the parts add up to the time to detect."""
    short = ("--set", "steadyState.for=5s", "--set", "hold=3s")
    run = play("bad-deploy-own-alerts", "--substrate", "process", *short)
    outcome = run.outcome
    assert (run.status, outcome["verdict"]) == (0, "pass"), outcome["reasons"]
    assert ended_by_responder(outcome)
    own, *_ = outcome["alert_lags"]
    parts = {part["name"]: part for part in own["parts"]}
    assert sum(part["seconds"] for part in parts.values()) == pytest.approx(outcome["ttd_s"], abs=0.1)
    assert (parts["for"]["configured_s"], parts["group_wait"]["configured_s"]) == (4.0, 5.0)
    assert parts["for"]["seconds"] == pytest.approx(4.0, abs=0.2)
    assert parts["group_wait"]["seconds"] == pytest.approx(5.0, abs=0.2)
    assert outcome["detectors"]["alertmanager"]["side"] == "outside"
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "settings that wait on purpose (for: 4.00 s and group_wait: 5.00 s)" in page
