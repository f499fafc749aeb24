"""Carries operations and changes out, through ports: brings the system up, replaces instances, rolls back, takes down.

It keeps the change feed. What to do is decided elsewhere (a timeline, a responder); this file only does it and journals
*intended*, then *done* or *failed*.
"""

from __future__ import annotations

import functools
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from runner.clock import Clock
from runner.journal import Event, Journal
from runner.operations import Change
from runner.ports import Instance, Links, PortError, Release, Substrate
from runner.topology import Service, Topology

Strategy = Literal["all-at-once", "rolling", "region-by-region"]


class Step(Protocol):
    """One replacement of a rollout plan."""

    @property
    def instance(self) -> Instance: ...

    @property
    def release(self) -> str: ...


class Planner(Protocol):
    """Batches of replacements and pauses (`seconds`); see `changes.rollout.plan`."""

    def __call__(self, instances: Sequence[Instance], release: str, strategy: Strategy, pause: float) -> Any: ...


@dataclass
class _Rollout:
    """A change under way or done, as the operator needs it to take it back."""

    change: Change
    strategy: Strategy
    pause: float
    cancelled: threading.Event = field(default_factory=threading.Event)


@dataclass
class Operator:
    """`build` makes a release ready to run, `about` is what the feed says of it, `plan` the rollout generator."""

    substrate: Substrate
    links: Links
    topology: Topology
    build: Callable[[str], Release]
    about: Callable[[str], Mapping[str, Any]]
    plan: Planner
    journal: Journal
    clock: Clock
    grace: float = 5.0
    progress: Callable[[str], None] = lambda line: None

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._of_service: dict[str, threading.Lock] = {}
        self._rollouts: dict[str, _Rollout] = {}
        self._addresses: dict[str, tuple[str, int]] = {}
        self._closing = threading.Event()
        self._building = threading.Lock()
        self._up = False

    def again(self, journal: Journal, clock: Clock, progress: Callable[[str], None]) -> None:
        """Another trial on the system that is up: a new journal and clock, and an empty change feed."""
        self.journal, self.clock, self.progress = journal, clock, progress
        self._rollouts = {}

    def restored(self) -> bool:
        """Every service in every region runs as many instances as it should, all of the release it started with."""
        running = Counter((each.region, each.service, each.release) for each in self.substrate.instances())
        return running == {(s.region, s.name, s.release or s.name): s.instances for s in self.topology.services}

    def bring_up(self) -> None:
        """Link servers first, then their proxies, then all else in parallel; nothing to do where it is up."""
        if self._up:
            for instance in self.substrate.instances():
                self._ready(instance)
            return
        self.substrate.open()
        servers = [service for service in self.topology.services if service.kind == "links"]
        self._together([functools.partial(self._start_links, service) for service in servers])
        rest = [s for s in self.topology.services if s.kind != "links" for _ in range(s.instances)]
        self.progress(f"starting {len(rest)} instances of {len({s.name for s in rest})} services")
        self._together([functools.partial(self._start, service, str(service.release)) for service in rest])
        self._up = True

    def _together(self, work: Sequence[Callable[[], object]]) -> None:
        """All in parallel. Raises the error that came first, at once: what waits for it in vain would only hide it."""
        pool = ThreadPoolExecutor(64, thread_name_prefix="up")
        try:
            for future in as_completed([pool.submit(each) for each in work]):
                future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def take_down(self) -> Sequence[str]:
        """Everything down; what couldn't be removed. Never raises PortError: a failure is something left."""
        self._closing.set()
        with self._building:
            pass  # a release that is being built is finished; none begins after
        for rollout in list(self._rollouts.values()):
            rollout.cancelled.set()
        try:
            return list(self.substrate.close())
        except PortError as error:
            return [str(error)]

    def feed(self) -> Sequence[Change]:
        """The change feed, oldest first."""
        with self._lock:
            return tuple(rollout.change for rollout in self._rollouts.values())

    def died(self) -> Sequence[tuple[Instance, str]]:
        """Instances that ended by themselves since the last call, each with the end of its log."""
        return () if self._closing.is_set() else self.substrate.died()

    def edge(self) -> tuple[str, int]:
        """Where users come in."""
        router = next(service.name for service in self.topology.services if service.kind == "router")
        instance = next(each for each in self.substrate.instances() if each.service == router)
        return self.substrate.address(instance)

    def deploy(self, change: str, release: str, strategy: Strategy, pause: float, by: str) -> None:
        """Replaces every instance of the release's service. Raises PortError; what was replaced till then stays."""
        about = self.about(release)
        service = str(about["service"])
        previous = self._running(service)
        entry = Change(
            change, self.clock.now(), service, release, previous, about["kind"], about["summary"], by, "running"
        )
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
            change, self.clock.now(), of.service, of.previous, of.release, about["kind"], summary, by, "running", target
        )
        self._ship(
            _Rollout(entry, back.strategy, 0.0), {**about, "summary": summary, "by": by, "ai": None, "approvals": []}
        )
        self._set(target, "rolled-back")

    def _ship(self, rollout: _Rollout, about: Mapping[str, Any]) -> None:
        change = rollout.change
        with self._lock:
            self._rollouts[change.id] = rollout
            guard = self._of_service.setdefault(change.service, threading.Lock())
        self._log("change.started", change.id, self._described(rollout, about), durable=True)
        with guard:
            try:
                release = self._built(change.release)
                self._roll(rollout, release)
            except PortError as error:
                self._set(change.id, "failed")
                self._log("change.failed", change.id, {"why": str(error)})
                raise
            if rollout.cancelled.is_set():
                self._set(change.id, "rolled-back")
            else:
                self._set(change.id, "done")
            self._log("change.done", change.id, {"cancelled": rollout.cancelled.is_set()})

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

    def _roll(self, rollout: _Rollout, release: Release) -> None:
        change = rollout.change
        running = [each for each in self.substrate.instances() if each.service == change.service]
        for batch in self.plan(running, change.release, rollout.strategy, rollout.pause):
            if rollout.cancelled.is_set():
                return
            if hasattr(batch, "seconds"):
                rollout.cancelled.wait(batch.seconds)
                continue
            with ThreadPoolExecutor(len(batch), thread_name_prefix="roll") as pool:
                futures = [pool.submit(self._replace, change.id, step, release) for step in batch]
                errors = [future.exception() for future in futures]
            for error in errors:
                if error is not None:
                    raise error

    def _replace(self, change: str, step: Step, release: Release) -> None:
        old = step.instance
        service = self.topology.service(old.region, old.service)
        new = self._start(service, release.name)
        self.substrate.stop(old, self.grace)
        self._log("instance.stopped", old.id, {"service": old.service, "region": old.region, "release": old.release})
        self._log("change.replaced", change, {"instance": new.id, "release": new.release, "old": old.id})

    def _start_links(self, service: Service) -> None:
        instance = self._start(service, service.release or "")
        links = [link for link in self.topology.links if link.caller_region == service.region]
        ports = self.links.populate(service.region, self.substrate.address(instance), links)
        with self._lock:
            for link in links:
                self._addresses[link.name] = (self.substrate.link_host(link), ports[link.name])

    def _start(self, service: Service, release: str) -> Instance:
        ready = self._built(release) if release else Release(service.name, service.name, None)
        values = self.topology.environment_of_links(service, self._addresses)
        instance = self.substrate.start(service, ready, values)
        self._ready(instance)
        return instance

    def _ready(self, instance: Instance) -> None:
        data = {"service": instance.service, "region": instance.region, "release": instance.release}
        self._log("instance.ready", instance.id, data)

    def _built(self, release: str) -> Release:
        with self._building:
            if self._closing.is_set():
                raise PortError("the system is being taken down: nothing more is built")
            return self.build(release)

    def _running(self, service: str) -> str:
        """The release that the service runs now (the newest change's, where several run)."""
        standing = [c.release for c in self.feed() if c.service == service and c.state in ("running", "done")]
        if standing:
            return standing[-1]
        return str(self.topology.places(service)[0].release)

    def _set(self, change: str, state: Literal["running", "done", "failed", "rolled-back"]) -> None:
        with self._lock:
            rollout = self._rollouts[change]
            rollout.change = replace(rollout.change, state=state)

    def _log(self, kind: str, subject: str, data: Mapping[str, Any], *, durable: bool = False) -> None:
        if not self._closing.is_set() or kind.startswith("change"):
            self.journal.append(Event(self.clock.now(), kind, subject, data), durable=durable)
