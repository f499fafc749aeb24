"""Revert of the faults of a run whose runner is gone, from its journal alone; the system stays up.

Each fault is rebuilt from the `undo` that was journalled before it acted. Only the link servers are acted on, at the
addresses in the journal: faults that need anything else of the system are reported as left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, cast

from pydantic import ValidationError

from gameday.execution import library
from gameday.faults import rebuild
from gameday.faults.standing_faults import StandingFaults
from gameday.links.toxiproxy_client import LinkServer
from gameday.ports import Arena, Load, PortError, System
from gameday.reaper.journal_closing import record_reverted
from gameday.recording.journal import read_journal
from gameday.recording.journal_events import FaultFailed, FaultIntended, FaultReverted, LinkServerReady
from gameday.recording.journal_index import JournalIndex
from gameday.recording.sealed_files import unseal
from gameday.registries import ExtensionError
from gameday.substrates import KINDS
from gameday.system.run_secrets import VARIABLES
from gameday.topology import Link, Topology

Address = tuple[str, int]


@dataclass
class RevertResult:
    """What was reverted and what is left, in words: `f1 (link.down on catalog--pricing)`."""

    reverted: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


class OnlyRunnerCan:
    """Stands for the parts of a system that only its runner can act on: every use raises PortError."""

    def __getattr__(self, name: str) -> NoReturn:
        raise PortError("only the runner could revert it; gameday heal without --revert-only ends the system")


class OrphanedLinks(OnlyRunnerCan):
    """The part of `ports.Links` that reverts, on link servers whose runner is gone. Idempotent."""

    def __init__(self, servers: Mapping[str, Address]) -> None:
        self._servers = servers

    def mend(self, link: Link) -> None:
        """Enable the link's proxy."""
        self._server(link).set_enabled(link.name, True)

    def remove_toxic(self, link: Link, name: str) -> None:
        """Remove a toxic of the link, if it is there."""
        self._server(link).remove_toxic(link.name, name)

    def _server(self, link: Link) -> LinkServer:
        if link.caller_region not in self._servers:
            raise PortError(f"the journal doesn't say where the link server of {link.caller_region} answers")
        host, port = self._servers[link.caller_region]
        return LinkServer(host, port, secret=link_secret(port))


def link_secret(port: int) -> str:
    """Return the secret of the link server at that port, from its own environment; '' if it can't be read."""
    environments = (kind.environment_at(port) for kind in KINDS.values())
    return next(
        (
            environment[VARIABLES["links"]]
            for environment in environments
            if VARIABLES["links"] in environment
        ),
        "",
    )


class OrphanedSystem(OnlyRunnerCan):
    """The part of `ports.System` that faults on links need to be reverted."""

    def __init__(self, topology: Topology, links: OrphanedLinks) -> None:
        self.topology = topology
        self.links = links


def revert_faults(folder: Path) -> RevertResult:
    """Revert every active fault of the run in `folder`, the latest first, and journal each. Idempotent.

    A fault counts as active until its revert is on disk, so an interrupted call can be repeated. Raise PortError if
    journal or scenario can't be read.
    """
    try:
        unseal(folder)
        journal = JournalIndex(read_journal(folder / "journal.jsonl"))
        faults = _active(journal)
        if not faults:
            return RevertResult()
        topology = library.topology(library.read(folder / "scenario.yaml"))
    except (OSError, ValueError) as error:
        raise PortError(f"the faults of {folder.name} can't be reverted: {error}") from error
    servers = {event.region: (event.host, event.port) for event in journal.of(LinkServerReady)}
    system = OrphanedSystem(topology, OrphanedLinks(servers))
    arena = Arena(cast(System, system), cast(Load, OnlyRunnerCan()), StandingFaults())
    result = RevertResult()
    for fault in reversed(faults):
        words = f"{fault.fault} ({fault.kind} on {fault.target})"
        try:
            _revert(fault, arena)
            record_reverted(folder, fault.fault)
        except (PortError, OSError) as error:
            result.left.append(f"{words}: {error}")
        else:
            result.reverted.append(words)
    return result


def _revert(fault: FaultIntended, arena: Arena) -> None:
    """Rebuild a fault from its undo and revert it. Raise PortError if that can't be done without its runner."""
    if "kind" not in fault.undo:
        raise PortError("a change; only a rollback reverts it")
    try:
        rebuilt = rebuild(fault.undo, arena)
    except (KeyError, ValidationError, ExtensionError) as error:
        raise PortError(f"its undo can't be read: {error}") from error
    rebuilt.revert()


def _active(journal: JournalIndex) -> list[FaultIntended]:
    """Return the faults that were intended and neither failed nor reverted, in the journal's order."""
    active: dict[str, FaultIntended] = {}
    for event in journal.of(FaultIntended, FaultFailed, FaultReverted):
        if isinstance(event, FaultIntended):
            active[event.fault] = event
        elif isinstance(event, FaultFailed | FaultReverted):
            active.pop(event.fault, None)
    return list(active.values())


__all__ = ["RevertResult", "revert_faults"]
