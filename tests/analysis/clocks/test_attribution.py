"""Tests of attribution: who ended an outage, by answers, by first effects, by what was undone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gameday.recording.samples import ErrorKind
from tests.support.measured import measure
from tests.support.run_folders import END, Request, Story, failing, steadily, write

LINK = {"kind": "link.down", "target": "checkout--payments"}
LOST = {"kind": "region.lose", "target": "us-east", "region": "us-east"}
PLACE = {"service": "pricing", "region": "us-east", "release": "pricing-1.0.0"}


def cut(ordered: float, done: float | None = None, end: float = END) -> Story:
    """Return a story with a fault from 18 s on that the timeline begins to revert at `ordered`."""
    story = Story().begin().add(18.0, "fault.intended", "f1", **LINK).add(18.1, "fault.injected", "f1")
    return story.add(done or ordered + 0.1, "fault.reverted", "f1", by="schedule", ordered=ordered).finish(
        end
    )


def ended(
    folder: Path, story: Story, requests: list[Request], **scenario: Any
) -> tuple[str | None, str, float | None]:
    outcome = measure(write(folder / "run", story, requests, **scenario))
    return outcome["ended_by"], outcome["ttr_state"], outcome["ttr_censored_at"]


def answered(requests: list[Request], planned: float, end: float) -> list[Request]:
    """Return the requests with the one planned then answered at `end`."""
    for request in requests:
        if request.planned == planned:
            request.took = end - planned
    return requests


@pytest.mark.parametrize(
    ("answer", "expected"), [(30.05, ("schedule", "censored", 30.04)), (30.035, ("system", "measured", None))]
)
def test_a_request_planned_before_a_revert_and_answered_after_it(
    tmp_path: Path, answer: float, expected: tuple[str, str, float | None]
) -> None:
    """All fail till 29.975 s and the revert is ordered at 30.04 s: the answer of the request of 30.025 s decides."""
    requests = answered(failing(steadily(), 20.0, 30.0), 30.025, answer)
    assert ended(tmp_path, cut(30.04), requests) == expected


@pytest.mark.parametrize("before", [1.0, 3.0, 9.0])
def test_a_breaker_some_time_before_the_revert_is_the_system_s(tmp_path: Path, before: float) -> None:
    """If users are well while the fault is active, by every answer since, the system ended it and
    TTR is measured."""
    requests = failing(steadily(), 20.0, 40.0 - before)
    assert ended(tmp_path, cut(40.0), requests) == ("system", "measured", None)


@pytest.mark.parametrize(("good", "who"), [(4, "schedule"), (5, "system")])
def test_if_half_are_bad_four_good_ones_in_a_row_may_be_luck(tmp_path: Path, good: int, who: str) -> None:
    """With half of the requests bad, four good ones in a row may be luck, as ½⁴ is over 5 %; five
    aren't."""
    requests = failing(steadily(), 20.0, 29.95, which=lambda request: request.user % 2 == 0)
    assert [request.planned for request in requests if request.error][-1] == 29.925
    assert ended(tmp_path, cut(29.975 + 0.05 * (good - 1) + 0.02), requests)[0] == who


@pytest.mark.parametrize(("took", "who"), [(1.5, "schedule"), (0.2, "system")])
def test_a_good_answer_is_evidence_once_a_bad_one_would_have_come(
    tmp_path: Path, took: float, who: str
) -> None:
    """A good answer is evidence only once a bad one, which takes `took`, would have come before the
    revert."""
    requests = failing(
        steadily(), 20.0, 29.45, ErrorKind.TIMEOUT, which=lambda request: request.user % 2 == 0
    )
    for request in requests:
        request.took = took if request.error else 0.01
    assert ended(tmp_path, cut(30.0), requests)[0] == who


def test_a_long_revert_counts_from_its_order(tmp_path: Path) -> None:
    """A revert ordered at 29.5 s and done at 35 s ended the outage if users were well at 30 s."""
    requests = failing(steadily(), 20.0, 30.0)
    assert ended(tmp_path, cut(29.5, 35.0), requests) == ("schedule", "censored", 29.5)


def test_a_revert_a_window_later_ended_nothing(tmp_path: Path) -> None:
    """A revert a window after the last bad request ended nothing, even if good requests so far may
    be luck."""
    results = []
    for after in (5.0, 9.9, 10.1):
        requests = steadily(120.0, step=0.36)
        failing(requests, 20.0, 60.0, which=lambda request: request.user % 11 == 0)
        (last,) = [request.planned for request in requests if request.error][-1:]
        story = cut(round(last + 0.18 + after, 6), end=120.0)
        results.append(ended(tmp_path / str(after), story, requests)[0])
    assert results == ["schedule", "schedule", "system"]


def leak(ready: float) -> Story:
    """Return a story rolled back from 24 s to 27 s; the first instance of the old release is ready
    at `ready`."""
    story = Story().begin().deploy(18.0, 19.0).page(21.0).rollback(24.0, 27.0)
    about = {"service": "pricing", "release": "pricing-1.0.0", "by": "auto", "rollback_of": "c1"}
    story.add(24.1, "change.started", "c2", **about).add(
        ready, "instance.ready", "us-east.pricing.3", **PLACE
    )
    return (
        story.add(26.9, "change.replaced", "c2", instance="us-east.pricing.3")
        .add(27.0, "change.done", "c2")
        .finish()
    )


@pytest.mark.parametrize(("ready", "who", "act"), [(24.2, "responder", 24.0), (26.5, "system", None)])
def test_a_rollback_ended_it_only_if_an_instance_was_ready(
    tmp_path: Path, ready: float, who: str, act: float | None
) -> None:
    """A rollback ordered before users were well at 24.3 s ended the outage only if an instance was
    ready by then."""
    outcome = measure(write(tmp_path / "run", leak(ready), failing(steadily(), 20.0, 24.3)))
    assert (outcome["ended_by"], outcome["clocks"]["act"], outcome["clocks"]["recovered"]) == (who, act, 24.3)
    assert outcome["operations"][0]["right"] is True
    assert outcome["clocks"]["ack"] == 24.0


@pytest.mark.parametrize(
    ("fault", "name", "target", "sign", "subject", "data"),
    [
        (LOST, "failover", "us-east", "traffic.drained", "us-east", {}),
        (LOST, "promote", "", "fence.confirmed", "us-east", {}),
        (LOST, "rejoin", "us-east", "traffic.returned", "us-east", {}),
        (
            {"kind": "instance.memory", "service": "pricing"},
            "restart",
            "pricing",
            "instance.ready",
            "new",
            PLACE,
        ),
    ],
)
def test_every_operation_counts_from_its_first_effect(
    tmp_path: Path,
    fault: dict[str, Any],
    name: str,
    target: str,
    sign: str,
    subject: str,
    data: dict[str, Any],
) -> None:
    """An operation of 23 to 26 s ended the outage of 24 s only if its first effect came before that."""
    results = []
    for at in (23.5, 25.0):
        story = Story().begin().add(18.0, "fault.intended", "f1", **fault)
        story.add(23.0, "operation.intended", "o1", name=name, target=target, by="auto", change=None)
        story.add(at, sign, subject, **data).add(26.0, "operation.done", "o1").finish()
        results.append(ended(tmp_path / str(at), story, failing(steadily(), 20.0, 24.0))[0])
    assert results == ["responder", "system"]


@pytest.mark.parametrize(("answer", "who"), [(24.3, "responder"), (24.01, "system")])
def test_requests_that_waited_for_a_promotion_were_served_by_it(
    tmp_path: Path, answer: float, who: str
) -> None:
    """A promotion ordered at 24.12 s served requests planned from 24 s on, unless they were
    answered long before."""
    requests = failing(steadily(), 20.0, 24.0)
    for request in requests:
        if 24.0 <= request.planned < 24.2:
            request.took = max(0.01, answer - request.planned)
    story = Story().begin().add(18.0, "fault.intended", "f1", **LOST)
    story.add(24.12, "operation.intended", "o1", name="promote", target="eu-west", by="auto", change=None)
    story.add(24.15, "fence.confirmed", "us-east").add(24.4, "operation.done", "o1").finish()
    assert ended(tmp_path, story, requests)[0] == who


def test_a_flag_acted_when_it_was_done(tmp_path: Path) -> None:
    """A flag takes effect when its operation is done, since it leaves no other trace."""
    results = []
    for done in (23.9, 25.0):
        story = Story().begin().add(18.0, "fault.intended", "f1", **LINK)
        story.add(
            23.0, "operation.intended", "o1", name="flag", target="queue-checkout=on", by="auto", change=None
        )
        story.add(done, "operation.done", "o1").finish()
        results.append(ended(tmp_path / str(done), story, failing(steadily(), 20.0, 24.0))[0])
    assert results == ["responder", "system"]


@pytest.mark.parametrize(
    ("name", "kind", "data"), [("rejoin", "region.seen", {"up": False}), ("failover", "traffic.returned", {})]
)
def test_an_undone_failover_ended_nothing(tmp_path: Path, name: str, kind: str, data: dict[str, Any]) -> None:
    """A failover is undone if the region is seen down again or gets its traffic again, so it ended
    nothing."""
    results = []
    for region in ("us-east", "eu-west"):
        story = Story().begin().add(18.0, "fault.intended", "f1", **LOST)
        story.add(21.0, "operation.intended", "o1", name=name, target="us-east", by="auto", change=None)
        story.add(21.5, "operation.done", "o1").add(23.0, kind, region, **data).finish()
        results.append(ended(tmp_path / region, story, failing(steadily(), 20.0, 24.0))[0])
    assert results == ["system", "responder"]


def test_an_outage_that_went_on_for_a_window_was_ended_by_something_else(tmp_path: Path) -> None:
    """A rollback done at 25 s ended an outage that ends at 34.9 s, but not one that ends at 36 s."""
    story = Story().begin().deploy(18.0, 19.0).page(21.0).rollback(22.5, 25.0).finish()
    assert ended(tmp_path / "a", story, failing(steadily(), 20.0, 34.9))[0] == "responder"
    assert ended(tmp_path / "b", story, failing(steadily(), 20.0, 36.0))[0] == "system"


@pytest.mark.parametrize(("migration", "who"), [("rename.sql", "schedule"), (None, "responder")])
def test_a_rollback_to_a_release_unfit_for_the_schema_is_futile(
    tmp_path: Path, migration: str | None, who: str
) -> None:
    """After a migration the rollback is futile, and the fix, less than a window later, ended the
    outage."""
    about = {"service": "pricing", "kind": "schema", "rollback_of": None, "migration": migration}
    story = (
        Story().begin().add(18.0, "fault.intended", "f1", kind="bad-deploy", target="pricing", change="c1")
    )
    story.add(18.0, "change.started", "c1", **about, release="pricing-1.1.0", by="timeline").page(21.0)
    story.rollback(22.0, 25.0)
    story.add(
        22.1, "change.started", "c2", **about | {"rollback_of": "c1"}, release="pricing-1.0.0", by="auto"
    )
    story.add(30.0, "change.started", "c3", **about, release="pricing-1.1.1", by="timeline").finish()
    assert ended(tmp_path, story, failing(steadily(), 20.0, 30.5))[0] == who


def test_a_good_release_of_the_timeline_ends_the_outage_of_its_faulty_one(tmp_path: Path) -> None:
    """A fix of 39.5 s ended the outage after a futile rollback; a release of another service didn't."""
    results = []
    for service in ("pricing", "catalog"):
        story = Story().begin().deploy(18.0, 19.0).page(21.0).rollback(22.5, 25.0)
        story.deploy(39.5, 42.0, fault=False, change="c3", service=service).finish()
        results.append(ended(tmp_path / service, story, failing(steadily(), 20.0, 40.0)))
    assert results == [("schedule", "censored", 39.5), ("system", "measured", None)]


@pytest.mark.parametrize(("service", "who"), [("pricing", "responder"), ("catalog", "system")])
def test_a_restart_counts_from_the_first_ready_instance_of_its_service(
    tmp_path: Path, service: str, who: str
) -> None:
    """A restart of pricing done at 29 s ended the outage of 24.3 s if a pricing instance was ready
    at 23 s."""
    fault = {"kind": "instance.memory", "target": "us-east.pricing", "service": "pricing"}
    story = Story().begin().add(18.0, "fault.intended", "f1", **fault).add(18.1, "fault.injected", "f1")
    story.add(22.5, "operation.intended", "o1", name="restart", target="pricing", by="auto", change=None)
    story.add(23.0, "instance.ready", f"us-east.{service}.3", **PLACE | {"service": service})
    story.add(29.0, "operation.done", "o1").finish()
    assert ended(tmp_path, story, failing(steadily(), 20.0, 24.3))[0] == who


@pytest.mark.parametrize(("region", "who"), [("eu-west", "responder"), ("us-east", "system")])
def test_only_traffic_of_its_own_region_undoes_a_fail_over(tmp_path: Path, region: str, who: str) -> None:
    """Traffic that returns at 23.5 s, before users are well, undoes the failover only of its own
    region."""
    story = Story().begin().add(18.0, "fault.intended", "f1", **LOST).add(18.1, "fault.injected", "f1")
    story.add(22.0, "operation.intended", "o1", name="failover", target="us-east", by="auto", change=None)
    story.add(22.5, "operation.done", "o1").add(23.5, "traffic.returned", region).finish()
    assert ended(tmp_path, story, failing(steadily(), 20.0, 24.0))[0] == who


@pytest.mark.parametrize(("by", "who"), [("schedule", "schedule"), ("responder", "system")])
def test_only_the_timeline_s_reverts_are_the_schedule_s(tmp_path: Path, by: str, who: str) -> None:
    """A revert counts as the schedule's only if the timeline made it."""
    story = Story().begin().add(18.0, "fault.intended", "f1", **LINK).add(18.1, "fault.injected", "f1")
    story.add(29.98, "fault.reverted", "f1", by=by).finish()
    assert ended(tmp_path, story, failing(steadily(), 20.0, 30.0))[0] == who
