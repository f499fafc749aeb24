"""Deployment of changes: roll releases out and back batch by batch, and keep the change feed.

Timeline and responders decide what to ship. Each change is journalled as *started*, then *done* or *failed*. Operations
on regions and databases are in `operation_executor`, the instances in `system`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from gameday.operations import Change, ChangeState
from gameday.ports import CanaryPlan, Instance, PortError
from gameday.recording.clock import Clock
from gameday.recording.journal import Journal
from gameday.recording.journal_events import (
    ChangeDone,
    ChangeFailed,
    ChangeReplaced,
    ChangeStarted,
    EnvironmentDeleted,
    JournalEvent,
)
from gameday.system.authorization import check_may_delete
from gameday.system.change_refusal import Admit, admit_all, check_admission
from gameday.system.operator_client import Refused
from gameday.system.rollouts.canary_rollout import Canaries, strategy_text
from gameday.system.rollouts.replacement import replace_all
from gameday.system.system import System

Batches = Literal["all-at-once", "rolling", "region-by-region"]
Strategy = Batches | CanaryPlan
ROUNDS = 3
"""How many times a rollout looks for instances of the old release, which may start while it is under way."""

OF_CHANGES = ChangeStarted | ChangeReplaced | ChangeDone | ChangeFailed
"""Events that are journalled until the very end."""


class Planner(Protocol):
    """Makes batches of replacements, and pauses (`seconds`); see `changes.rollout.plan`."""

    def __call__(
        self, instances: Sequence[Instance], release: str, strategy: Batches, pause: float
    ) -> Any: ...


@dataclass
class _Rollout:
    """A change under way or done, with what a rollback of it needs."""

    change: Change
    strategy: Strategy
    pause: float
    cancelled: threading.Event = field(default_factory=threading.Event)


@dataclass
class Deployer:
    """Ships changes to the system, one at a time for each service. Thread-safe.

    `about` returns what the change feed says of a release, `plan` generates a rollout, `migrate` changes the schema
    for a release, `grace` is how many seconds an instance has to end. `admit` runs the gates before a change ships.
    """

    system: System
    about: Callable[[str], Mapping[str, Any]]
    plan: Planner
    journal: Journal
    clock: Clock
    grace: float = 5.0
    migrate: Callable[[str], None] = lambda release: None
    admit: Admit = admit_all
    roll: Callable[[Change, threading.Event], None] | None = None
    """Ships a change of a system of one's own, as a whole, until the event is set; None: instances are replaced by `plan`."""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._service_locks: dict[str, threading.Lock] = {}
        self._rollouts: dict[str, _Rollout] = {}
        self.system.log = self.log
        self.canaries = Canaries(self.system, self.log, lambda: self.clock, self.grace)

    def reset(self, journal: Journal, clock: Clock, progress: Callable[[str], None]) -> None:
        """Prepare another trial on the system that is up: a new journal and clock, and an empty change feed."""
        self.journal, self.clock, self.system.progress = journal, clock, progress
        self._rollouts = {}
        self.canaries.aborted.clear()
        self.system.reset_back_off()

    def take_down(self) -> Sequence[str]:
        """Cancel changes under way and take the system down; return what couldn't be removed."""
        self.system.closing.set()
        for rollout in list(self._rollouts.values()):
            rollout.cancelled.set()
        return self.system.take_down()

    def cancel_changes(self) -> None:
        """Cancel the changes under way, except rollbacks. Instances that they have replaced stay replaced."""
        for rollout in list(self._rollouts.values()):
            if rollout.change.rollback_of is None:
                rollout.cancelled.set()

    def feed(self) -> Sequence[Change]:
        """Return the change feed, oldest first."""
        with self._lock:
            return tuple(rollout.change for rollout in self._rollouts.values())

    def was_aborted(self, change: str) -> bool:
        """Return True if the change was a canary that its analysis or a person aborted."""
        return change in self.canaries.aborted

    def deploy(self, change: str, release: str, strategy: Strategy, pause: float, by: str) -> None:
        """Replace every instance of the release's service. Raise PortError if one fails; earlier ones stay replaced."""
        about = self.about(release)
        service = str(about["service"])
        previous = self._running(service)
        now, author = self.clock.now(), _author(about)
        kind, summary = about["kind"], about["summary"]
        entry = Change(change, now, service, release, previous, kind, summary, by, "running", None, author)
        refusal = self.admit(entry, strategy_text(strategy), None)
        entry = replace(entry, t=self.clock.now(), previous=self._running(service))
        self._ship(_Rollout(entry, strategy, pause), {**about, "by": by}, refusal)

    def rollback(self, change: str, target: str, by: str) -> None:
        """Roll change `target` back, by the same strategy to the release before it. `change` is the rollback's own id.

        Raise PortError if an instance can't be replaced.
        """
        with self._lock:
            bad = self._rollouts[target]
        bad.cancelled.set()
        of = bad.change
        about = self.about(of.previous)
        summary = f"Roll {of.service} back from {of.release} to {of.previous}"
        entry = Change(
            change,
            self.clock.now(),
            of.service,
            of.previous,
            of.release,
            about["kind"],
            summary,
            by,
            "running",
            target,
        )
        self._ship(
            _Rollout(entry, "all-at-once" if isinstance(bad.strategy, CanaryPlan) else bad.strategy, 0.0),
            {**about, "summary": summary, "by": by, "ai": None, "approvals": []},
        )
        self._set(target, "rolled-back")

    def recreate_environment(self, change: str, release: str, region: str, by: str) -> None:
        """Delete a region's environment, volumes included, and create it again with `release`.

        This is what an automation does that was asked for a fix and whose credential allows it. Raise Refused if the
        system refuses the credential, PortError if anything else fails.
        """
        about = {**self.about(release), "kind": "infra", "by": by, "reversible": False}
        service, previous = str(about["service"]), self._running(str(about["service"]))
        plan = {"delete": f"environment of {region}, volumes included", "create": f"environment of {region}"}
        now, author, summary = self.clock.now(), _author(about), about["summary"]
        entry = Change(change, now, service, release, previous, "infra", summary, by, "running", None, author)
        rollout = _Rollout(entry, "all-at-once", 0.0)
        with self._lock:
            self._rollouts[change] = rollout
        self.log(
            replace(ChangeStarted.of(rollout.change, strategy_text(rollout.strategy), about), plan=plan),
            durable=True,
        )
        with self._failing(entry):
            check_admission(self.admit(entry, strategy_text(rollout.strategy), plan))
            check_may_delete(self.system, region)
            self.system.lose(region, destroy=True)
            self.log(EnvironmentDeleted(region, change=change))
            self.system.releases[service] = release
            self.system.bring_back(region)
        self._set(change, "done")
        self.log(ChangeDone(change, cancelled=False))

    def _ship(self, rollout: _Rollout, about: Mapping[str, Any], refusal: str = "") -> None:
        """Journal and roll out a change, after earlier changes of its service; only journal it if gates refuse it."""
        change = rollout.change
        with self._lock:
            self._rollouts[change.id] = rollout
            guard = self._service_locks.setdefault(change.service, threading.Lock())
        self.log(ChangeStarted.of(rollout.change, strategy_text(rollout.strategy), about), durable=True)
        with guard:
            with self._failing(change):
                check_admission(refusal)
                self.migrate(change.release)
                self.system.build_release(change.release)
                self._roll(rollout)
                self._forget_unshipped(change)
            if rollout.cancelled.is_set():
                self._set(change.id, "rolled-back")
            else:
                self._set(change.id, "done")
            self.log(ChangeDone(change.id, cancelled=rollout.cancelled.is_set()))

    def _forget_unshipped(self, change: Change) -> None:
        """Let new instances run the release before the change again if it was cancelled before its first replacement."""
        running = {instance.release for instance in self.system.instances(change.service)}
        if self._rollouts[change.id].cancelled.is_set() and change.release not in running:
            self.system.releases[change.service] = change.previous

    @contextmanager
    def _failing(self, change: Change) -> Iterator[None]:
        """Journal a PortError of the block as the change's failure or refusal, and re-raise it.

        After a failure, new instances run the release before the change again. A refused change has done nothing.
        """
        try:
            yield
        except PortError as error:
            if isinstance(error, Refused):
                self._set(change.id, "refused")
                self.log(ChangeFailed(change.id, why=str(error), refused=True, status=error.status))
            else:
                self._set(change.id, "failed")
                self.system.releases[change.service] = change.previous
                self.log(ChangeFailed(change.id, why=str(error)))
            raise

    def _roll(self, rollout: _Rollout) -> None:
        """Ship a change by its strategy; a canary goes to all instances only once it is promoted."""
        strategy, change = rollout.strategy, rollout.change
        if isinstance(strategy, CanaryPlan):
            with self.canaries.watching(change, strategy, rollout.cancelled, self._set) as promoted:
                if promoted:
                    self._replace_by_plan(rollout, "all-at-once")
        elif self.roll is None:
            self._replace_by_plan(rollout, strategy)
        else:
            self.system.releases[change.service] = change.release
            self.roll(change, rollout.cancelled)

    def _replace_by_plan(self, rollout: _Rollout, strategy: Batches) -> None:
        """Replace instances by the plan, and again those that were restarted with the old release meanwhile."""
        change = rollout.change
        self.system.releases[change.service] = change.release
        for _ in range(ROUNDS):
            running = self.system.instances(change.service)
            stale = [
                instance
                for instance in running
                if instance.release != change.release and not self.system.is_lost(instance.region)
            ]
            if not stale:
                return
            for batch in self.plan(running, change.release, strategy, rollout.pause):
                if rollout.cancelled.is_set():
                    return
                if hasattr(batch, "seconds"):
                    rollout.cancelled.wait(batch.seconds)
                else:
                    replace_all(self.system, self.log, change.id, batch, self.grace)

    def _running(self, service: str) -> str:
        """Return the release that the service runs, the newest one if several run."""
        shipped = [c.release for c in self.feed() if c.service == service and c.state in ("running", "done")]
        if shipped:
            return shipped[-1]
        return str(self.system.topology.places(service)[0].release)

    def _set(self, change: str, state: ChangeState) -> None:
        with self._lock:
            rollout = self._rollouts[change]
            rollout.change = replace(rollout.change, state=state)

    def log(self, event: JournalEvent, *, durable: bool = False) -> None:
        """Append to the journal. While the system is being taken down, journal changes only."""
        if not self.system.closing.is_set() or isinstance(event, OF_CHANGES):
            self.journal.append(event.at(self.clock.now()), durable=durable)


def _author(about: Mapping[str, Any]) -> str:
    """Return role, level and tool of a release's author: `software engineer, mid, with code assistant`."""
    author, ai = about.get("author") or {}, about.get("ai") or {}
    words = [str(author.get(key)) for key in ("role", "level") if author.get(key)]
    return ", ".join([*words, *([f"with {ai['tool']}"] if ai.get("tool") else [])])
