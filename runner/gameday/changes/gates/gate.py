"""Types of gates: the change that asks to ship, what a gate may know, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from gameday.changes.change_identity import Ai, Person, Provenance
from gameday.changes.changed_files import ChangedFile
from gameday.changes.people import People

NOBODY = Person(role="unknown", level="unknown")


@dataclass(frozen=True)
class Proposal:
    """A change that asks to ship.

    `statement` is the file that states its identity and `places` the line of each key in it; `root` is what its diff's
    paths are below, for findings. `previous` is the release that it replaces. `contents`: path → text of each changed file
    as it will be. `regions` are those that it goes to at once or in turn; `plan` is what an automation is about to delete
    and create.
    """

    change: str
    name: str
    service: str
    kind: str
    previous: str = ""
    author: Person = NOBODY
    ai: Provenance = None
    approvals: tuple[Person, ...] = ()
    task: str = ""
    scope: tuple[str, ...] = ()
    reversible: bool = True
    migration: str = ""
    strategy: str = ""
    regions: tuple[str, ...] = ()
    plan: Mapping[str, Any] = field(default_factory=dict)
    patch: str = ""
    files: tuple[ChangedFile, ...] = ()
    contents: Mapping[str, str] = field(default_factory=dict)
    statement: str = ""
    places: Mapping[str, int] = field(default_factory=dict)
    root: str = ""

    @property
    def is_ai(self) -> bool:
        """Return True if AI is stated to have had part in it."""
        return isinstance(self.ai, Ai)

    def line_of(self, *keys: str) -> int:
        """Return the line of the first of the keys that is stated, else 1."""
        return next((self.places[key] for key in keys if key in self.places), 1)

    def first_change(self) -> tuple[str, int]:
        """Return file and line of the first line that the change touches; its statement if it has no diff."""
        if not self.files:
            return self.statement, 1
        file = self.files[0]
        return (f"{self.root}/{file.path}" if self.root else file.path), file.first_line


@dataclass(frozen=True)
class Finding:
    """One thing that a gate found, at its place. `approval`: the role that can let it pass; empty if nobody can."""

    message: str
    file: str
    line: int = 1
    hint: str = ""
    approval: str = ""
    rule: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


class SideInstances(Protocol):
    """Instances that a gate starts beside the system's; no user reaches them."""

    def contract(self, service: str) -> Path:
        """Return the service's OpenAPI contract. Raise PortError if there is none."""
        ...

    def shown(self, path: Path) -> str:
        """Return a path as findings show it."""
        ...

    def running(self, *releases: str) -> AbstractContextManager[Sequence[str]]:
        """Start an instance of each release; return their URLs. Raise PortError if one doesn't start."""
        ...


@dataclass(frozen=True)
class GateContext:
    """What a gate may know besides the change. `in_flight`: changes that ship or have just shipped, oldest first.

    `state` and `impact` describe the system and the change's predicted impact for policies (docs/gates.md); empty without
    a running system. `policies` are the rules of the gate `policy`. `instances` starts a release to ask it; None if nothing
    can be started.
    """

    people: People = field(default_factory=People)
    in_flight: Sequence[Proposal] = ()
    state: Mapping[str, Any] = field(default_factory=dict)
    impact: Mapping[str, Any] = field(default_factory=dict)
    policies: Sequence[Any] = ()
    instances: SideInstances | None = None


Check = Callable[[Proposal, GateContext], Iterable[Finding]]


@dataclass(frozen=True)
class Gate:
    """A registered gate. `needs_system`: it needs a running system, so that `gameday gate` leaves it out."""

    name: str
    summary: str
    check: Check
    needs_system: bool = False


def reject(name: str, gate: object) -> str | None:
    """Return why an object can't be registered as a gate, or None if it can."""
    if not isinstance(gate, Gate):
        return f"is a {type(gate).__name__}; a gameday.changes.gates.gate.Gate is expected"
    return f"is named {gate.name!r}; the entry point's name must be the same" if gate.name != name else None
