"""The record that registers a kind of substrate: what selection, wiring, the reaper, `heal` and the commands know of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gameday.ports import Substrate
from gameday.topology import Topology

Availability = tuple[bool, str]
"""Whether something can be used on this machine, and why, in words."""
Remains = Mapping[str, Counter[str]]
"""Run → number of leftovers by their kind, such as {"container": 6}."""


@dataclass(frozen=True)
class SubstrateSetup:
    """What a substrate is made from.

    `compose` is the folder of the system's compose files and code, `template` gives the folder that a database's data
    is copied from, `entry_port` is the fixed port at which clients enter (0: any), `variables` are values of the
    compose files' variables, `disks` are the services whose volumes get file systems of their own if that can be.
    `names_changed` and `link_command` are for
    substrates whose link servers run on this machine: see `ProcessSubstrate`.
    """

    run: str
    topology: Topology
    folder: Path
    compose: Path
    template: Callable[[], Path]
    progress: Callable[[str], None] = lambda text: None
    entry_port: int = 0
    variables: Mapping[str, str] = field(default_factory=dict)
    disks: Collection[str] = ()
    names_changed: Callable[[Mapping[str, Sequence[str]]], None] | None = None
    link_command: Callable[[str, int, Path], Sequence[str]] | None = None


@dataclass(frozen=True)
class Traces:
    """Where to look for what a run left. What isn't known is None.

    `folder` is the run's; `entry` is the file that lists the run as active, `key` the one with the token of its
    operators' API. A folder that isn't `recorded_here` may be another machine's: no command that it names is run.
    """

    run: str
    folder: Path | None = None
    substrate: str = ""
    entry: Path | None = None
    key: Path | None = None
    recorded_here: bool = True


@dataclass
class Cleared:
    """What was removed of a run and what is left, in words: `31 processes`, `container 0123456789ab`."""

    removed: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def add(self, other: Cleared) -> None:
        self.removed += other.removed
        self.left += other.left


@dataclass(frozen=True)
class SubstrateKind:
    """A kind of substrate, such as Docker.

    `available` says whether it can be used on this machine. `make` returns a substrate; it may do long work only in
    `Substrate.open`. `reap(runs, patience)` removes what dead runs left on it, within about `patience` seconds, and
    returns the result by run; it must not raise and must be idempotent. `survey` lists what is labelled with any run,
    and raises PortError if it can't be asked; `environment_at` returns the environment of the instance that a port of
    loopback belongs to, or {} if it isn't one or can't be read. `is_local` is False if it also holds runs of other
    machines. `place`
    names it in messages. `uses_link_server`: the link servers run on this machine, as a Toxiproxy if there is one.
    """

    name: str
    available: Callable[[], Availability]
    make: Callable[[SubstrateSetup], Substrate]
    reap: Callable[[Sequence[Traces], float], Mapping[str, Cleared]]
    survey: Callable[[], Remains] | None = None
    is_local: Callable[[], bool] = lambda: True
    environment_at: Callable[[int], Mapping[str, str]] = lambda port: {}
    place: str = "this machine"
    uses_link_server: bool = False


def count(number: int, one: str, many: str) -> str:
    """Return a number with its noun: `1 process`, `31 processes`."""
    return f"{number} {one if number == 1 else many}"


def reject(name: str, kind: object) -> str | None:
    """Return why an object can't be registered as a kind of substrate, or None if it can."""
    if not isinstance(kind, SubstrateKind):
        return f"is a {type(kind).__name__}; a gameday.substrates.SubstrateKind is expected"
    return f"is named {kind.name!r}; the entry point's name must be the same" if kind.name != name else None
