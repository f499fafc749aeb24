"""Changes of a system of one's own by commands: deploy, roll back, and wait until it is ready."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from gameday.operations import Change
from gameday.ports import Commands, PortError
from gameday.scenario.own.own_system import CommandSpec
from gameday.system.own.adopted_system import AdoptedSystem


class Shippable(Commands, Protocol):
    """A substrate on which commands ship releases."""

    def await_ready(self, stop: threading.Event | None = None) -> None: ...

    def ship(self, key: str, change: Mapping[str, Any] | None, service: str, release: str) -> None: ...

    def forget(self, key: str) -> None: ...


@dataclass(frozen=True)
class OwnRelease:
    """A release as the scenario's timeline names it. Commands of its own come before the system's."""

    name: str
    service: str
    summary: str
    kind: str = "code"
    deploy: CommandSpec | None = None
    rollback: CommandSpec | None = None
    change: Mapping[str, Any] | None = None
    """What changes of the service's definition, if Compose ships it and no command does."""
    defect: str | None = None
    """What is wrong with it: its readiness isn't awaited."""


@dataclass
class CommandShipping:
    """Ships the releases of one scenario. `deploy` and `rollback` are the system's own commands."""

    releases: Mapping[str, OwnRelease]
    deploy: CommandSpec | None
    rollback: CommandSpec | None

    def about(self, release: str) -> Mapping[str, Any]:
        """Return what the change feed says of a release; the one before the first deploy has no author or summary."""
        known = self.releases.get(release)
        if known is None:
            return {"service": "", "kind": "code", "summary": release}
        return {"service": known.service, "kind": known.kind, "summary": known.summary}

    def ship(self, system: AdoptedSystem, change: Change, cancelled: threading.Event) -> None:
        """Carry out a deploy or a rollback, then wait until the system is ready. Raise PortError if either fails.

        A deploy that is cancelled is killed, and its readiness isn't awaited any longer.
        """
        substrate: Shippable = system.substrate  # type: ignore[assignment]
        values: dict[str, str] = {
            "service": change.service,
            "release": change.release,
            "previous": change.previous,
        }
        before = system.instances(change.service)
        if change.rollback_of:
            self._roll_back(substrate, change, values)
        else:
            try:
                self._deploy(substrate, change, values, cancelled)
            except PortError:
                if not cancelled.is_set():
                    raise
                return
        system.log_replaced(before, change.service)
        known = self.releases.get(change.release)
        if known is None or known.defect is None:
            substrate.await_ready(cancelled)

    def _deploy(
        self, substrate: Shippable, change: Change, values: Mapping[str, str], cancelled: threading.Event
    ) -> None:
        release = self.releases[change.release]
        if release.change is not None:
            substrate.ship(change.id, release.change, change.service, change.release)
            return
        command = release.deploy or self.deploy
        if command is None:
            raise PortError(f"nothing says how {change.release} is deployed: add system.deploy")
        # To undo is to ship the previous release again.
        undo = {**values, "release": change.previous, "previous": change.release}
        rollback = release.rollback or self.rollback
        if rollback is not None:
            filled = [_fill(argument, undo) for argument in rollback.command]
            rollback = rollback.model_copy(update={"command": tuple(filled)})
        what = f"deploy of {change.release}"
        substrate.perform(change.id, what, command, rollback, stop=cancelled, values=values)
        substrate.ship(change.id, None, change.service, change.release)

    def _roll_back(self, substrate: Shippable, change: Change, values: Mapping[str, str]) -> None:
        bad = self.releases.get(change.previous)
        if bad is not None and bad.change is not None and bad.rollback is None:
            good = self.releases.get(change.release)
            substrate.ship(change.id, good.change if good else None, change.service, change.release)
            substrate.forget(change.rollback_of or "")
            return
        command = (bad.rollback if bad else None) or self.rollback
        if command is None:
            raise PortError(f"nothing says how {change.service} is rolled back: add system.rollback")
        substrate.perform(
            f"{change.id} rollback", f"rollback of {change.previous}", command, None, values=values
        )
        substrate.ship(change.id, None, change.service, change.release)
        substrate.forget(change.rollback_of or "")


def _fill(argument: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        argument = argument.replace(f"${{{name}}}", value)
    return argument
