"""Tests of operation results: which operations were right, and who ended the outage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gameday.analysis.clocks.operation_results import carried_out
from gameday.analysis.evidence.recorded_run import read_run
from tests.support.measured import measure
from tests.support.run_folders import Story, failing, steadily, write

LOST = {"kind": "region.lose", "target": "us-east", "region": "us-east"}
ISOLATED_WEST = {"kind": "region.isolate", "target": "eu-west", "region": "eu-west"}
DATABASE = {"kind": "database.kill", "target": "us-east.postgres"}
OUT_OF_MEMORY = {"kind": "instance.memory", "target": "us-east.pricing", "service": "pricing"}
DATABASE_PAUSED = {
    "kind": "instance.pause",
    "target": "us-east.postgres",
    "service": "postgres",
    "region": "us-east",
}
SLOW_LINK = {"kind": "link.latency", "target": "checkout--payments"}
OF_A_PLUGIN = {"kind": "acme.stall", "target": "us-east.pricing"}
DELETED = {"kind": "environment.delete", "target": "us-east", "region": "us-east", "plan": "c1"}


def story(fault: dict[str, Any] | None, since: float = 18.0, until: float | None = None) -> Story:
    events = Story().begin()
    if fault:
        events.add(since, "fault.intended", "f1", **fault).add(since + 0.2, "fault.injected", "f1")
    if fault and until:
        events.add(until, "fault.reverted", "f1", by="schedule")
    return events


def operated(events: Story, t: float, name: str, target: str, done: float | None = None) -> Story:
    number = f"o{sum(event.kind == 'operation.intended' for event in events.events) + 1}"
    events.add(t, "operation.intended", number, name=name, target=target, by="auto", change=None)
    return events.add(done or t + 0.5, "operation.done", number)


@pytest.mark.parametrize(
    ("fault", "name", "target", "right"),
    [
        (LOST, "failover", "us-east", True),
        (LOST, "failover", "eu-west", False),
        (SLOW_LINK, "failover", "us-east", False),
        (DELETED, "failover", "us-east", True),
        (None, "failover", "us-east", False),
        (LOST, "promote", "eu-west", True),
        (DATABASE, "promote", "eu-west", True),
        (DATABASE_PAUSED, "promote", "eu-west", True),
        (DELETED, "promote", "eu-west", True),
        (ISOLATED_WEST, "promote", "eu-west", False),
        (OUT_OF_MEMORY, "promote", "eu-west", False),
        (LOST, "rejoin", "us-east", True),
        (LOST, "rejoin", "eu-west", False),
        (OUT_OF_MEMORY, "restart", "pricing", True),
        (OUT_OF_MEMORY, "restart", "catalog", False),
        (DATABASE, "restart", "postgres", True),
        (LOST, "restart", "pricing", False),
        (OF_A_PLUGIN, "restart", "pricing", True),
        (OF_A_PLUGIN, "restart", "catalog", False),
        (OF_A_PLUGIN, "failover", "us-east", False),
        (SLOW_LINK, "restart", "payments", False),
        (SLOW_LINK, "flag", "degraded-prices=on", None),
        (LOST, "rollback", "pricing", False),
    ],
)
def test_an_operation_on_the_cause_is_right(
    tmp_path: Path, fault: dict[str, Any] | None, name: str, target: str, right: bool | None
) -> None:
    """An operation is right if it acts on the active fault; for a flag it is unknown."""
    events = operated(story(fault), 22.0, name, target).finish()
    (result,) = carried_out(read_run(write(tmp_path / "run", events, steadily())))
    assert (result.name, result.right, result.failed) == (name, right, False)


@pytest.mark.parametrize(("t", "right"), [(17.0, False), (20.0, True), (40.0, False)])
def test_a_failover_is_right_only_while_the_fault_is_active(tmp_path: Path, t: float, right: bool) -> None:
    """A failover before the fault or after its revert is wrong."""
    events = operated(story(LOST, 18.0, 30.0), t, "failover", "us-east").finish()
    assert carried_out(read_run(write(tmp_path / "run", events, steadily())))[0].right is right


def test_a_fault_that_failed_never_stood(tmp_path: Path) -> None:
    """A deletion that was refused doesn't make a promotion right."""
    events = (
        Story()
        .begin()
        .add(18.0, "fault.intended", "f1", **DELETED)
        .add(18.1, "fault.failed", "f1", why="refused")
    )
    results = carried_out(
        read_run(write(tmp_path / "run", operated(events, 20.0, "promote", "eu-west").finish(), []))
    )
    assert results[0].right is False


def test_after_a_promotion_another_region_s_loss_is_the_primary_s(tmp_path: Path) -> None:
    """If the promoted eu-west is isolated, a promotion away from it is right."""
    events = story(DATABASE, 18.0, 25.0).add(20.0, "database.promoted", "eu-west", instead_of="us-east")
    events.add(30.0, "fault.intended", "f2", **ISOLATED_WEST)
    operated(operated(events, 28.0, "promote", "us-east"), 32.0, "promote", "us-east").finish()
    assert [operation.right for operation in carried_out(read_run(write(tmp_path / "run", events, [])))] == [
        False,
        True,
    ]


def test_a_fenced_region_may_rejoin_after_its_fault(tmp_path: Path) -> None:
    """A rejoin of a fenced region is right, whether its fault was reverted or not."""
    events = story(LOST, 18.0, 25.0).add(20.0, "fence.confirmed", "us-east")
    results = carried_out(
        read_run(write(tmp_path / "run", operated(events, 40.0, "rejoin", "us-east").finish(), []))
    )
    assert results[0].right is True


def test_a_right_fail_over_ended_the_outage(tmp_path: Path) -> None:
    """If no one sees a grey region down, the responder's failover ended the outage."""
    grey = {"kind": "region.grey", "target": "us-east", "region": "us-east"}
    events = operated(story(grey), 22.5, "failover", "us-east", 23.0).finish()
    outcome = measure(write(tmp_path / "run", events, failing(steadily(), 20.0, 24.0)))
    assert (outcome["ended_by"], outcome["clocks"]["act"], outcome["clocks"]["acted"]) == (
        "responder",
        22.5,
        23.0,
    )


def test_a_failover_after_the_edge_s_own_ended_nothing(tmp_path: Path) -> None:
    """An operation of 22.5 s ended nothing if the edge saw the region down at 21 s."""
    events = story(LOST).add(21.0, "region.seen", "us-east", up=False, database=False, drained=False)
    operated(events, 22.5, "failover", "us-east").finish()
    outcome = measure(write(tmp_path / "run", events, failing(steadily(), 20.0, 24.0)))
    assert (outcome["ended_by"], outcome["clocks"]["act"]) == ("system", None)
    assert outcome["operations"][0]["right"] is True


def test_the_system_s_own_fail_over_ended_it(tmp_path: Path) -> None:
    """If users are well while the fault is active and before any operation, the system ended the
    outage."""
    outcome = measure(write(tmp_path / "run", story(LOST).finish(), failing(steadily(), 20.0, 23.0)))
    assert (outcome["ended_by"], outcome["ttr_s"], outcome["ttr_state"]) == ("system", 3.0, "measured")


TIMELINE = [{"at": "3s", "region.lose": {"region": "us-east", "for": "12s"}}]


def test_a_revert_counts_from_its_begin(tmp_path: Path) -> None:
    """A revert due at 30 s ended an outage of 31 s, though `reverted` is journalled at 35 s, after
    catch-up."""
    events = story({**LOST, "entry": 0}, 18.0, 35.0).finish()
    outcome = measure(write(tmp_path / "run", events, failing(steadily(), 20.0, 31.0), timeline=TIMELINE))
    assert (outcome["ended_by"], outcome["ttr_state"], outcome["ttr_censored_at"]) == (
        "schedule",
        "censored",
        30.0,
    )


def test_an_outage_at_a_region_s_return_ended_by_itself(tmp_path: Path) -> None:
    """An outage till 38 s, caused by the region's return at 35 s, was ended by the system like the
    first one."""
    events = story({**LOST, "entry": 0}, 18.0, 35.0).finish()
    requests = failing(failing(steadily(), 20.0, 23.0), 35.5, 38.0)
    outcome = measure(write(tmp_path / "run", events, requests, timeline=TIMELINE))
    assert (outcome["ended_by"], outcome["ttr_s"]) == ("system", 18.0)
    assert outcome["relapses"] == [{"recovered": 23.0, "breached": 35.5}]


def shipped(events: Story, t: float, change: str, back: str | None = None, by: str = "auto") -> Story:
    """Add a change of pricing, or a rollback of change `back`, done half a second later."""
    about = {"service": "pricing", "release": f"pricing-{change}", "by": by, "rollback_of": back}
    return events.add(t, "change.started", change, **about).add(t + 0.5, "change.done", change)


def twice(with_change: bool) -> Story:
    """Return a story: c1 is bad and c2 good; `rollback pricing` rolls back c2 and, the second time,
    c1."""
    events = Story().begin().deploy(18.0, 19.0)
    shipped(events, 19.5, "c2", by="timeline")
    for t, number, change, back in ((22.0, "o1", "c3", "c2"), (24.0, "o2", "c4", "c1")):
        events.add(t, "operation.intended", number, name="rollback", target="pricing", by="auto", change=None)
        events.add(t + 0.9, "operation.done", number, **({"change": back} if with_change else {}))
        if not with_change:
            shipped(events, t + 0.1, change, back)
    return events.finish()


@pytest.mark.parametrize("with_change", [True, False])
def test_a_second_rollback_of_a_service_reverts_the_change_before(tmp_path: Path, with_change: bool) -> None:
    """The rolled-back change is the operation's own or, in older journals, that of the change it
    began."""
    run = read_run(write(tmp_path / "run", twice(with_change), steadily()))
    assert [operation.right for operation in carried_out(run)] == [False, True]


@pytest.mark.parametrize(("end", "right"), [("change.done", True), ("change.failed", True), (None, False)])
def test_a_rollback_that_began_no_change_meant_the_latest_that_stood(
    tmp_path: Path, end: str | None, right: bool
) -> None:
    """The operation meant c2 unless c2 had failed or was already rolled back; then it meant the bad
    c1."""
    events = Story().begin().deploy(18.0, 19.0)
    shipped(events, 19.5, "c2", by="timeline")
    if end == "change.done":
        shipped(events, 20.5, "c3", "c2", by="lead")
    elif end:
        events.add(20.5, end, "c2", why="it didn't start")
    events.add(22.0, "operation.intended", "o1", name="rollback", target="pricing", by="auto", change=None)
    events.add(22.1, "operation.failed", "o1", why="out of order").finish()
    assert carried_out(read_run(write(tmp_path / "run", events, steadily())))[0].right is right


def test_a_rollback_reverts_the_change_in_effect_when_it_began(tmp_path: Path) -> None:
    """The rolled-back change is the good c2, shipped after the order and before the rollback began."""
    events = Story().begin().deploy(18.0, 19.0)
    events.add(22.0, "operation.intended", "o1", name="rollback", target="pricing", by="auto", change=None)
    shipped(shipped(events, 22.05, "c2", by="timeline"), 22.1, "c3", "c2").add(
        22.9, "operation.done", "o1"
    ).finish()
    assert carried_out(read_run(write(tmp_path / "run", events, steadily())))[0].right is False


def test_a_region_that_the_edge_lost_elsewhere_leaves_a_fail_over_its_effect(tmp_path: Path) -> None:
    """The operator's failover of us-east counts if the edge saw eu-west down, not us-east."""
    grey = {"kind": "region.grey", "target": "us-east", "region": "us-east"}
    events = story(grey).add(21.0, "region.seen", "eu-west", up=False, database=False, drained=False)
    operated(events, 22.5, "failover", "us-east", 23.0).finish()
    outcome = measure(write(tmp_path / "run", events, failing(steadily(), 20.0, 24.0)))
    assert (outcome["ended_by"], outcome["clocks"]["act"]) == ("responder", 22.5)


def test_a_rollback_is_judged_by_its_own_change(tmp_path: Path) -> None:
    """Of two concurrent rollbacks auto's, of the good c2, is wrong, and the lead's, of the bad c1,
    is right."""
    events = Story().begin().deploy(18.0, 19.0)
    shipped(events, 19.5, "c2", by="timeline")
    events.add(22.0, "operation.intended", "o1", name="rollback", target="pricing", by="auto", change=None)
    shipped(shipped(events, 22.05, "c3", "c1", by="lead"), 22.1, "c4", "c2")
    events.add(22.9, "operation.done", "o1").finish()
    assert carried_out(read_run(write(tmp_path / "run", events, steadily())))[0].right is False


@pytest.mark.parametrize(
    ("later", "target", "act"), [("promote", "eu-west", 23.0), ("flag", "degraded-prices=on", 22.0)]
)
def test_of_several_operations_the_last_right_one_ended_it(
    tmp_path: Path, later: str, target: str, act: float
) -> None:
    """The act is the last right operation: the later promotion, or the failover if the later one is
    a flag."""
    events = operated(operated(story(LOST), 22.0, "failover", "us-east"), 23.0, later, target)
    outcome = measure(write(tmp_path / "run", events.finish(), failing(steadily(), 20.0, 24.0)))
    assert (outcome["ended_by"], outcome["clocks"]["act"]) == ("responder", act)
