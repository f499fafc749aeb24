"""Replacement of a batch of instances: start the new one, await that it is ready, stop the old one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from gameday.ports import Instance, PortError
from gameday.recording.journal_events import ChangeReplaced, JournalEvent
from gameday.system.system import System


class Step(Protocol):
    """One replacement of a rollout plan."""

    @property
    def instance(self) -> Instance: ...

    @property
    def release(self) -> str: ...


def replace_all(
    system: System, log: Callable[[JournalEvent], None], change: str, batch: Sequence[Step], grace: float
) -> None:
    """Replace a batch in parallel. Raise the first error once all replacements are over."""

    def replace(step: Step) -> None:
        """Replace one instance; no-op if its region is lost, since it will come back with the wanted release."""
        old = step.instance
        service = system.topology.service(old.region, old.service)
        with system.replacing((old.region, old.service)):
            try:
                new = system.start(service, step.release)
            except PortError:
                if system.is_lost(old.region):
                    return
                raise
            system.stop(old, grace)
        log(ChangeReplaced(change, instance=new.id, release=new.release, old=old.id))

    with ThreadPoolExecutor(len(batch), thread_name_prefix="roll") as pool:
        futures = [pool.submit(replace, step) for step in batch]
        errors = [future.exception() for future in futures]
    for error in errors:
        if error is not None:
            raise error
