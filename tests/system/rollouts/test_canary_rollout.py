"""Canary rollouts on a fake substrate: steps, abort, pause, promotion by analysis and by hand."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gameday.changes.rollout import plan
from gameday.ports import CanaryPlan, CanaryVerdict, Instance, PortError, Release
from gameday.recording.journal import Journal, read_journal
from gameday.system.deploy_and_rollback import Batches, Deployer
from gameday.system.rollouts.canary_rollout import Command
from gameday.system.system import System
from gameday.topology import bundled, read_topology, with_canaries
from tests.support.fake_substrate import FakeSubstrate
from tests.support.fakes import FakeLinks, HandClock
from tests.support.waiting import until

STEPS = CanaryPlan((0.05, 0.25, 1.0), bake=0.0)
RELEASE = "pricing-1.1.0"


def verdict(state: str, why: str = "") -> CanaryVerdict:
    return CanaryVerdict(state, why, 30, 0, 500, 0)  # type: ignore[arg-type]


@dataclass
class Judge:
    """Gives the verdicts in order, the last one again and again."""

    verdicts: Sequence[CanaryVerdict]
    steps: list[float] = field(default_factory=list)
    looks: int = 0

    def step(self, share: float, since: float) -> None:
        self.steps.append(share)

    def verdict(self, now: float, *, ending: bool) -> CanaryVerdict:
        self.looks += 1
        return self.verdicts[min(self.looks, len(self.verdicts)) - 1]


@dataclass
class Lab:
    """A deployer on a fake substrate, with what its callers were told."""

    deployer: Deployer
    sent: list[tuple[str, str]]
    folder: Path

    def ship(self, judge: Judge, plan_: CanaryPlan = STEPS) -> None:
        self.deployer.canaries.make_judge = lambda service, release, plan: judge
        self.deployer.deploy("c1", RELEASE, plan_, 0.0, "timeline")

    def ship_in_background(self, judge: Judge, plan_: CanaryPlan = STEPS) -> threading.Thread:
        thread = threading.Thread(target=self.ship, args=(judge, plan_), daemon=True)
        thread.start()
        return thread

    def releases(self, service: str = "pricing") -> set[str]:
        return {instance.release for instance in self.deployer.system.instances(service)}

    def events(self, kind: str) -> list[Mapping[str, Any]]:
        return [event.data for event in read_journal(self.folder / "journal.jsonl") if event.kind == kind]


def build(name: str) -> Release:
    return Release(name, name.rpartition("-")[0], None)


def about(name: str) -> Mapping[str, Any]:
    return {"service": name.rpartition("-")[0], "kind": "code", "summary": "", "author": {}, "ai": None}


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    topology = with_canaries(read_topology(bundled.compose(), ("us-east", "eu-west")), frozenset({"pricing"}))
    journal = Journal(tmp_path / "journal.jsonl")
    system = System(FakeSubstrate(), FakeLinks(), topology, build)
    sent: list[tuple[str, str]] = []

    def ask(instance: Instance, method: str, path: str, body: Any = None, token: str | None = None) -> object:
        sent.append((instance.id, body["shares"]))
        return {}

    monkeypatch.setattr(system, "ask", ask)
    deployer = Deployer(system, about, plan, journal, HandClock())
    system.bring_up()
    yield Lab(deployer, sent, tmp_path)
    journal.close()


def test_a_healthy_canary_is_promoted_step_by_step(lab: Lab) -> None:
    """Both shares are watched, then every instance runs the release, and the canary's are gone."""
    judge = Judge([verdict("healthy")])
    lab.ship(judge)
    assert judge.steps == [0.05, 0.25]
    assert lab.releases() == {RELEASE}
    assert lab.releases("pricing-canary") == set()
    assert [change.state for change in lab.deployer.feed()] == ["done"]
    assert [event["share"] for event in lab.events("canary.stepped")] == [0.05, 0.25]
    assert [event["result"] for event in lab.events("canary.ended")] == ["promoted"]
    assert not lab.deployer.was_aborted("c1")


def test_every_caller_gets_the_shares_and_loses_them(lab: Lab) -> None:
    """Catalog and checkout of both regions hear each share, and at the end that there is none."""
    lab.ship(Judge([verdict("healthy")]))
    callers = {instance for instance, _ in lab.sent}
    assert {name.split(".")[1] for name in callers} == {"catalog", "checkout"}
    for caller in callers:
        texts = [text for instance, text in lab.sent if instance == caller]
        assert texts == [f"pricing=500:{RELEASE}", f"pricing=2500:{RELEASE}", ""]
    assert lab.deployer.system.settings.canary.value() == ""


def test_a_bad_canary_is_taken_back_and_nothing_else_was_touched(lab: Lab) -> None:
    """Only the canary ran the release; the change counts as rolled back, by the analysis."""
    lab.ship(Judge([verdict("healthy"), verdict("worse", "checkout: 9 of 30 bad")]))
    assert lab.releases() == {"pricing-1.0.0"}
    assert lab.releases("pricing-canary") == set()
    assert [change.state for change in lab.deployer.feed()] == ["rolled-back"]
    (ended,) = lab.events("canary.ended")
    assert (ended["result"], ended["why"], ended["by"]) == (
        "aborted",
        "checkout: 9 of 30 bad",
        "canary analysis",
    )
    assert lab.events("change.replaced") == []
    assert lab.deployer.was_aborted("c1")
    assert lab.deployer.system.releases["pricing"] == "pricing-1.0.0"


@pytest.mark.parametrize("state", ["no-data", "unclear"])
def test_an_inconclusive_canary_pauses_until_somebody_promotes_it(lab: Lab, state: str) -> None:
    """It stays at its share; each promotion by hand is one step."""
    thread = lab.ship_in_background(Judge([verdict(state, "3 requests")]))
    for steps in (1, 2):
        until(
            lambda steps=steps: len(lab.events("canary.paused")) == steps,  # type: ignore[misc]
            "the canary to pause",
        )
        assert [change.state for change in lab.deployer.feed()] == ["paused"]
        lab.deployer.canaries.command("pricing", "c1", "promote", "release manager")
    thread.join(20)
    assert lab.releases() == {RELEASE}
    assert lab.events("canary.paused")[0]["why"] == "3 requests"
    assert lab.events("canary.ended")[0]["by"] == "release manager"


def test_a_canary_is_paused_and_aborted_by_hand(lab: Lab) -> None:
    """A healthy one goes no further while it is paused; an abort takes it back."""
    judge = Judge([verdict("healthy")])
    long = CanaryPlan((0.05, 1.0), bake=1000.0)
    thread = lab.ship_in_background(judge, long)
    until(lambda: judge.looks > 0, "a verdict")
    lab.deployer.canaries.command("pricing", None, "pause", "on-call")
    until(lambda: [change.state for change in lab.deployer.feed()] == ["paused"], "the canary to pause")
    lab.deployer.canaries.command("pricing", "c1", "abort", "on-call")
    thread.join(20)
    assert lab.releases() == {"pricing-1.0.0"}
    assert [(event["why"], event["by"]) for event in lab.events("canary.paused")] == [
        ("paused by hand", "on-call")
    ]
    assert lab.events("canary.ended")[0]["why"] == "abort by hand"


def test_a_bad_canary_only_pauses_if_its_plan_says_so(lab: Lab) -> None:
    """`onFail: pause` leaves the decision to people."""
    pausing = CanaryPlan((0.05, 1.0), bake=0.0, on_fail="pause")
    thread = lab.ship_in_background(Judge([verdict("worse", "9 of 30 bad")]), pausing)
    until(lambda: [change.state for change in lab.deployer.feed()] == ["paused"], "the canary to pause")
    lab.deployer.canaries.command("pricing", "c1", "abort", "on-call")
    thread.join(20)
    assert lab.releases() == {"pricing-1.0.0"}


def test_a_roll_back_ends_a_canary(lab: Lab) -> None:
    """The change's own roll-back, by a responder, removes the canary."""
    judge = Judge([verdict("healthy")])
    thread = lab.ship_in_background(judge, CanaryPlan((0.05, 1.0), bake=1000.0))
    until(lambda: judge.looks > 0, "a verdict")
    lab.deployer.rollback("c2", "c1", "auto")
    thread.join(20)
    assert lab.releases() == {"pricing-1.0.0"}
    assert lab.releases("pricing-canary") == set()
    assert lab.events("canary.ended")[0]["result"] == "cancelled"


@pytest.mark.parametrize("command", ["abort", "pause", "promote"])
def test_a_command_after_the_promotion_is_refused(lab: Lab, command: Command) -> None:
    """While the whole service follows there is no canary any more, and nothing would heed the command."""
    refusals: list[str] = []

    def plan_and_command(instances: Sequence[Instance], release: str, strategy: Batches, pause: float) -> Any:
        try:
            lab.deployer.canaries.command("pricing", "c1", command, "on-call")
        except PortError as error:
            refusals.append(str(error))
        return plan(instances, release, strategy, pause)

    lab.deployer.plan = plan_and_command
    lab.ship(Judge([verdict("healthy")]))
    assert refusals == ["no canary of pricing is in progress"]
    assert lab.releases() == {RELEASE}


def test_an_abort_during_the_last_verdict_is_heeded(lab: Lab) -> None:
    """A command that was accepted counts, even if the judge promotes the canary at that moment."""
    judge = Judge([verdict("healthy")])
    judge_verdict = judge.verdict

    def abort_and_judge(now: float, *, ending: bool) -> CanaryVerdict:
        if judge.steps[-1] == 0.25:
            lab.deployer.canaries.command("pricing", "c1", "abort", "on-call")
        return judge_verdict(now, ending=ending)

    judge.verdict = abort_and_judge  # type: ignore[method-assign]
    lab.ship(judge)
    assert lab.releases() == {"pricing-1.0.0"}
    assert [(event["result"], event["by"]) for event in lab.events("canary.ended")] == [
        ("aborted", "on-call")
    ]


def test_another_trial_knows_nothing_of_aborted_canaries(lab: Lab) -> None:
    """Ids begin anew with each trial, so that c1 is another change then."""
    lab.ship(Judge([verdict("worse", "9 of 30 bad")]))
    assert lab.deployer.was_aborted("c1")
    lab.deployer.reset(lab.deployer.journal, HandClock(), lambda text: None)
    assert not lab.deployer.was_aborted("c1")


def test_a_region_that_takes_no_part_has_no_instance(lab: Lab) -> None:
    """With `regions`, the canary runs there alone, and callers are told."""
    judge = Judge([verdict("healthy")])
    seen: list[set[str]] = []
    judge_step: Callable[[float, float], None] = judge.step

    def step(share: float, since: float) -> None:
        seen.append({instance.region for instance in lab.deployer.system.instances("pricing-canary")})
        judge_step(share, since)

    judge.step = step  # type: ignore[method-assign]
    lab.ship(judge, CanaryPlan((0.05, 1.0), bake=0.0, regions=("eu-west",)))
    assert seen == [{"eu-west"}]
    assert f"pricing=500:{RELEASE}:eu-west" in {text for _, text in lab.sent}


def test_operations_on_a_canary_that_is_not_there_fail(lab: Lab) -> None:
    """The error names the service."""
    with pytest.raises(PortError, match="no canary of pricing is in progress"):
        lab.deployer.canaries.command("pricing", None, "promote", "on-call")


def test_a_caller_that_does_not_take_its_share_fails_the_change(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The canary is taken away again, and the service was never touched."""

    def refuse(
        instance: Instance, method: str, path: str, body: Any = None, token: str | None = None
    ) -> object:
        raise PortError("no answer")

    monkeypatch.setattr(lab.deployer.system, "ask", refuse)
    with pytest.raises(PortError, match="no answer"):
        lab.ship(Judge([verdict("healthy")]))
    assert lab.releases() == {"pricing-1.0.0"}
    assert [change.state for change in lab.deployer.feed()] == ["failed"]
