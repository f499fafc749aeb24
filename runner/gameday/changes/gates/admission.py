"""Admission of a run's changes: the gates of the scenario, run and journalled before a change ships."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gameday.changes.gates.evaluation import Evaluation, evaluate
from gameday.changes.gates.gate import Finding, GateContext, Proposal
from gameday.changes.gates.proposals import propose
from gameday.changes.releases import Catalogue
from gameday.operations import Change
from gameday.recording.journal_events import GateBlocked, GateNeedsApproval, GatePassed, JournalEvent
from gameday.scenario.scenario_model import Gates

Log = Callable[[JournalEvent], None]
SHIPPED = ("running", "done")


@dataclass
class Admission:
    """Decides by the scenario's gates if a change may ship. Thread-safe; two changes are never judged at once.

    `feed` returns the change feed, `regions` those of the system.
    """

    gates: Gates
    releases: Catalogue
    regions: Sequence[str]
    feed: Callable[[], Sequence[Change]]
    log: Log
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _admitted: dict[str, Proposal] = field(default_factory=dict)

    def admit(self, change: Change, strategy: str, plan: Mapping[str, Any] | None = None) -> str:
        """Run the gates and journal their results; return why the change may not ship, "" if it may."""
        if not self.gates.use:
            return ""
        proposal = propose(
            self.releases,
            change.release,
            change=change.id,
            kind=change.kind,
            strategy=strategy,
            regions=self.regions,
            plan=plan,
        )
        with self._lock:
            evaluations = evaluate(proposal, self._context(), self.gates.use, self.gates.modes)
            for evaluation in evaluations:
                self.log(_event(proposal, evaluation))
            stopping = [evaluation for evaluation in evaluations if evaluation.stops]
            if not stopping:
                self._admitted[change.id] = proposal
        return _why(stopping)

    def _context(self) -> GateContext:
        """Return what gates may know now. The changes in flight are those that ship or have shipped in this run."""
        states = {change.id: change.state for change in self.feed()}
        in_flight = [
            proposal for id_, proposal in self._admitted.items() if states.get(id_, "running") in SHIPPED
        ]
        people = self.releases.people()
        return GateContext(people=_shown_owners(people), in_flight=in_flight)


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
