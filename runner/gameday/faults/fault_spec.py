"""Base of faults: a spec (its part of the scenario), what it chose, and both bound to an arena.

Each family of faults is a module of its own. The timeline injects, reverts and journals them.
"""

from __future__ import annotations

import math
import secrets
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar

from pydantic import Field, model_validator

from gameday.ports import Arena, Fault, PortError, Substrate, System, Wait
from gameday.scenario.scenario_model import Part
from gameday.scenario.units import Lasting, Within
from gameday.scenario.yaml_document import nearest
from gameday.topology import Topology

STEP_S = 0.25
"""Length of a ramp's step."""

Chosen = Mapping[str, Any]
"""Plain JSON data: what a fault acts on, chosen before it acts, so that another process can revert it."""
Trouble = tuple[tuple[str, ...], str, str]
"""Path within the spec, message, hint."""


class Spec(Part):
    """The value of an action in a timeline. A subclass is one fault: its keys, how it is injected and reverted."""

    kind: ClassVar[str]
    needs: ClassVar[type | None] = None
    """The optional capability that the substrate must have, of `gameday.ports`."""
    meanings: ClassVar[Mapping[str, str]] = {}
    """Name of a substrate → what the fault is there, in a sentence; empty if it has the same effect on all."""

    fills_disk_of: ClassVar[str] = ""
    """Kind of the services whose volumes the fault fills, so that they get file systems of their own; "" for none."""

    for_: Lasting | None = Field(
        default=None, alias="for", description="revert the fault this long after its injection began"
    )

    def problems(self, topology: Topology) -> Iterable[Trouble]:
        """Yield the regions, services and links that the spec names and the system doesn't have."""
        return ()

    def meaning(self, system: System, chosen: Chosen) -> str:
        """Return what the fault is on the system's substrate; "" if it is the same on all."""
        return self.meanings.get(system.substrate.name, "")

    def lacks(self, substrate: Substrate) -> str | None:
        """Return why the fault can't be injected on this substrate, or None if it can."""
        if self.needs is None or isinstance(substrate, self.needs):
            return None
        capability = self.needs.__name__.lower()
        return f"{self.kind}: the {substrate.name} substrate has no {capability}: use another --substrate"

    def bind(self, arena: Arena) -> Bound:
        """Return the fault, ready to be injected. Raise PortError if it can't be injected on this system."""
        why = self.lacks(arena.system.substrate)
        if why:
            raise PortError(why)
        return self.made(arena, {"mark": mark(self.kind), **self.choose(arena.system)})

    def made(self, arena: Arena, chosen: Chosen) -> Bound:
        return Bound(self, arena, chosen)

    def choose(self, system: System) -> Chosen:
        return {}

    @abstractmethod
    def target(self, chosen: Chosen) -> str:
        """Return what is hit, for people and the journal: `us-east`, `us-east.postgres`, `checkout--payments`."""

    @abstractmethod
    def inject(self, arena: Arena, chosen: Chosen, wait: Wait) -> None: ...

    @abstractmethod
    def revert(self, arena: Arena, chosen: Chosen) -> None: ...


class Ramped(Spec):
    """A spec of a fault that can grow to its full strength."""

    ramp: Within = Field(default=0.0, description="time in which it grows to its full strength")

    @model_validator(mode="after")
    def _reaches_its_strength(self) -> Ramped:
        if self.for_ is not None and self.ramp >= self.for_:
            raise ValueError("is reverted before it has its full strength\nmake ramp shorter than for")
        return self


class Bound(Fault):
    """`ports.Fault`: a spec and what it chose, in an arena."""

    def __init__(self, spec: Spec, arena: Arena, chosen: Chosen) -> None:
        self.target = spec.target(chosen)
        self._spec = spec
        self._arena = arena
        self._chosen = chosen

    @property
    def meaning(self) -> str:
        """What the fault is on the arena's substrate; empty if it is the same on all."""
        return self._spec.meaning(self._arena.system, self._chosen)

    def undo(self) -> Mapping[str, Any]:
        spec = self._spec.model_dump(mode="json", by_alias=True, exclude_none=True)
        return {"kind": self._spec.kind, "spec": spec, "chosen": dict(self._chosen)}

    def inject(self, wait: Wait) -> None:
        self._spec.inject(self._arena, self._chosen, wait)

    def revert(self) -> None:
        self._spec.revert(self._arena, self._chosen)


def mark(kind: str) -> str:
    """Return a unique name for one fault, with which its toxics' names begin: `gameday-link-latency-1f2e3d4c`."""
    return f"gameday-{kind.replace('.', '-')}-{secrets.token_hex(4)}"


def mark_of(chosen: Chosen) -> str:
    """Return the mark of a fault; '' for one that an older version recorded without."""
    return str(chosen.get("mark", ""))


def ramp(seconds: float, wait: Wait) -> Iterator[float]:
    """Yield shares of full strength, one each quarter of a second, the last one 1; stop early if `wait` returns False."""
    steps = math.ceil(seconds / STEP_S)
    for step in range(steps + 1):
        if step and not wait(seconds / steps):
            return
        yield (step + 1) / (steps + 1)


def every(calls: Iterable[Callable[[], object]]) -> None:
    """Make every call, even if others fail; then raise one PortError that names all failures."""
    failed = []
    for call in calls:
        try:
            call()
        except PortError as error:
            failed.append(str(error))
    if failed:
        raise PortError("; ".join(failed))


def unknown(key: str, noun: str, name: str, known: Iterable[str]) -> Trouble:
    """Return the problem that there is no such `noun` in the system; `key` is a dotted path within the spec."""
    return tuple(key.split(".")), f"there is no {noun} {name!r} in this system", nearest(name, known)
