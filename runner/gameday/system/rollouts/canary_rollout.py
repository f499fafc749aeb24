"""Canary rollouts: a few instances of the new release beside the service, a rising share of users, and a judge.

One instance in each region that takes part answers the share; the service itself stays as it is until the canary is
promoted. A canary that pauses waits for a person: `canary-promote`, `canary-pause` and `canary-abort` of the operators' API.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, Protocol

from gameday.operations import Change
from gameday.ports import CanaryJudge, CanaryPlan, CanaryVerdict, Instance, MakeJudge, PortError
from gameday.recording.clock import Clock
from gameday.recording.journal_events import (
    CanaryEnded,
    CanaryJudged,
    CanaryPaused,
    CanaryStepped,
    JournalEvent,
)
from gameday.system.parallel import run_in_parallel
from gameday.system.settings import canary_shares, operator_settings
from gameday.system.system import System
from gameday.topology import canary_name

TICK_S = 0.25
"""How often a canary is judged."""
AUTOMATION = "canary analysis"
Command = Literal["promote", "pause", "abort"]
Result = Literal["promoted", "aborted", "cancelled"]


class Feed(Protocol):
    """What a rollout shows of itself in the change feed."""

    def __call__(self, change: str, state: Literal["running", "paused"]) -> None: ...


def strategy_text(strategy: str | CanaryPlan) -> str:
    """Return a strategy as the change feed shows it: `canary 5% 25% 100%`."""
    if isinstance(strategy, str):
        return strategy
    return " ".join(["canary", *(f"{100 * share:.6g}%" for share in strategy.steps)])


@dataclass
class _Control:
    """What people asked of a canary, and whether it is paused."""

    change: Change
    wake: threading.Event = field(default_factory=threading.Event)
    asked: tuple[Command, str] | None = None
    paused: bool = False


@dataclass
class Canaries:
    """The canaries of one system. Thread-safe; each rollout runs in the thread of its deploy."""

    system: System
    log: Callable[[JournalEvent], None]
    clock: Callable[[], Clock]
    grace: float = 5.0
    make_judge: MakeJudge | None = None
    """Set anew for each run, whose samples the judges read."""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._controls: dict[str, _Control] = {}
        self.aborted: set[str] = set()
        """Ids of the changes whose canary was aborted."""

    def command(self, service: str, change: str | None, command: Command, by: str) -> None:
        """Promote a canary to its next step, pause it, or abort it. Raise PortError if there is no such canary."""
        with self._lock:
            controls = [
                control
                for control in self._controls.values()
                if control.change.service == service and change in (None, control.change.id)
            ]
            if not controls:
                raise PortError(f"no canary of {service} is in progress")
            controls[-1].asked = command, by
            controls[-1].wake.set()

    @contextmanager
    def watching(
        self, change: Change, plan: CanaryPlan, cancelled: threading.Event, feed: Feed
    ) -> Iterator[bool]:
        """Run the canary; yield True once it is promoted and the whole service may follow, False if it was aborted.

        The canary's instances are stopped at the end of the block. Raise PortError if one can't be started, or if a
        caller doesn't take the shares.
        """
        control = _Control(change)
        with self._lock:
            self._controls[change.id] = control
        name = canary_name(change.service)
        before = self.system.releases[name]
        self.system.releases[name] = change.release
        try:
            self._start(name, change, plan)
            result, why, by = self._run(control, plan, cancelled, feed)
            with self._lock:
                self._controls.pop(change.id, None)  # nothing heeds a command from here on
                asked = control.asked
            if result == "promoted" and asked is not None and asked[0] == "abort":
                result, why, by = "aborted", "abort by hand", asked[1]
            if result == "aborted":
                self.aborted.add(change.id)
            if result != "promoted":
                cancelled.set()
                self._remove(name)
            self.log(CanaryEnded(change.id, result=result, why=why, by=by))
            yield result == "promoted"
        finally:
            with self._lock:
                self._controls.pop(change.id, None)
            if not self.system.closing.is_set():
                self._remove(name)
            self.system.releases[name] = before

    def _start(self, name: str, change: Change, plan: CanaryPlan) -> None:
        places = [
            place
            for place in self.system.topology.places(name)
            if (not plan.regions or place.region in plan.regions) and not self.system.is_lost(place.region)
        ]
        if not places:
            raise PortError(f"no region can take a canary of {change.service}")
        run_in_parallel([functools.partial(self.system.start, place, change.release) for place in places])

    def _run(
        self, control: _Control, plan: CanaryPlan, cancelled: threading.Event, feed: Feed
    ) -> tuple[Result, str, str]:
        """Go through the steps; return the result, why, and by whom."""
        change = control.change
        if self.make_judge is None:
            raise PortError("nothing judges a canary here: ship the release with another strategy")
        judge = self.make_judge(change.service, change.release, plan)
        by = AUTOMATION
        for share in plan.watched:
            self._route(change, share, plan)
            since = self.clock().now()
            judge.step(share, since)
            self.log(CanaryStepped(change.id, share=share))
            command, why, by = self._watch(control, plan, judge, since, cancelled, feed)
            if command != "promote":
                return ("cancelled" if command == "pause" else "aborted"), why, by
        return "promoted", "every step was healthy" if by == AUTOMATION else "promoted by hand", by

    def _watch(
        self,
        control: _Control,
        plan: CanaryPlan,
        judge: CanaryJudge,
        since: float,
        cancelled: threading.Event,
        feed: Feed,
    ) -> tuple[Command, str, str]:
        """Watch one step to its end; return promote or abort, why and by whom; pause if the change was cancelled."""
        logged: CanaryVerdict | None = None
        while not cancelled.is_set():
            control.wake.wait(TICK_S)
            control.wake.clear()
            with self._lock:
                asked, control.asked = control.asked, None
            if asked is not None and asked[0] != "pause":
                self._resume(control, feed)
                return asked[0], f"{asked[0]} by hand", asked[1]
            if asked is not None:
                self._pause(control, "paused by hand", asked[1], feed)
            now = self.clock().now()
            ending = now >= since + plan.bake
            verdict = judge.verdict(now, ending=ending)
            if (ending or verdict.state != "healthy") and (logged is None or logged.state != verdict.state):
                self._log_verdict(control, verdict)
                logged = verdict
            if verdict.state == "worse" and plan.on_fail == "rollback":
                return "abort", verdict.why, AUTOMATION
            if verdict.state != "healthy":
                self._pause(control, verdict.why, AUTOMATION, feed)
            elif ending and not control.paused:
                return "promote", "", AUTOMATION
        return "pause", "the change was cancelled", ""

    def _pause(self, control: _Control, why: str, by: str, feed: Feed) -> None:
        if not control.paused:
            control.paused = True
            feed(control.change.id, "paused")
            self.log(CanaryPaused(control.change.id, why=why, by=by))

    def _resume(self, control: _Control, feed: Feed) -> None:
        control.paused = False
        feed(control.change.id, "running")

    def _log_verdict(self, control: _Control, verdict: CanaryVerdict) -> None:
        self.log(CanaryJudged(control.change.id, **vars(verdict)))

    def _route(self, change: Change, share: float, plan: CanaryPlan) -> None:
        """Give the canary a share of the users at every caller, and at those that start later."""
        shares = self.system.settings.canary
        shares.set(change.service, share, change.release, plan.regions)
        self.system.altered.add(f"canary of {change.service}")
        self._send()

    def _remove(self, name: str) -> None:
        """Take the users from the canary, then stop its instances. No-op if it has none."""
        service = name.removesuffix("-canary")
        running = self.system.instances(name)
        if self.system.settings.canary.drop(service):
            self._send()
        self.system.altered.discard(f"canary of {service}")
        if running:
            run_in_parallel([functools.partial(self.system.stop, one, self.grace) for one in running])

    def _send(self) -> None:
        """Send the shares to every running caller. Raise PortError if one that still runs didn't take them."""
        callers = self._callers()
        requests = self.system.settings.canary.requests()
        run_in_parallel([functools.partial(self._ask, caller, requests[0][1]) for caller in callers])

    def _ask(self, caller: Instance, body: Mapping[str, str]) -> None:
        try:
            self.system.ask(caller, "POST", canary_shares.PATH, body)
        except PortError:
            if caller.id in {instance.id for instance in self.system.instances(caller.service)}:
                raise

    def _callers(self) -> list[Instance]:
        topology = self.system.topology
        places = {
            (service.region, service.name)
            for service in topology.services
            if operator_settings.has(service, canary_shares.CanaryShares.variable)
        }
        return [one for one in self.system.instances() if (one.region, one.service) in places]
