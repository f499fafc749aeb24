"""Tests of every rule of the verdict and the exit status, and of their precedence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gameday.analysis.outcome.run_verdict import worst
from gameday.recording.samples import ErrorKind
from tests.support.measured import measure
from tests.support.run_folders import Request, Story, failing, steadily, write

HURT = (20.0, 30.0)


def outcome(
    folder: Path, story: Story, requests: list[Request] | None = None, **scenario: Any
) -> dict[str, Any]:
    if requests is None:
        requests = failing(steadily(), *HURT)
    return measure(write(folder / "run", story, requests, **scenario))


def good() -> Story:
    return Story().begin().deploy(18.0, 19.0).page(21.0).rollback(22.5, 29.0)


def verdict_of(result: dict[str, Any]) -> tuple[str, int]:
    return result["verdict"], result["exit_status"]


def test_all_well_is_a_pass(tmp_path: Path) -> None:
    """A recovered run whose expectations hold has exit status 0 and no reason."""
    result = outcome(tmp_path, good().finish())
    assert verdict_of(result) == ("pass", 0)
    assert result["reasons"] == []


def test_a_failed_expectation_fails(tmp_path: Path) -> None:
    """A failed expectation gives 1; the reason has the expression and its value."""
    result = outcome(tmp_path, good().finish(), expect=["ttd < 5s", "ttr < 9s"])
    assert verdict_of(result) == ("fail", 1)
    assert result["reasons"] == ["expected ttr < 9s: ttr was 10"]


def test_never_recovered_fails_whatever_is_expected(tmp_path: Path) -> None:
    """A run that never recovered gives 1, although its only expectation holds."""
    result = outcome(
        tmp_path, good().finish(reason="give_up"), failing(steadily(), 20.0, 60.0), expect=["ttd < 5s"]
    )
    assert verdict_of(result) == ("fail", 1)


def test_an_unknown_expectation_is_inconclusive(tmp_path: Path) -> None:
    """An expectation on an unmeasured value gives 3; a failed expectation beside it takes precedence."""
    result = outcome(tmp_path / "a", good().finish(), expect=["audit.lost == 0"])
    assert verdict_of(result) == ("inconclusive", 3)
    assert result["reasons"] == ["can't tell whether audit.lost == 0: audit.lost was not measured"]
    both = outcome(tmp_path / "b", good().finish(), expect=["audit.lost == 0", "ttr < 9s"])
    assert (both["exit_status"], len(both["reasons"])) == (1, 2)
    assert both["reasons"][0].startswith("expected ttr")


def test_no_effect_is_inconclusive_unless_expected(tmp_path: Path) -> None:
    """A fault without effect leaves `ttr < 30s` unknown."""
    story = Story().begin().deploy(18.0, 19.0).finish(reason="no_effect")
    assert verdict_of(outcome(tmp_path / "a", story, steadily())) == ("inconclusive", 3)
    assert verdict_of(outcome(tmp_path / "b", story, steadily(), expect=["!effect"])) == ("pass", 0)


def test_an_unmet_steady_state_is_always_inconclusive(tmp_path: Path) -> None:
    """An unmet steady state gives 3, although the run also failed and left something behind; all
    are reasons."""
    story = (
        Story()
        .begin(met=False, why="shop is in breach")
        .finish(15.0, "unsteady", clean=False, left=["a pid"])
    )
    result = outcome(tmp_path, story, failing(steadily(15.0), 6.0, 15.0))
    assert verdict_of(result) == ("inconclusive", 3)
    assert result["steady_state"] == {"met": False, "why": "shop is in breach"}
    assert result["reasons"] == ["the steady state wasn't met: shop is in breach", "left behind: a pid"]


def test_a_page_in_steady_state_is_an_unmet_steady_state(tmp_path: Path) -> None:
    """A page in steady state gives 3, even if the engine went on."""
    result = outcome(tmp_path, good().page(16.0, alert="a0").finish())
    assert verdict_of(result) == ("inconclusive", 3)
    assert result["steady_state"]["why"] == "cusum paged for shop at 16.0 s"


def test_a_watching_alert_in_steady_state_is_none(tmp_path: Path) -> None:
    """An alert that doesn't page leaves the steady state met."""
    result = outcome(tmp_path, good().page(16.0, alert="a0", pages=False, detector="threshold").finish())
    assert verdict_of(result) == ("pass", 0)
    assert result["detectors"]["threshold"]["false_alarms"] == 1


def test_a_breach_before_the_fault_is_an_unmet_steady_state(tmp_path: Path) -> None:
    """Answers that the engine hadn't seen when it judged the steady state count."""
    result = outcome(tmp_path, good().finish(), failing(steadily(), 14.0, 17.0))
    assert verdict_of(result) == ("inconclusive", 3)
    assert result["steady_state"]["why"] == "in breach before the fault: shop"


def test_requests_not_sent_are_inconclusive(tmp_path: Path) -> None:
    """One unsent request gives 3; over 2 % of them add a second reason."""
    requests = failing(failing(steadily(), *HURT), 40.0, 40.04, ErrorKind.NOT_SENT)
    result = outcome(tmp_path / "a", good().finish(), requests)
    assert (result["exit_status"], result["load"]["not_sent"], len(result["reasons"])) == (3, 1, 1)
    many = failing(failing(steadily(), *HURT), 40.0, 42.0, ErrorKind.NOT_SENT)
    result = outcome(tmp_path / "b", good().finish(), many)
    assert result["load"] == {
        "planned": 1160,
        "achieved": 1120,
        "late": 0,
        "not_sent": 40,
        "attempts": 1120,
        "missing": None,
    }
    assert result["reasons"][1] == "only 1120 of 1160 planned requests were sent (98 % are needed)"


def test_late_sends_in_steady_state_are_inconclusive(tmp_path: Path) -> None:
    """Over 1 % late of the 260 requests from 5 s to 18 s gives 3: three late ones do, two or later
    ones don't."""

    def late(count: int) -> list[Request]:
        requests = failing(steadily(), *HURT)
        for request in [*requests[100 : 100 + count], *requests[700:800]]:
            request.late = 0.051
        return requests

    assert outcome(tmp_path / "a", good().finish(), late(2))["exit_status"] == 0
    result = outcome(tmp_path / "b", good().finish(), late(3))
    assert (result["exit_status"], result["load"]["late"]) == (3, 103)
    assert result["reasons"] == [
        "3 of 260 requests of the steady state were sent over 50 ms late (1 % may be)"
    ]


def test_an_slo_without_enough_requests_is_inconclusive(tmp_path: Path) -> None:
    """The SLO of a rare journey is unknown: 19 requests in 10 s are fewer than 20."""
    requests = failing(steadily(), *HURT, which=lambda r: r.journey == "buy")
    for number, request in enumerate(requests):
        request.journey = "login" if number % 12 == 0 else "buy"
    slos = [
        {"name": name, "sli": "availability", "objective": "99%", "journey": name}
        for name in ("buy", "login")
    ]
    result = outcome(
        tmp_path, good().finish(), failing(requests, *HURT, ErrorKind.NONE), slos=slos, expect=["!effect"]
    )
    assert result["slos"][1]["verdict"] == "unknown"
    assert verdict_of(result) == ("inconclusive", 3)
    assert any(reason.startswith("SLO login is unknown") for reason in result["reasons"])


def test_a_load_that_ended_badly_is_inconclusive(tmp_path: Path) -> None:
    """If the worker was killed at the end, its requests in flight are lost and the run is
    inconclusive."""
    result = outcome(tmp_path, good().add(60.5, "load.stopped", clean=False, why="killed").finish())
    assert (result["exit_status"], result["reasons"]) == (3, ["the load didn't end as it should: killed"])


def test_a_failure_of_the_tool_is_an_error(tmp_path: Path) -> None:
    """A failure of the tool gives 4, with place and cause; expectations aren't reasons then."""
    story = (
        good().add(25.0, "run.error", where="pricing in us-east", why="it didn't start").finish(25.0, "error")
    )
    result = outcome(tmp_path, story, failing(steadily(25.0), *HURT))
    assert verdict_of(result) == ("error", 4)
    assert result["reasons"] == ["pricing in us-east: it didn't start"]


def test_a_journal_that_was_cut_short_is_an_error(tmp_path: Path) -> None:
    """A journal without an end, as after a kill of the runner, is an error."""
    result = outcome(tmp_path, good(), failing(steadily(25.0), *HURT))
    assert verdict_of(result) == ("error", 4)
    assert result["cleanup"] == {"clean": None, "left": []}


def test_something_left_behind(tmp_path: Path) -> None:
    """Something left behind gives 5, over a failed expectation."""
    story = good().finish(clean=False, left=["pid 7 (postgres)"])
    result = outcome(tmp_path, story, expect=["ttr < 9s"])
    assert verdict_of(result) == ("error", 5)
    assert result["reasons"][0] == "left behind: pid 7 (postgres)"


def test_interrupted(tmp_path: Path) -> None:
    """An interruption gives 130, over everything but an unmet steady state."""
    story = good().add(25.0, "run.interrupted", signal="SIGINT").finish(25.0, "interrupted", clean=False)
    result = outcome(tmp_path, story, failing(steadily(25.0), *HURT))
    assert verdict_of(result) == ("error", 130)
    assert result["reasons"] == ["interrupted by SIGINT at 25.0 s", "left behind: something unnamed"]


@pytest.mark.parametrize(
    ("statuses", "unmet", "result"),
    [
        ([], False, 0),
        ([3, 0, 1], False, 1),
        ([1, 2, 4], False, 4),
        ([5, 4], False, 5),
        ([5, 130], False, 130),
        ([130], True, 3),
    ],
)
def test_precedence(statuses: list[int], unmet: bool, result: int) -> None:
    """The order is 130, 5, 4, 2, 1, 3, 0; an unmet steady state is always 3."""
    assert worst(statuses, unmet=unmet) == result


STOP = {"expr": "impact.failed_ratio > 50%", "values": {"impact.failed_ratio": 0.612}}


def stopped(story: Story, t: float, **stop: Any) -> Story:
    return story.add(t, "run.stopped", **(stop or STOP)).finish(t, "stopped")


def test_a_stop_fails_and_censors_the_recovery_there(tmp_path: Path) -> None:
    """A stop gives 1 as the first reason; TTR is censored at the stop, and the outcome has the stop."""
    result = outcome(
        tmp_path, stopped(good(), 26.0), failing(steadily(26.0), *HURT), expect=["ttd < 5s", "ttr < 9s"]
    )
    assert verdict_of(result) == ("fail", 1)
    assert result["reasons"] == [
        'stopped by its abort condition "impact.failed_ratio > 50%" at 26.0 s (impact.failed_ratio = 61.2%)',
        "expected ttr < 9s: ttr was censored",
    ]
    assert (result["ttr_state"], result["ttr_censored_at"], result["ended_by"]) == (
        "censored",
        26.0,
        "cleanup",
    )
    assert result["clocks"]["recovered"] is None
    assert result["stopped"] == {"t": 26.0, **STOP}


def test_a_stop_after_a_recovery_that_held_leaves_it_measured(tmp_path: Path) -> None:
    """TTR stays measured; the run fails all the same, though every expectation holds."""
    result = outcome(tmp_path, stopped(good(), 50.0), failing(steadily(50.0), *HURT))
    assert (result["ttr_state"], result["ttr_s"]) == ("measured", 10.0)
    assert verdict_of(result) == ("fail", 1)
    assert len(result["reasons"]) == 1


def test_a_stop_before_any_effect_leaves_the_effect_unmeasured(tmp_path: Path) -> None:
    """Before any effect the effect is not measured and `!effect` is unknown; the stop still gives 1."""
    story = stopped(Story().begin().deploy(18.0, 19.0), 20.0, expr="alerts > 3", values={"alerts": 4.0})
    result = outcome(tmp_path, story, steadily(20.0), expect=["!effect"])
    assert (result["ttr_state"], result["expectations"][0]["holds"]) == ("not_measured", None)
    assert verdict_of(result) == ("fail", 1)
    assert result["reasons"][0].endswith("(alerts = 4)")
    assert result["impact"]["requests"] == 40


def test_a_stop_with_something_left_behind_is_that(tmp_path: Path) -> None:
    """Something left behind gives 5, over the stop, which is a reason too."""
    story = good().add(26.0, "run.stopped", **STOP).finish(26.0, "stopped", clean=False, left=["pid 7"])
    result = outcome(tmp_path, story, failing(steadily(26.0), *HURT))
    assert verdict_of(result) == ("error", 5)
    assert any(reason.startswith("stopped by") for reason in result["reasons"])


def test_a_stop_of_an_unsteady_run_is_inconclusive(tmp_path: Path) -> None:
    """An unmet steady state gives 3, also after a stop, and is never a pass."""
    result = outcome(tmp_path, stopped(good().page(16.0, alert="a0"), 26.0), failing(steadily(26.0), *HURT))
    assert verdict_of(result) == ("inconclusive", 3)
    assert any(reason.startswith("stopped by") for reason in result["reasons"])
