"""The deployer on a fake substrate: order of starts, rollouts, rollbacks, journal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from gameday.changes.rollout import plan
from gameday.ports import Instance, PortError, Release
from gameday.recording.journal import Event, Journal, read_journal
from gameday.system.deploy_and_rollback import Batches, Deployer
from gameday.system.operator_client import Refused
from gameday.system.system import System
from gameday.topology import Service, bundled, read_topology
from tests.support.fake_substrate import FakeSubstrate
from tests.support.fakes import FakeLinks, HandClock


def build(name: str) -> Release:
    return Release(name, name.rpartition("-")[0], None)


def about(name: str) -> Mapping[str, Any]:
    return {
        "service": name.rpartition("-")[0],
        "kind": "code",
        "summary": f"ships {name}",
        "author": {},
        "ai": None,
    }


class Platform:
    """The platform's API: records each request with its token, and answers `no` if that is set."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str | None]] = []
        self.no: PortError | None = None

    def __call__(
        self, instance: Instance, method: str, path: str, body: object = None, token: str | None = None
    ) -> object:
        self.asked.append((instance.service, f"{method} {path}", token))
        if self.no is not None:
            raise self.no
        return {}


@pytest.fixture
def platform(operator: Deployer, monkeypatch: pytest.MonkeyPatch) -> Platform:
    """Yield a platform that allows everything; databases catch up at once."""
    platform = Platform()
    monkeypatch.setattr(operator.system, "ask", platform)
    monkeypatch.setattr(operator.system, "await_caught_up", lambda region: None)
    operator.system.credential = "of-the-automation"
    return platform


@pytest.fixture
def substrate() -> FakeSubstrate:
    return FakeSubstrate()


@pytest.fixture
def operator(substrate: FakeSubstrate, tmp_path: Path) -> Iterator[Deployer]:
    topology = read_topology(bundled.compose(), ("us-east", "eu-west"))
    journal = Journal(tmp_path / "journal.jsonl")
    deployer = Deployer(System(substrate, FakeLinks(), topology, build), about, plan, journal, HandClock())
    deployer.system.bring_up()
    yield deployer
    journal.close()


def journalled(operator: Deployer) -> list[Event]:
    return list(read_journal(operator.journal.path))


def releases(substrate: FakeSubstrate, service: str) -> list[str]:
    return sorted(instance.release for instance in substrate.instances() if instance.service == service)


def test_link_servers_are_up_before_anything_that_needs_them(
    substrate: FakeSubstrate, operator: Deployer
) -> None:
    """Every link server starts first, and every service gets the address of each of its links."""
    kinds = [
        line.split()[1] in ("links", "edge-links") for line in substrate.order if line.startswith("start")
    ]
    assert kinds == sorted(kinds, reverse=True)
    checkout = next(instance for instance in substrate.instances() if instance.service == "checkout")
    links = substrate.given[checkout.id]
    assert set(links) == {"LINK_CHECKOUT_POSTGRES", "LINK_CHECKOUT_PRICING", "LINK_CHECKOUT_PAYMENTS"}
    assert re.fullmatch(
        r"us-east=postgresql://shop@127\.0\.0\.1:30\d+/shop,eu-west=postgresql://shop@127\.0\.0\.1:30\d+/shop",
        links["LINK_CHECKOUT_POSTGRES"],
    )


def test_a_deploy_starts_the_new_before_it_stops_the_old(
    substrate: FakeSubstrate, operator: Deployer
) -> None:
    """Rolling: start, stop, start, stop: never one instance fewer than planned."""
    substrate.order.clear()
    operator.deploy("c1", "pricing-1.1.0", "rolling", 0.0, "timeline")
    assert substrate.order == ["start pricing pricing-1.1.0", "stop pricing pricing-1.0.0"] * 4
    assert releases(substrate, "pricing") == ["pricing-1.1.0"] * 4


def test_a_rollback_is_a_change_that_restores_the_release_before(
    substrate: FakeSubstrate, operator: Deployer
) -> None:
    """The feed shows both, the first as rolled back, the second as taking it back."""
    operator.deploy("c1", "pricing-1.1.0", "all-at-once", 0.0, "timeline")
    operator.rollback("c2", "c1", "auto")
    assert releases(substrate, "pricing") == ["pricing-1.0.0"] * 4
    assert [(c.id, c.state, c.rollback_of) for c in operator.feed()] == [
        ("c1", "rolled-back", None),
        ("c2", "done", "c1"),
    ]
    started = [e.data for e in journalled(operator) if e.kind == "change.started"]
    assert [(d["by"], d["release"], d["rollback_of"]) for d in started] == [
        ("timeline", "pricing-1.1.0", None),
        ("auto", "pricing-1.0.0", "c1"),
    ]


def test_a_deploy_cancelled_before_its_first_replacement_ships_nothing(
    substrate: FakeSubstrate, operator: Deployer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An instance that is restarted later, in this trial or the next, has the release before."""
    build = operator.system.build_release

    def slow(name: str) -> Release:
        operator.cancel_changes()
        return build(name)

    monkeypatch.setattr(operator.system, "build_release", slow)
    operator.deploy("c1", "pricing-1.1.0", "all-at-once", 0.0, "timeline")
    assert releases(substrate, "pricing") == ["pricing-1.0.0"] * 4
    assert operator.system.releases["pricing"] == "pricing-1.0.0"
    assert operator.system.restored()
    substrate.kill(operator.system.instances("pricing", "us-east")[0])
    operator.system.heal([("us-east", "pricing")])
    assert releases(substrate, "pricing") == ["pricing-1.0.0"] * 4


def test_a_deploy_cancelled_half_way_keeps_its_release(
    substrate: FakeSubstrate, operator: Deployer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it replaced stays replaced, so the system isn't as at the start."""
    start = operator.system.start

    def cancelling(service: Service, release: str = "") -> Instance:
        operator.cancel_changes()
        return start(service, release)

    monkeypatch.setattr(operator.system, "start", cancelling)
    operator.deploy("c1", "pricing-1.1.0", "rolling", 0.0, "timeline")
    assert releases(substrate, "pricing").count("pricing-1.1.0") == 1
    assert operator.system.releases["pricing"] == "pricing-1.1.0"
    assert not operator.system.restored()


def test_a_release_that_never_becomes_ready_fails_the_change_and_keeps_the_old(
    substrate: FakeSubstrate, operator: Deployer
) -> None:
    """Users keep the instances that work; the journal says why the change failed."""
    substrate.refuse = {"pricing-1.1.0"}
    with pytest.raises(PortError, match="ended before it was ready"):
        operator.deploy("c1", "pricing-1.1.0", "all-at-once", 0.0, "timeline")
    assert releases(substrate, "pricing") == ["pricing-1.0.0"] * 4
    assert [c.state for c in operator.feed()] == ["failed"]
    assert any(
        e.kind == "change.failed" and "ended before it was ready" in e.data["why"]
        for e in journalled(operator)
    )


def test_an_instance_that_ignores_its_stop_is_killed_and_the_rollout_goes_on(
    substrate: FakeSubstrate, operator: Deployer
) -> None:
    """The journal says why each one was killed; the change succeeds."""
    substrate.stubborn = {"pricing-1.0.0"}
    operator.deploy("c1", "pricing-1.1.0", "rolling", 0.0, "timeline")
    assert releases(substrate, "pricing") == ["pricing-1.1.0"] * 4
    killed = [e.data["why"] for e in journalled(operator) if e.kind == "instance.killed"]
    assert killed == ["didn't end within 5 s of being told to, and was killed"] * 4
    assert [c.state for c in operator.feed()] == ["done"]


def test_the_defect_of_a_release_never_reaches_the_feed(operator: Deployer) -> None:
    """A responder never sees what is wrong with a release."""
    operator.about = lambda name: {**about(name), "defect": "raises for a share of products"}
    operator.deploy("c1", "pricing-1.1.0", "rolling", 0.0, "timeline")
    assert "raises" not in repr(operator.feed())
    assert not any("raises" in e.line() for e in journalled(operator))


def test_leftovers_are_returned(substrate: FakeSubstrate, operator: Deployer) -> None:
    """Tearing down returns what couldn't be removed."""
    substrate.left = ("container x",)
    assert list(operator.take_down()) == ["container x"]


def test_what_starts_while_a_rollback_is_under_way_is_rolled_back_too(
    substrate: FakeSubstrate, operator: Deployer
) -> None:
    """An instance that died restarts with the bad release just after the rollback listed the instances."""
    operator.deploy("c1", "pricing-1.1.0", "all-at-once", 0.0, "timeline")
    service = operator.system.topology.service("us-east", "pricing")
    first = operator.plan

    def late(instances: Sequence[Instance], release: str, strategy: Batches, pause: float) -> Any:
        yield from first(instances, release, strategy, pause)
        operator.plan = first
        operator.system.start(service, "pricing-1.1.0")

    operator.plan = late
    operator.rollback("c2", "c1", "auto")
    assert set(releases(substrate, "pricing")) == {"pricing-1.0.0"}


def test_the_feed_says_who_wrote_a_change(operator: Deployer) -> None:
    """The feed has role, level and assistant of a change's author; a rollback has no author."""
    plain = about
    operator.about = lambda name: {
        **plain(name),
        "author": {"role": "software engineer", "level": "mid"},
        "ai": {"tool": "code assistant", "model": "m", "prompt": "p"},
    }
    operator.deploy("c1", "pricing-1.1.0", "all-at-once", 0.0, "timeline")
    operator.rollback("c2", "c1", "on-call")
    assert [change.author for change in operator.feed()] == [
        "software engineer, mid, with code assistant",
        "",
    ]


def test_cancelling_stops_changes_but_no_rollback(
    substrate: FakeSubstrate, operator: Deployer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rolling deploy ends with its current batch; the rollback of it is completed."""
    first, batches = operator.plan, []

    def cancelled(instances: Sequence[Instance], release: str, strategy: Batches, pause: float) -> Any:
        for batch in first(instances, release, strategy, pause):
            yield batch
            batches.append(release)
            if len(batches) >= 2:
                operator.cancel_changes()

    monkeypatch.setattr(operator, "plan", cancelled)
    operator.deploy("c1", "pricing-1.1.0", "rolling", 0.0, "timeline")
    assert releases(substrate, "pricing") == ["pricing-1.0.0"] * 2 + ["pricing-1.1.0"] * 2
    operator.rollback("c2", "c1", "auto")
    assert releases(substrate, "pricing") == ["pricing-1.0.0"] * 4
    assert batches == ["pricing-1.1.0"] * 2 + ["pricing-1.0.0"] * 2


def test_an_automation_is_authorized_by_its_own_credential_before_it_deletes(
    substrate: FakeSubstrate, operator: Deployer, platform: Platform
) -> None:
    """If that is allowed, everything in the region is destroyed and created again with the shipped release."""
    operator.recreate_environment("c1", "costs-1.1.0", "eu-west", "automation")
    path = "POST /_operator/environments/eu-west/delete"
    assert platform.asked == [("edge", path, "of-the-automation")]
    assert "destroy eu-west" in substrate.order
    assert [instance.release for instance in operator.system.instances("costs", "eu-west")] == ["costs-1.1.0"]
    assert [change.state for change in operator.feed()] == ["done"]


def test_a_refused_deletion_touches_nothing(
    substrate: FakeSubstrate, operator: Deployer, platform: Platform
) -> None:
    """No instance is touched; journal and feed have the platform's reason and status, and no token."""
    platform.no = Refused(403, "the credential of automation lacks the scope environment:delete")
    before = list(operator.system.instances())
    substrate.order.clear()
    with pytest.raises(Refused, match="lacks the scope"):
        operator.recreate_environment("c1", "costs-1.1.0", "eu-west", "automation")
    assert substrate.order == []
    assert operator.system.instances() == before
    assert operator.system.releases["costs"] == "costs-1.0.0"
    (failed,) = [event.data for event in journalled(operator) if event.kind == "change.failed"]
    why = "refused (403): the credential of automation lacks the scope environment:delete"
    assert failed == {"why": why, "refused": True, "status": 403}
    assert [change.state for change in operator.feed()] == ["refused"]
    assert "of-the-automation" not in operator.journal.path.read_text(encoding="utf-8")
    assert "of-the-automation" not in repr(operator.system)


def test_without_an_answer_nothing_is_deleted(
    substrate: FakeSubstrate, operator: Deployer, platform: Platform
) -> None:
    """The change fails, whatever the reason, and nothing is touched."""
    platform.no = PortError("edge: timed out")
    substrate.order.clear()
    with pytest.raises(PortError, match="timed out"):
        operator.recreate_environment("c1", "costs-1.1.0", "eu-west", "automation")
    operator.system.kill(operator.system.instances("edge"))
    substrate.order.clear()
    with pytest.raises(PortError, match="no edge runs"):
        operator.recreate_environment("c2", "costs-1.1.0", "eu-west", "automation")
    assert substrate.order == []
    assert [change.state for change in operator.feed()] == ["failed", "failed"]


def test_an_environment_that_does_not_come_back_fails_the_change(
    substrate: FakeSubstrate, operator: Deployer, platform: Platform
) -> None:
    """Feed and journal say that the change failed, and why."""
    substrate.refuse = {"costs-1.1.0"}
    with pytest.raises(PortError, match="ended before it was ready"):
        operator.recreate_environment("c1", "costs-1.1.0", "eu-west", "automation")
    assert [change.state for change in operator.feed()] == ["failed"]
    pairs = [
        (event.kind, event.data.get("why"))
        for event in journalled(operator)
        if event.kind.startswith("change.")
    ]
    why = "eu-west.costs.2 (costs-1.1.0) ended before it was ready"
    assert pairs == [("change.started", None), ("change.failed", why)]
    assert operator.system.releases["costs"] == "costs-1.0.0"


def test_a_change_that_gates_refuse_ships_nothing(substrate: FakeSubstrate, operator: Deployer) -> None:
    """A refused change is in the feed and in the journal as refused; no instance is touched, later changes ship."""
    operator.admit = lambda change, strategy, plan: (
        "refused by the gate x: a.yaml:1: no" * (change.id == "c1")
    )
    substrate.order.clear()
    with pytest.raises(PortError, match="refused by the gate x"):
        operator.deploy("c1", "pricing-1.1.0", "all-at-once", 0.0, "timeline")
    assert substrate.order == []
    assert [change.state for change in operator.feed()] == ["refused"]
    assert [event.kind for event in journalled(operator)][-2:] == ["change.started", "change.failed"]
    assert journalled(operator)[-1].data["refused"] is True
    operator.deploy("c2", "pricing-1.1.0", "all-at-once", 0.0, "timeline")
    assert releases(substrate, "pricing") == ["pricing-1.1.0"] * 4
    assert [change.previous for change in operator.feed()] == ["pricing-1.0.0"] * 2


def test_gates_come_before_the_platform_is_asked(operator: Deployer, platform: Platform) -> None:
    """An environment's deletion that gates refuse never reaches the platform; its plan is what gates see."""
    plans: list[object] = []

    def refuse(change: object, strategy: str, plan: object) -> str:
        plans.append(plan)
        return "refused by the gate x: no"

    operator.admit = refuse
    with pytest.raises(PortError, match="refused by the gate x"):
        operator.recreate_environment("c1", "costs-1.1.0", "us-east", "automation")
    assert platform.asked == []
    assert "delete" in str(plans)
