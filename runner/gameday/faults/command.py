"""The fault that a team's own commands inject, confirm and revert."""

from __future__ import annotations

from typing import cast

from pydantic import Field

from gameday.faults.fault_spec import Chosen, Spec, mark_of
from gameday.ports import Arena, Commands, Wait
from gameday.scenario.own.own_system import Command


class CommandFault(Spec):
    """Run a command of one's own. `confirm` must succeed before the fault counts as injected."""

    kind = "command"
    needs = Commands
    name: str = Field(default="command", max_length=100, description="what is broken, for people")
    inject_: Command = Field(alias="inject")
    revert_: Command = Field(alias="revert", description="must be idempotent: it may run twice")
    confirm: Command | None = None

    def target(self, chosen: Chosen) -> str:
        return self.name

    def inject(self, arena: Arena, chosen: Chosen, wait: Wait) -> None:
        system = cast(Commands, arena.system.substrate)
        system.perform(mark_of(chosen), self.name, self.inject_, self.revert_)
        if self.confirm:
            system.check(self.confirm)

    def revert(self, arena: Arena, chosen: Chosen) -> None:
        cast(Commands, arena.system.substrate).undo(mark_of(chosen))
