"""Admission of a run's changes: the gates of the scenario, run and journalled before a change ships."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from gameday.changes.gates.evaluation import Evaluation, evaluate
from gameday.changes.gates.gate import Finding, GateContext, Proposal, SideInstances
from gameday.changes.gates.impact_prediction import Traffic, predict
from gameday.changes.gates.instances_beside import InstancesBeside
from gameday.changes.gates.policy_rules import Rule, read_rules
from gameday.changes.gates.proposals import propose
from gameday.changes.gates.system_state import system_state
from gameday.changes.releases import Catalogue
from gameday.operations import Change
from gameday.recording.clock import Clock
from gameday.recording.journal_events import (
    ApprovalGiven,
    GateBlocked,
    GateNeedsApproval,
    GatePassed,
    JournalEvent,
)
from gameday.recording.samples import Samples
from gameday.scenario import Scenario
from gameday.scenario.scenario_model import Gates
from gameday.topology import read_topology


class Deployer(Protocol):
    """What admission needs of a deployer: the change feed, and the journal."""

    system: Any

    def feed(self) -> Sequence[Change]: ...

    def log(self, event: JournalEvent) -> None: ...


Log = Callable[[JournalEvent], None]
POLICIES = "policies"
"""The folder of the bundled policies, beside the releases."""
SHIPPED = ("running", "paused", "done")
"""States of changes that have instances with their release; a paused canary answers its share of the users."""


def never_ending(seconds: float) -> bool:
    """Wait; no run ends meanwhile."""
    time.sleep(max(0.0, seconds))
    return True


@dataclass
class Admission:
    """Decides by the scenario's gates if a change may ship. Thread-safe; two changes are never judged at once.

    `feed` returns the change feed, `regions` those of the system, `state` what policies may know of the running system, `traffic`
    what impact is predicted from, `instances` starts releases for gates that ask them.
    `wait` waits some seconds, and returns False if the run is ending.
    """

    gates: Gates
    releases: Catalogue
    regions: Sequence[str]
    feed: Callable[[], Sequence[Change]]
    log: Log
    state: Callable[[], Mapping[str, Any]] = dict
    traffic: Traffic = field(default_factory=Traffic)
    wait: Callable[[float], bool] = never_ending
    instances: SideInstances | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _admitted: dict[str, Proposal] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._policies = rules_of(self.gates, self.releases) if self.gates.use else ()

    @classmethod
    def of_run(
        cls,
        scenario: Scenario,
        releases: Catalogue,
        deployer: Deployer,
        samples: Callable[[], Samples],
        clock: Clock,
    ) -> Admission:
        """Return the admission of a run: the state for policies comes from its samples."""

        def state() -> Mapping[str, Any]:
            wall = datetime.now(UTC)
            return system_state(samples(), scenario.slos, scenario.load.rate, clock.now(), wall)

        traffic, instances = Traffic(), None
        if scenario.gates.use:
            topology = read_topology(releases.folder.parent, scenario.system.regions)
            traffic = Traffic.of(
                topology, {str(name): weight for name, weight in scenario.load.journeys.items()}
            )
            instances = InstancesBeside(releases, topology)
        return cls(
            scenario.gates,
            releases,
            scenario.system.regions,
            deployer.feed,
            deployer.log,
            state,
            traffic,
            lambda seconds: not deployer.system.closing.wait(max(0.0, seconds)),
            instances,
        )

    def admit(self, change: Change, strategy: str, plan: Mapping[str, Any] | None = None) -> str:
        """Run the gates and journal their results; return why the change may not ship, "" if it may."""
        if not self.gates.use:
            return ""
        proposal = self._proposal(change, strategy, plan)
        with self._lock:
            evaluations = evaluate(proposal, self._context(proposal), self.gates.use, self.gates.modes)
            for evaluation in evaluations:
                self.log(_event(proposal, evaluation))
            stopping = [evaluation for evaluation in evaluations if evaluation.stops]
            if not stopping:
                self._admitted[change.id] = proposal
                return ""
        if any(evaluation.result == "blocked" for evaluation in stopping) or not self.gates.approvals.timeout:
            return _why(stopping)
        return self._await_approvals(proposal, stopping)

    def _await_approvals(self, proposal: Proposal, stopping: Sequence[Evaluation]) -> str:
        """Wait for the approvals that gates need; return why the change may not ship, "" if it may.

        The gates judge it once more afterwards, since the system and the changes in flight may have changed.
        """
        approvals, begun = self.gates.approvals, time.monotonic()
        roles = list(dict.fromkeys(role for evaluation in stopping for role in evaluation.roles))
        given: list[str] = []
        if approvals.by == "automation" and approvals.delay <= approvals.timeout:
            if not self.wait(approvals.delay):
                return "refused: the run ended before it was approved"
            given = [role for role in roles if role in approvals.roles or not approvals.roles]
            for role in given:
                waited = round(time.monotonic() - begun, 3)
                self.log(
                    ApprovalGiven(
                        proposal.change, release=proposal.name, role=role, by="automation", waited_s=waited
                    )
                )
        missing = [role for role in roles if role not in given]
        if missing:
            if not self.wait(approvals.timeout - (time.monotonic() - begun)):
                return "refused: the run ended before it was approved"
            return f"{_why(stopping)} (not approved within {approvals.timeout:g} s by {', '.join(missing)})"
        with self._lock:
            again = evaluate(proposal, self._context(proposal), self.gates.use, self.gates.modes)
            open_ = [each.without(given) for each in again]
            stopping = [evaluation for evaluation in open_ if evaluation.stops]
            for evaluation in stopping:
                self.log(_event(proposal, evaluation))
            if not stopping:
                self._admitted[proposal.change] = proposal
        return _why(stopping)

    def _proposal(self, change: Change, strategy: str, plan: Mapping[str, Any] | None) -> Proposal:
        """Return the proposal of a change; one that is no release of the catalogue states nothing of itself."""
        common: dict[str, Any] = {"change": change.id, "kind": change.kind, "strategy": strategy}
        common["previous"] = change.previous
        common |= {"regions": tuple(self.regions), "plan": plan or {}}
        if change.release not in self.releases.names():
            return Proposal(name=change.release, service=change.service, statement="scenario.yaml", **common)
        return propose(self.releases, change.release, **common)

    def _context(self, proposal: Proposal) -> GateContext:
        """Return what gates may know now. The changes in flight are those that ship or have shipped in this run."""
        states = {change.id: change.state for change in self.feed()}
        in_flight = [
            proposal for id_, proposal in self._admitted.items() if states.get(id_, "running") in SHIPPED
        ]
        people = self.releases.people()
        state = self.state() if self._policies else {}
        impact = predict(
            proposal.service, proposal.kind, proposal.strategy, self.regions, self.traffic
        ).values()
        return GateContext(_shown_owners(people), in_flight, state, impact, self._policies, self.instances)


def rules_of(gates: Gates, releases: Catalogue) -> Sequence[Rule]:
    """Return the rules of the gate `policy`: of the files that a scenario names, else the bundled ones. Raise Invalid."""
    if "policy" not in gates.use:
        return ()
    top = releases.folder.parent.parent
    named = [Path(path) for path in gates.policies] or [releases.folder.parent / POLICIES]
    return tuple(replace(rule, file=rule.file.removeprefix(f"{top}/")) for rule in read_rules(named))


def _shown_owners(people: Any) -> Any:
    """Return the people with the path of OWNERS as findings show it."""
    owners = people.owners
    short = "/".join(owners.file.replace("\\", "/").rsplit("/", 2)[-2:])
    return replace(people, owners=replace(owners, file=short))


def _event(proposal: Proposal, evaluation: Evaluation) -> JournalEvent:
    common: dict[str, Any] = {
        "gate": evaluation.gate,
        "release": proposal.name,
        "took_s": evaluation.took_s,
    }
    if evaluation.result == "passed":
        return GatePassed(proposal.change, **common)
    common |= {"mode": evaluation.mode, "findings": tuple(map(_plain, evaluation.findings))}
    if evaluation.result == "blocked":
        return GateBlocked(proposal.change, **common)
    return GateNeedsApproval(proposal.change, **common, approvals=evaluation.roles)


def _plain(finding: Finding) -> dict[str, Any]:
    """Return a finding as the journal keeps it; keys without a value are left out."""
    keys = ("message", "file", "line", "hint", "approval", "rule")
    return {key: value for key in keys if (value := getattr(finding, key)) != ""}


def _why(stopping: Sequence[Evaluation]) -> str:
    """Return why a change may not ship, by the gates that stop it; "" if none does."""
    if not stopping:
        return ""
    names = ", ".join(evaluation.gate for evaluation in stopping)
    word = "gate" if len(stopping) == 1 else "gates"
    return f"refused by the {word} {names}: {stopping[0].findings[0]}"
