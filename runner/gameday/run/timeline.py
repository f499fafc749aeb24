"""Execution of a scenario's timeline: ship changes, inject faults, revert faults whose time is over.

Each fault is journalled durably, with its undo, before it acts. Faults that are still active at the end of a run are
reverted by `revert`, or go with the system.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gameday.ports import Fault, PortError
from gameday.recording.journal_events import (
    FaultFailed,
    FaultInjected,
    FaultIntended,
    FaultReverted,
    JournalEvent,
    Note,
)
from gameday.scenario import Entry, Scenario
from gameday.system.deploy_and_rollback import Deployer, Strategy
from gameday.system.operator_client import Refused

Log = Callable[[JournalEvent], None]
Bind = Callable[[str, Any], Fault]


@dataclass
class ActiveFault:
    """A fault that was intended and isn't reverted; `settled` is set once its injection is over.

    `fault` is None if only a rollback or the teardown reverts it.
    """

    fault: Fault | None
    settled: threading.Event = field(default_factory=threading.Event)


class Timeline:
    """The timeline of one run. Thread-safe.

    `bind` makes a fault of an entry's action and spec; `defect` returns what is wrong with a release, else None.
    """

    def __init__(
        self,
        scenario: Scenario,
        deployer: Deployer,
        bind: Bind,
        defect: Callable[[str], str | None],
        log: Log,
    ) -> None:
        self._scenario = scenario
        self._deployer = deployer
        self._bind = bind
        self._defect = defect
        self._log = log
        self._lock = threading.Lock()
        self._changes = 0
        self._fault_of_change: dict[str, str] = {}
        """Id of a bad deploy → id of its fault."""
        self._active: dict[str, ActiveFault] = {}
        self._stopped = threading.Event()

    def enter(self, index: int) -> None:
        """Carry out one entry, to the end of its duration; no-op if the run is being ended.

        Raise PortError if a fault can't be injected.
        """
        entry, fault = self._scenario.timeline[index], f"f{index + 1}"
        if self._stopped.is_set():
            return
        if entry.action == "deploy":
            self._ship(entry, fault, index)
        elif entry.action == "environment.delete":
            self._delete(entry, fault, index)
        else:
            self._inject(entry, fault, index)

    def next_change(self) -> str:
        """Return a new id for a change."""
        with self._lock:
            self._changes += 1
            return f"c{self._changes}"

    def mark_rolled_back(self, change: str | None) -> None:
        """Mark the fault of a bad deploy as reverted: a responder rolled the change back."""
        if change in self._fault_of_change and self._deactivate(self._fault_of_change[change]):
            self._log(FaultReverted(self._fault_of_change[change], by="responder"))

    def stop(self) -> None:
        """Begin nothing more, and cut every wait short."""
        with self._lock:
            self._stopped.set()

    def revert(self, patience: float) -> None:
        """Revert every active fault that can be reverted by itself, the latest first.

        An injection under way is awaited first, since it would act again after the revert. One that isn't over within
        `patience` seconds leaves its fault active.
        """
        deadline = time.monotonic() + patience
        for name, active in reversed(list(self._active.items())):
            if active.fault is None:
                continue
            if not active.settled.wait(max(0.0, deadline - time.monotonic())):
                self._log(Note(text=f"fault {name} is still being injected: not reverted", by="gameday"))
            elif self._try_to_revert(name, active.fault):
                self._mark_reverted(name, "cleanup")

    def all_reverted(self) -> bool:
        """Return True if no fault is active."""
        return not self._active

    def mark_all_reverted(self) -> None:
        """Mark every active fault as reverted: the system is down."""
        for name in list(self._active):
            self._mark_reverted(name, "cleanup")

    def _ship(self, entry: Entry, fault: str, index: int) -> None:
        """Deploy a release. A deploy that fails is an event of the scenario, not an error of the tool."""
        change, defect = self.next_change(), self._defect(entry.spec.release)
        if defect:
            self._fault_of_change[change] = fault
            service = str(self._deployer.about(entry.spec.release)["service"])
            intended = FaultIntended(
                fault,
                kind="bad-deploy",
                target=service,
                service=service,
                entry=index,
                change=change,
                defect=defect,
                undo={"rollback": change},
            )
            if not self._intend(intended, None):
                return
        strategy: Strategy = entry.spec.canary or entry.spec.strategy
        try:
            self._deployer.deploy(change, entry.spec.release, strategy, entry.spec.pause, "timeline")
        except PortError as error:
            if defect and self._deactivate(fault):
                self._log(FaultFailed(fault, why=str(error)))
        else:
            if defect:
                self._log(FaultInjected(fault))
            if self._deployer.was_aborted(change):
                self._mark_reverted(fault, "system")

    def _delete(self, entry: Entry, fault: str, index: int) -> None:
        """Let an automation delete an environment. A refusal by the system is an event of the scenario."""
        region, change = entry.spec.region, self.next_change()
        intended = FaultIntended(
            fault,
            kind=entry.action,
            target=region,
            region=region,
            entry=index,
            plan=change,
            undo={"environment": region},
        )
        if not self._intend(intended, None):
            return
        try:
            self._deployer.recreate_environment(change, entry.spec.release, region, entry.spec.by)
        except PortError as error:
            if self._deactivate(fault):
                self._log(FaultFailed(fault, why=str(error)))
            if not (isinstance(error, Refused) or self._stopped.is_set()):
                raise
            return
        self._deactivate(fault)
        self._log(FaultInjected(fault))
        self._log(FaultReverted(fault, by="system"))

    def _inject(self, entry: Entry, name: str, index: int) -> None:
        """Inject a fault, and revert it once its duration is over."""
        fault = self._bind(entry.action, entry.spec)
        begun = time.monotonic()
        undo = dict(fault.undo())
        values = {**undo.get("spec", {}), **undo.get("chosen", {})}
        place = {key: values[key] for key in ("region", "service") if isinstance(values.get(key), str)}
        intended = FaultIntended(
            name,
            kind=entry.action,
            target=fault.target,
            **place,
            entry=index,
            meaning=fault.meaning,
            undo=undo,
        )
        active = self._intend(intended, fault)
        if active is None:
            return
        try:
            fault.inject(self._wait)
        except PortError as error:
            self._try_to_revert(name, fault)
            if self._deactivate(name):
                self._log(FaultFailed(name, why=str(error)))
            if not self._stopped.is_set():
                raise
            return
        finally:
            active.settled.set()
        self._log(FaultInjected(name))
        if entry.spec.for_ is not None and self._wait(entry.spec.for_ - (time.monotonic() - begun)):
            ordered = self._deployer.clock.now()
            fault.revert()
            self._mark_reverted(name, "schedule", ordered=ordered)

    def _try_to_revert(self, name: str, fault: Fault) -> bool:
        """Revert a fault; return False and journal a note if that fails."""
        try:
            fault.revert()
        except PortError as error:
            self._log(Note(text=f"fault {name} could not be reverted: {error}", by="gameday"))
            return False
        return True

    def _wait(self, seconds: float) -> bool:
        """Wait; return False at once if the run is being ended."""
        return not self._stopped.wait(max(0.0, seconds))

    def _intend(self, intended: FaultIntended, fault: Fault | None) -> ActiveFault | None:
        """Journal a fault durably and count it as active; return None, with nothing done, if the run is being ended."""
        active = ActiveFault(fault)
        with self._lock:
            if self._stopped.is_set():
                return None
            self._active[intended.fault] = active
        try:
            self._log(intended)
        except Exception:
            active.settled.set()
            raise
        return active

    def _deactivate(self, name: str) -> bool:
        """Remove the fault from the active set; return True if it was active."""
        with self._lock:
            return self._active.pop(name, self) is not self

    def _mark_reverted(self, name: str, by: str, ordered: float | None = None) -> None:
        if self._deactivate(name):
            self._log(FaultReverted(name, by=by, ordered=ordered))
