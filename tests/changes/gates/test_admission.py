"""Tests of admission: the bundled releases at the gates of a scenario, with what is journalled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from gameday.changes.gates.admission import Admission
from gameday.execution import library
from gameday.operations import Change, ChangeState
from gameday.recording.journal_events import (
    ApprovalGiven,
    GateBlocked,
    GateNeedsApproval,
    GatePassed,
    JournalEvent,
)
from gameday.scenario.scenario_model import Gates

ALL = ("provenance", "ownership", "seniority")


def admit(
    release: str, wait: Callable[[float], bool | None] = lambda seconds: None, **gates: object
) -> tuple[str, Sequence[JournalEvent]]:
    """Return why a release is refused, and the events of its gates. `wait` returns False if the run ends."""
    events: list[JournalEvent] = []
    admission = Admission(
        Gates.model_validate({"use": ALL, **gates}),
        library.catalogue(),
        ("us-east", "eu-west"),
        list,
        events.append,
        wait=lambda seconds: wait(seconds) is not False,
    )
    service = release.rpartition("-")[0]
    change = Change("c1", 0.0, service, release, f"{service}-1.0.0", "code", "s", "timeline", "running")
    return admission.admit(change, "all-at-once"), events


def test_a_release_that_its_owner_approved_passes_every_gate() -> None:
    """A good release ships, with one timed event a gate."""
    why, events = admit("catalog-1.1.0")
    assert why == ""
    assert [type(event) for event in events] == [GatePassed] * 3
    assert max(event.took_s for event in events if isinstance(event, GatePassed)) > 0


@pytest.mark.parametrize(
    ("release", "gates"),
    [
        ("costs-1.1.0", ["ownership", "seniority"]),
        ("pricing-1.1.0", ["ownership", "seniority"]),
        ("orders-1.1.0", ["ownership"]),
        ("identity-1.1.0", ["ownership"]),
        ("catalog-1.3.0", []),
    ],
)
def test_bundled_releases_are_stopped_for_what_they_lack(release: str, gates: list[str]) -> None:
    """Each stopping gate is named in the refusal, and its findings name release.yaml with a line."""
    why, events = admit(release)
    stopping = [event for event in events if isinstance(event, GateBlocked | GateNeedsApproval)]
    assert [event.gate for event in stopping] == gates
    assert (f"refused by the gate{'s' * (len(gates) > 1)} {', '.join(gates)}: " in why) == bool(gates)
    for event in stopping:
        assert event.findings[0]["file"] == f"compose/releases/{release}/release.yaml"
        assert event.findings[0]["line"] > 1


def test_warn_lets_a_change_ship_and_keeps_the_findings() -> None:
    """In mode warn, or for a gate under warn, the findings are journalled and nothing is refused."""
    why, events = admit("pricing-1.1.0", mode="warn")
    assert why == ""
    assert [event.mode for event in events if isinstance(event, GateNeedsApproval)] == ["warn", "warn"]
    why, events = admit("pricing-1.1.0", warn=["seniority"])
    assert why.startswith("refused by the gate ownership: ")


AUTOMATION = {"by": "automation", "delay": "2s", "timeout": "4s"}


@pytest.mark.parametrize(
    ("approvals", "waits", "given", "refusal"),
    [
        (AUTOMATION, [2.0], ["owner", "senior"], ""),
        ({**AUTOMATION, "delay": "5s"}, [4.0], [], "not approved within 4 s by owner, senior"),
        ({**AUTOMATION, "roles": ["owner"]}, [2.0, 4.0], ["owner"], "not approved within 4 s by senior"),
        ({"by": "nobody", "timeout": "4s"}, [4.0], [], "not approved within 4 s by owner, senior"),
        ({}, [], [], "refused by the gates ownership, seniority: "),
    ],
)
def test_a_change_waits_for_its_approvals(
    approvals: dict[str, object], waits: list[float], given: list[str], refusal: str
) -> None:
    """The automation approves after its delay; who is late or lacks a role leaves the change refused."""
    waited: list[float] = []
    why, events = admit("pricing-1.1.0", waited.append, approvals=approvals)
    assert len(waited) == len(waits)
    assert sum(waited) <= sum(waits)  # what is left of the time-out, however slow the machine is
    assert waited[:1] == [2.0] or not given
    assert [event.role for event in events if isinstance(event, ApprovalGiven)] == given
    assert refusal in why
    assert bool(why) == bool(refusal)


@pytest.mark.parametrize(
    ("state", "refused"),
    [("running", True), ("paused", True), ("done", True), ("rolled-back", False), ("failed", False)],
)
def test_changes_in_flight_are_judged_together(state: ChangeState, refused: bool) -> None:
    """A paused canary answers users, so that it counts as in flight; a change that was taken back doesn't."""
    feed: list[Change] = []
    gates = Gates.model_validate({"use": ["policy"]})
    shop = Admission(gates, library.catalogue(), ("us-east",), lambda: feed, lambda event: None)
    schema = Change("c1", 0.0, "orders", "orders-1.1.0", "x", "schema", "s", "timeline", "running")
    auth = Change("c2", 0.0, "identity", "identity-1.1.0", "x", "auth", "s", "timeline", "running")
    assert shop.admit(schema, "canary 5% 100%") == ""
    feed.append(replace(schema, state=state))
    assert bool(shop.admit(auth, "rolling")) == refused


def test_a_finding_that_nobody_can_approve_blocks_at_once() -> None:
    """No approval is waited for if one finding has no role; a run that ends refuses what waits."""
    waited: list[float] = []
    gates = Gates.model_validate({"use": ["policy"], "approvals": AUTOMATION})
    shop = Admission(gates, library.catalogue(), ("us-east",), list, lambda event: None, wait=waited.append)  # type: ignore[arg-type]
    schema = Change("c1", 0.0, "orders", "orders-1.1.0", "x", "schema", "s", "timeline", "running")
    auth = Change("c2", 0.0, "identity", "identity-1.1.0", "x", "auth", "s", "timeline", "running")
    assert shop.admit(schema, "rolling") == ""
    assert "a schema and an auth change in one rollout" in shop.admit(auth, "rolling")
    assert waited == []
    why, events = admit("pricing-1.1.0", lambda seconds: False, approvals=AUTOMATION)
    assert why == "refused: the run ended before it was approved"
    assert not [event for event in events if isinstance(event, ApprovalGiven)]
