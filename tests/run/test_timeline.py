"""The timeline: undo before the act, reverts by schedule, faults active at the end, and refusals."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gameday.changes.deploy import Deploy
from gameday.changes.environment_delete import Delete
from gameday.changes.rollout import plan
from gameday.execution import library
from gameday.ports import PortError, Release
from gameday.recording.journal import Journal
from gameday.recording.journal_events import JournalEvent
from gameday.run.timeline import Timeline
from gameday.scenario import Entry, Guardrails, Scenario
from gameday.system.deploy_and_rollback import Deployer
from gameday.system.operator_client import Refused
from gameday.system.system import System
from gameday.topology import bundled, read_topology
from tests.support.fake_substrate import FakeSubstrate
from tests.support.fakes import FakeFault, FakeLinks, FakeSpec, HandClock
from tests.support.nonempty_all import nonempty_all


class Stage:
    """A timeline on fakes; `events` is what it journalled as (kind, subject, data)."""

    def __init__(self, folder: Path, entries: list[Entry], **changed: Any) -> None:
        self.events: list[tuple[str, str, Mapping[str, Any]]] = []
        self.fault = FakeFault()
        self.substrate = FakeSubstrate()
        topology = read_topology(bundled.compose(), ("us-east", "eu-west"))

        def build(name: str) -> Release:
            return Release(name, name.rpartition("-")[0], None)

        def about(name: str) -> Mapping[str, Any]:
            return {
                "service": name.rpartition("-")[0],
                "kind": "code",
                "summary": "",
                "author": {},
                "ai": None,
            }

        self.journal = Journal(folder / "journal.jsonl")
        self.system = System(self.substrate, FakeLinks(), topology, build)
        operator = Deployer(self.system, about, plan, self.journal, HandClock())
        self.system.bring_up()
        scenario: Scenario = library.read(library.find("good-release")).model_copy(
            update={"timeline": tuple(entries), **changed}
        )
        self.timeline = Timeline(
            scenario, operator, lambda action, spec: self.fault, {"pricing-1.1.0": "it raises"}.get, self._log
        )

    def _log(self, event: JournalEvent) -> None:
        record = event.to_event()
        self.events.append((record.kind, record.subject, record.data))

    def kinds(self) -> list[str]:
        return [kind for kind, _, _ in self.events]


Make = Callable[..., Stage]


@pytest.fixture
def staged(tmp_path: Path) -> Iterator[Make]:
    results: list[Stage] = []

    def make(*entries: Entry, **changed: Any) -> Stage:
        results.append(Stage(tmp_path, list(entries), **changed))
        return results[-1]

    yield make
    for stage in results:
        stage.journal.close()


def entry(action: str, spec: Any) -> Entry:
    return Entry(at=0.0, action=action, spec=spec)


def test_the_undo_is_journalled_before_the_act(staged: Make) -> None:
    """When the injection begins, the journal already has the undo."""
    stage = staged(entry("region.lose", FakeSpec()))
    seen: list[list[str]] = []
    stage.fault.inject = lambda wait: seen.append(stage.kinds())  # type: ignore[method-assign]
    stage.timeline.enter(0)
    assert seen == [["fault.intended"]]
    assert stage.events[0][2]["undo"] == stage.fault.undo()
    assert stage.events[0][2]["region"] == "us-east"
    assert stage.kinds() == ["fault.intended", "fault.injected"]


def test_what_the_fault_is_on_this_substrate_is_journalled(staged: Make) -> None:
    """The report then needs nothing but the journal."""
    stage = staged(entry("region.lose", FakeSpec()))
    stage.fault.meaning = "its containers are killed."
    stage.timeline.enter(0)
    assert stage.events[0][2]["meaning"] == "its containers are killed."


def test_a_fault_for_some_time_is_reverted_by_schedule(staged: Make) -> None:
    """The entry ends with the fault; the teardown finds nothing to revert."""
    stage = staged(entry("region.lose", FakeSpec.model_validate({"for": 0.01})))
    stage.timeline.enter(0)
    assert stage.fault.done == ["inject", "revert"]
    assert stage.events[-1] == ("fault.reverted", "f1", {"by": "schedule", "ordered": 0.0})
    stage.timeline.revert(1.0)
    stage.timeline.mark_all_reverted()
    assert stage.fault.done == ["inject", "revert"]


def test_stopping_cuts_waits_short_and_reverts_active_faults(staged: Make) -> None:
    """A fault that lasts an hour doesn't delay the end of a run; the clean-up reverts it, once."""
    stage = staged(entry("region.lose", FakeSpec.model_validate({"for": 3600.0})))
    worker = threading.Thread(target=stage.timeline.enter, args=(0,))
    worker.start()
    stage.timeline.stop()
    worker.join(10)
    assert not worker.is_alive()
    stage.timeline.revert(1.0)
    stage.timeline.mark_all_reverted()
    assert stage.fault.done == ["inject", "revert"]
    assert [event for event in stage.events if event[0] == "fault.reverted"] == [
        ("fault.reverted", "f1", {"by": "cleanup"})
    ]


def test_a_fault_that_cannot_be_injected_is_reverted_and_journalled(staged: Make) -> None:
    """The run ends as an error with the reason, and half a fault doesn't stay."""
    stage = staged(entry("region.lose", FakeSpec()))
    stage.fault.broken = PortError("no such region")
    with pytest.raises(PortError, match="no such region"):
        stage.timeline.enter(0)
    assert stage.fault.done == ["inject", "revert"]
    assert stage.events[-1] == ("fault.failed", "f1", {"why": "no such region"})


def test_a_revert_that_fails_leaves_the_fault_to_the_teardown(staged: Make) -> None:
    """The failure is noted; the fault is gone with the system."""
    stage = staged(entry("region.lose", FakeSpec()))
    stage.timeline.enter(0)

    def broken() -> None:
        raise PortError("the link server hangs")

    stage.fault.revert = broken  # type: ignore[method-assign]
    stage.timeline.revert(1.0)
    assert "hangs" in stage.events[-1][2]["text"]
    stage.timeline.mark_all_reverted()
    assert stage.events[-1] == ("fault.reverted", "f1", {"by": "cleanup"})


def test_a_bad_deploy_is_over_when_a_responder_rolls_it_back(staged: Make) -> None:
    """The fault ends with its change; a harmless change is no fault."""
    deploy = entry("deploy", Deploy(release="pricing-1.1.0"))
    stage = staged(deploy, entry("deploy", Deploy(release="gateway-1.1.0")))
    stage.timeline.enter(0)
    stage.timeline.enter(1)
    stage.timeline.mark_rolled_back("c2")
    stage.timeline.mark_rolled_back("c1")
    assert stage.events[0][2]["undo"] == {"rollback": "c1"}
    assert stage.kinds() == ["fault.intended", "fault.injected", "fault.reverted"]
    assert stage.events[-1] == ("fault.reverted", "f1", {"by": "responder"})


def asked(no: PortError | None = None) -> Callable[..., object]:
    """Return a platform's answer to requests: a success, or the error `no`."""

    def ask(*arguments: object, **named: object) -> object:
        if no is not None:
            raise no
        return {}

    return ask


def test_an_environment_is_deleted_with_its_volumes_and_created_again(staged: Make) -> None:
    """Everything in the region is killed and destroyed before the first new instance starts."""
    stage = staged(entry("environment.delete", Delete(region="eu-west", release="costs-1.0.0")))
    stage.system.ask = asked()  # type: ignore[method-assign]
    stage.system.await_caught_up = lambda region: None  # type: ignore[method-assign]
    before = {instance.id for instance in stage.system.instances(region="eu-west")}
    stage.substrate.order.clear()
    stage.timeline.enter(0)
    destroyed = stage.substrate.order.index("destroy eu-west")
    assert destroyed > 0
    assert nonempty_all(line.startswith("stop") for line in stage.substrate.order[:destroyed])
    after = {instance.id for instance in stage.system.instances(region="eu-west")}
    assert len(after) == len(before)
    assert not after & before
    assert stage.kinds() == ["fault.intended", "fault.injected", "fault.reverted"]


def test_a_refused_deletion_is_an_event_of_the_scenario(staged: Make) -> None:
    """Nothing is touched; the fault failed with the platform's reason, whatever the guardrails are."""
    spec = Delete(region="eu-west", release="costs-1.0.0")
    stage = staged(entry("environment.delete", spec), guardrails=Guardrails(leastPrivilege=False))
    stage.system.ask = asked(Refused(403, "no such scope"))  # type: ignore[method-assign]
    stage.substrate.order.clear()
    stage.timeline.enter(0)
    assert stage.substrate.order == []
    assert stage.kinds() == ["fault.intended", "fault.failed"]
    assert stage.events[-1][2]["why"] == "refused (403): no such scope"
    stage.timeline.mark_all_reverted()
    assert stage.kinds() == ["fault.intended", "fault.failed"]


def test_a_deletion_that_fails_otherwise_ends_the_run(staged: Make) -> None:
    """A deletion that fails is an error of the run, unless the end of the run cut it short."""
    stage = staged(*[entry("environment.delete", Delete(region="eu-west", release="costs-1.0.0"))] * 2)
    stage.system.ask = asked(PortError("edge: timed out"))  # type: ignore[method-assign]
    with pytest.raises(PortError, match="timed out"):
        stage.timeline.enter(0)

    def ending(*_: Any, **__: Any) -> Any:
        stage.timeline.stop()
        raise PortError("edge: timed out")

    stage.system.ask = ending  # type: ignore[method-assign]
    stage.timeline.enter(1)
    assert stage.kinds() == ["fault.intended", "fault.failed"] * 2
