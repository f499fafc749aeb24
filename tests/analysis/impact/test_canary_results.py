"""Results of a canary from a journal and samples made by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gameday.analysis import measure
from gameday.analysis.model.evidence_models import CanaryResult
from storefront.canary import drawn
from tests.support.run_folders import Request, Story, failing, steadily, write

RELEASE = "pricing-1.1.0"
CANARY = {"steps": ["5%", "25%", "100%"], "bake": "10s", "analysis": {"falseAbort": "2%"}}
JUDGED = {"why": "", "rest_requests": 180, "rest_bad": 0, "slower": 0.1, "p_latency": 0.4}


def result(tmp_path: Path, requests: list[Request], *ends: tuple[float, str]) -> CanaryResult:
    """Return the result of a canary that steps at 20 and 30 s, and ends as told."""
    story = Story().begin().deploy(19.0, 40.0)
    story.add(20.0, "canary.stepped", "c1", share=0.05).add(30.0, "canary.stepped", "c1", share=0.25)
    story.add(29.9, "canary.judged", "c1", state="healthy", requests=20, bad=0, **JUDGED)
    story.add(33.0, "canary.judged", "c1", state="worse", requests=15, bad=9, **JUDGED)
    for t, how in ends:
        story.add(t, "canary.ended", "c1", result=how, why="worse", by="canary analysis")
    deploy: dict[str, Any] = {"release": RELEASE, "strategy": {"canary": CANARY}}
    folder = write(tmp_path / "run", story.finish(), requests, timeline=[{"at": "0s", "deploy": deploy}])
    (canary,) = measure(folder).canaries
    return canary


def test_steps_have_their_last_verdict_and_the_canary_its_end(tmp_path: Path) -> None:
    """Each share with the counts of its analysis; the end with its reason; the stated rate of false aborts."""
    canary = result(tmp_path, steadily(), (33.0, "aborted"))
    assert [(step.t, step.share, step.state, step.bad) for step in canary.steps] == [
        (20.0, 0.05, "healthy", 0),
        (30.0, 0.25, "worse", 9),
    ]
    assert (canary.result, canary.ended, canary.why, canary.by) == (
        "aborted",
        33.0,
        "worse",
        "canary analysis",
    )
    assert canary.false_abort == pytest.approx(0.02)


@pytest.mark.parametrize(("how", "holds"), [("aborted", True), ("promoted", False)])
def test_an_expectation_can_name_the_end_of_a_canary(tmp_path: Path, how: str, holds: bool) -> None:
    """A bad canary that is promoted fails a scenario that expects it to be aborted."""
    story = Story().begin().deploy(19.0, 40.0).add(20.0, "canary.stepped", "c1", share=0.05)
    story.add(33.0, "canary.ended", "c1", result=how, why="", by="canary analysis")
    deploy: dict[str, Any] = {"release": RELEASE, "strategy": {"canary": CANARY}}
    folder = write(
        tmp_path / "run",
        story.finish(),
        steadily(),
        timeline=[{"at": "0s", "deploy": deploy}],
        expect=["canaries.aborted == 1 && canaries.promoted == 0"],
    )
    (expectation,) = measure(folder).expectations
    assert expectation.holds is holds


def test_users_hurt_are_those_of_the_canary_while_it_lasted(tmp_path: Path) -> None:
    """A failure of another user, or after the end, isn't the canary's; at once it would have been as many by the share."""

    def in_canary(request: Request) -> bool:
        return drawn(str(request.user), RELEASE) < 2500

    requests = failing(steadily(), 30.0, 40.0, which=in_canary)
    canary = result(tmp_path, failing(requests, 31.0, 31.2), (33.0, "aborted"))
    hurt = {request.user for request in requests if 30.0 <= request.planned < 33.0 and in_canary(request)}
    assert 5 < len(hurt) < 30
    assert canary.users == len(hurt)
    assert canary.users_at_once == pytest.approx(len(hurt) / 0.25)


def test_a_smaller_defect_needs_more_of_the_canary(tmp_path: Path) -> None:
    """Share × time falls from 1 % of bad requests to a total failure; it is the requests by the traffic."""
    limits = result(tmp_path, steadily(), (40.0, "promoted")).limits
    assert [limit.defect for limit in limits] == [0.01, 0.05, 0.25, 1.0]
    needed = [limit.percent_seconds for limit in limits]
    assert needed == sorted(needed, reverse=True)
    assert needed == pytest.approx([100 * limit.requests / 20.0 for limit in limits], rel=0.05)


def test_a_canary_without_an_end_has_none(tmp_path: Path) -> None:
    """The run ended while it was paused."""
    canary = result(tmp_path, steadily())
    assert (canary.result, canary.ended) == (None, None)


def test_a_run_without_a_canary_has_no_result(tmp_path: Path) -> None:
    """An ordinary deploy is none."""
    folder = write(tmp_path / "run", Story().begin().deploy(19.0, 20.0).finish(), steadily())
    assert measure(folder).canaries == ()
