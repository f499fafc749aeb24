"""Carries out a scenario's timeline: ships its changes, injects its faults, and takes back those whose time is over.

Each fault is journalled durably with its undo before it acts. What stands at the end of a run is reverted by `revert`,
or goes with the system.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from gameday.ports import Fault, PortError
from gameday.scenario import Entry, Scenario
from gameday.system.deployer import Operator, Strategy
from gameday.system.operator_client import Refused

Log = Callable[[str, str, Mapping[str, Any]], None]
Bind = Callable[[str, Any], Fault]


class Timeline:
    """`bind` makes a fault of an entry's action and spec; `defect` says what is wrong with a release, if anything."""

    def __init__(
        self,
        scenario: Scenario,
        operator: Operator,
        bind: Bind,
        defect: Callable[[str], str | None],
        log: Log,
    ) -> None:
        self._scenario = scenario
        self._operator = operator
        self._bind = bind
        self._defect = defect
        self._log = log
        self._lock = threading.Lock()
        self._changes = 0
        self._shipped: dict[str, str] = {}
        """Harmful change → its fault."""
        self._standing: dict[str, Fault | None] = {}
        """Fault → how to revert it; None where only a roll-back or the end does."""
        self._ending = threading.Event()

    def enter(self, index: int) -> None:
        """Carries out one entry, to the end of the time it is for. Raises PortError where a fault can't be injected."""
        entry, fault = self._scenario.timeline[index], f"f{index + 1}"
        if entry.action == "deploy":
            self._ship(entry, fault, index)
        elif entry.action == "environment.delete":
            self._delete(entry, fault, index)
        else:
            self._inject(entry, fault, index)

    def next_change(self) -> str:
        """The id of a change that is about to begin."""
        with self._lock:
            self._changes += 1
            return f"c{self._changes}"

    def taken_back(self, change: str | None) -> None:
        """A responder rolled this change back: a fault that it was is over."""
        if change in self._shipped and self._over(self._shipped[change]):
            self._log("fault.reverted", self._shipped[change], {"by": "responder"})

    def end(self) -> None:
        """Nothing more begins, and what waits goes on at once."""
        self._ending.set()

    def revert(self) -> None:
        """Takes back every fault that stands and can be taken back by itself, the latest first."""
        for name, fault in reversed(list(self._standing.items())):
            if fault is not None and self._try_to_revert(name, fault):
                self._closed(name, "cleanup")

    def gone(self) -> None:
        """The system is down, and every fault with it."""
        for name in list(self._standing):
            self._closed(name, "cleanup")

    def _ship(self, entry: Entry, fault: str, index: int) -> None:
        """A deploy; one that fails is part of the story, not of the tool's."""
        change, defect = self.next_change(), self._defect(entry.spec.release)
        if defect:
            self._shipped[change] = fault
            service = entry.spec.release.rpartition("-")[0]
            data = {
                "kind": "bad-deploy",
                "target": service,
                "service": service,
                "entry": index,
                "change": change,
            }
            self._intend(fault, {**data, "defect": defect, "undo": {"rollback": change}}, None)
        strategy: Strategy = entry.spec.strategy
        try:
            self._operator.deploy(change, entry.spec.release, strategy, entry.spec.pause, "timeline")
        except PortError as error:
            if defect and self._over(fault):
                self._log("fault.failed", fault, {"why": str(error)})
        else:
            if defect:
                self._log("fault.injected", fault, {})

    def _delete(self, entry: Entry, fault: str, index: int) -> None:
        """An automation's; that the system refuses it is part of the story."""
        region, change = entry.spec.region, self.next_change()
        about = {"kind": entry.action, "target": region, "region": region, "entry": index, "plan": change}
        self._intend(fault, {**about, "undo": {"environment": region}}, None)
        try:
            self._operator.recreate(change, entry.spec.release, region, entry.spec.by)
        except PortError as error:
            if self._over(fault):
                self._log("fault.failed", fault, {"why": str(error)})
            if not (isinstance(error, Refused) or self._ending.is_set()):
                raise
            return
        self._over(fault)
        self._log("fault.injected", fault, {})
        self._log("fault.reverted", fault, {"by": "system"})

    def _inject(self, entry: Entry, name: str, index: int) -> None:
        fault = self._bind(entry.action, entry.spec)
        begun = time.monotonic()
        undo = dict(fault.undo())
        said = {**undo.get("spec", {}), **undo.get("chosen", {})}
        about = {key: said[key] for key in ("region", "service") if isinstance(said.get(key), str)}
        self._intend(
            name, {"kind": entry.action, "target": fault.target, **about, "entry": index, "undo": undo}, fault
        )
        try:
            fault.inject(self._wait)
        except PortError as error:
            self._try_to_revert(name, fault)
            if self._over(name):
                self._log("fault.failed", name, {"why": str(error)})
            if not self._ending.is_set():
                raise
            return
        self._log("fault.injected", name, {})
        if entry.spec.for_ is not None and self._wait(entry.spec.for_ - (time.monotonic() - begun)):
            ordered = self._operator.clock.now()
            fault.revert()
            self._closed(name, "schedule", ordered=ordered)

    def _try_to_revert(self, name: str, fault: Fault) -> bool:
        try:
            fault.revert()
        except PortError as error:
            self._log("note", "", {"text": f"fault {name} could not be reverted: {error}", "by": "gameday"})
            return False
        return True

    def _wait(self, seconds: float) -> bool:
        return not self._ending.wait(max(0.0, seconds))

    def _intend(self, name: str, data: Mapping[str, Any], fault: Fault | None) -> None:
        with self._lock:
            self._standing[name] = fault
        self._log("fault.intended", name, data)

    def _over(self, name: str) -> bool:
        """Whether it stood till now."""
        with self._lock:
            return self._standing.pop(name, self) is not self

    def _closed(self, name: str, by: str, **more: float) -> None:
        if self._over(name):
            self._log("fault.reverted", name, {"by": by, **more})
