"""Ships changes and takes them back: replaces instances batch by batch, and keeps the change feed.

What to do is decided elsewhere (a timeline, a responder); this file only does it and journals *started*, then *done* or
*failed*. Recovery of regions and databases is `recovery`; the instances themselves are `system`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from gameday.operations import Change, ChangeState
from gameday.ports import Instance, PortError
from gameday.recording.clock import Clock
from gameday.recording.journal import Event, Journal
from gameday.system.authorization import may_delete
from gameday.system.operator_client import Refused
from gameday.system.system import System

Strategy = Literal["all-at-once", "rolling", "region-by-region"]
ROUNDS = 3
"""How often at most a rollout looks for instances that came up while it was under way."""


class Step(Protocol):
    """One replacement of a rollout plan."""

    @property
    def instance(self) -> Instance: ...

    @property
    def release(self) -> str: ...


class Planner(Protocol):
    """Batches of replacements and pauses (`seconds`); see `changes.rollout.plan`."""

    def __call__(
        self, instances: Sequence[Instance], release: str, strategy: Strategy, pause: float
    ) -> Any: ...


@dataclass
class _Rollout:
    """A change under way or done, as the operator needs it to take it back."""

    change: Change
    strategy: Strategy
    pause: float
    cancelled: threading.Event = field(default_factory=threading.Event)


@dataclass
class Operator:
    """`about` is what the feed says of a release, `plan` the rollout generator, `migrate` changes the schema for it."""

    system: System
    about: Callable[[str], Mapping[str, Any]]
    plan: Planner
    journal: Journal
    clock: Clock
    grace: float = 5.0
    migrate: Callable[[str], None] = lambda release: None

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._of_service: dict[str, threading.Lock] = {}
        self._rollouts: dict[str, _Rollout] = {}
        self.system.log = self.log

    def again(self, journal: Journal, clock: Clock, progress: Callable[[str], None]) -> None:
        """Another trial on the system that is up: a new journal and clock, and an empty change feed."""
        self.journal, self.clock, self.system.progress = journal, clock, progress
        self._rollouts = {}
        self.system.forgive()

    def take_down(self) -> Sequence[str]:
        """Everything down, changes under way cancelled; what couldn't be removed."""
        self.system.closing.set()
        for rollout in list(self._rollouts.values()):
            rollout.cancelled.set()
        return self.system.take_down()

    def cancel(self) -> None:
        """Changes under way go no further, what they replaced stays; those that take another back go on."""
        for rollout in list(self._rollouts.values()):
            if rollout.change.rollback_of is None:
                rollout.cancelled.set()

    def feed(self) -> Sequence[Change]:
        """The change feed, oldest first."""
        with self._lock:
            return tuple(rollout.change for rollout in self._rollouts.values())

    def deploy(self, change: str, release: str, strategy: Strategy, pause: float, by: str) -> None:
        """Replaces every instance of the release's service. Raises PortError; what was replaced till then stays."""
        about = self.about(release)
        service = str(about["service"])
        previous = self._running(service)
        now, author = self.clock.now(), _author(about)
        kind, summary = about["kind"], about["summary"]
        entry = Change(change, now, service, release, previous, kind, summary, by, "running", None, author)
        self._ship(_Rollout(entry, strategy, pause), {**about, "by": by})

    def rollback(self, change: str, target: str, by: str) -> None:
        """Takes change `target` back: the same plan with the release before it. `change` is this rollback's own id."""
        with self._lock:
            back = self._rollouts[target]
        back.cancelled.set()
        of = back.change
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
            _Rollout(entry, back.strategy, 0.0),
            {**about, "summary": summary, "by": by, "ai": None, "approvals": []},
        )
        self._set(target, "rolled-back")

    def recreate(self, change: str, release: str, region: str, by: str) -> None:
        """Deletes a region's environment, volumes included, and creates it again with `release`.

        What an automation does that was asked for a fix, where the system's door lets its credential. Raises Refused
        where it doesn't, PortError where anything else fails.
        """
        about = {**self.about(release), "kind": "infra", "by": by, "reversible": False}
        service, previous = str(about["service"]), self._running(str(about["service"]))
        plan = {"delete": f"environment of {region}, volumes included", "create": f"environment of {region}"}
        now, author, summary = self.clock.now(), _author(about), about["summary"]
        entry = Change(change, now, service, release, previous, "infra", summary, by, "running", None, author)
        rollout = _Rollout(entry, "all-at-once", 0.0)
        with self._lock:
            self._rollouts[change] = rollout
        self.log("change.started", change, {**self._described(rollout, about), "plan": plan}, durable=True)
        with self._failing(entry):
            may_delete(self.system, region)
            self.system.lose(region, destroy=True)
            self.log("environment.deleted", region, {"change": change})
            self.system.releases[service] = release
            self.system.bring_back(region)
        self._set(change, "done")
        self.log("change.done", change, {"cancelled": False})

    def _ship(self, rollout: _Rollout, about: Mapping[str, Any]) -> None:
        change = rollout.change
        with self._lock:
            self._rollouts[change.id] = rollout
            guard = self._of_service.setdefault(change.service, threading.Lock())
        self.log("change.started", change.id, self._described(rollout, about), durable=True)
        with guard:
            with self._failing(change):
                self.migrate(change.release)
                self.system.built(change.release)
                self.system.releases[change.service] = change.release
                self._roll(rollout)
            if rollout.cancelled.is_set():
                self._set(change.id, "rolled-back")
            else:
                self._set(change.id, "done")
            self.log("change.done", change.id, {"cancelled": rollout.cancelled.is_set()})

    @contextmanager
    def _failing(self, change: Change) -> Iterator[None]:
        """A change that fails is told as such, and what starts from then on runs the release before it again; one that
        the system refuses has done nothing."""
        try:
            yield
        except PortError as error:
            if isinstance(error, Refused):
                self._set(change.id, "refused")
                self.log(
                    "change.failed", change.id, {"why": str(error), "refused": True, "status": error.status}
                )
            else:
                self._set(change.id, "failed")
                self.system.releases[change.service] = change.previous
                self.log("change.failed", change.id, {"why": str(error)})
            raise

    def _described(self, rollout: _Rollout, about: Mapping[str, Any]) -> dict[str, Any]:
        change = rollout.change
        return {
            **{key: value for key, value in about.items() if key != "defect"},
            "service": change.service,
            "release": change.release,
            "previous": change.previous,
            "strategy": rollout.strategy,
            "rollback_of": change.rollback_of,
        }

    def _roll(self, rollout: _Rollout) -> None:
        """By the plan; and again for those that an orchestrator started meanwhile, of the release before."""
        change = rollout.change
        for _ in range(ROUNDS):
            running = self.system.instances(change.service)
            stale = [
                each
                for each in running
                if each.release != change.release and not self.system.is_lost(each.region)
            ]
            if not stale:
                return
            for batch in self.plan(running, change.release, rollout.strategy, rollout.pause):
                if rollout.cancelled.is_set():
                    return
                if hasattr(batch, "seconds"):
                    rollout.cancelled.wait(batch.seconds)
                else:
                    self._replace_all(change, batch)

    def _replace_all(self, change: Change, batch: Sequence[Step]) -> None:
        """At once. Raises the first error, when all are over."""
        with ThreadPoolExecutor(len(batch), thread_name_prefix="roll") as pool:
            futures = [pool.submit(self._replace, change, step) for step in batch]
            errors = [future.exception() for future in futures]
        for error in errors:
            if error is not None:
                raise error

    def _replace(self, change: Change, step: Step) -> None:
        """One instance by a new one. In a region that is lost there is nothing to replace: it comes back as wanted."""
        old = step.instance
        service = self.system.topology.service(old.region, old.service)
        with self.system.replacing((old.region, old.service)):
            try:
                new = self.system.start(service, change.release)
            except PortError:
                if self.system.is_lost(old.region):
                    return
                raise
            self.system.stopped(old, self.grace)
        self.log("change.replaced", change.id, {"instance": new.id, "release": new.release, "old": old.id})

    def _running(self, service: str) -> str:
        """The release that the service runs now (the newest change's, where several run)."""
        standing = [c.release for c in self.feed() if c.service == service and c.state in ("running", "done")]
        if standing:
            return standing[-1]
        return str(self.system.topology.places(service)[0].release)

    def _set(self, change: str, state: ChangeState) -> None:
        with self._lock:
            rollout = self._rollouts[change]
            rollout.change = replace(rollout.change, state=state)

    def log(self, kind: str, subject: str, data: Mapping[str, Any], *, durable: bool = False) -> None:
        """Journals, until the system is being taken down; of changes also then."""
        if not self.system.closing.is_set() or kind.startswith("change"):
            self.journal.append(Event(self.clock.now(), kind, subject, data), durable=durable)


def _author(about: Mapping[str, Any]) -> str:
    """`software engineer, mid, with code assistant`."""
    author, ai = about.get("author") or {}, about.get("ai") or {}
    words = [str(author.get(key)) for key in ("role", "level") if author.get(key)]
    return ", ".join([*words, *([f"with {ai['tool']}"] if ai.get("tool") else [])])
