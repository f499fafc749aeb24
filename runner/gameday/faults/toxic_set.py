"""Toxics of one fault on a set of links, added step by step and removed by name.

Each fault has a unique mark, which begins the names of its toxics, so that two faults of a kind on
one link don't collide.
"""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Literal

from gameday.faults.fault_spec import Chosen, Ramped, every, mark_of, ramp
from gameday.ports import Arena, PortError, System, Toxic, Wait
from gameday.topology import Link

Stream = Literal["upstream", "downstream"]


def chosen_links(kind: str, links: Sequence[Link]) -> Chosen:
    """Return the record of the chosen links. Raise PortError if there are none."""
    if not links:
        raise PortError(f"{kind}: there is no such link in this system")
    return {"links": [link.name for link in links]}


def links_of(system: System, chosen: Chosen) -> Sequence[Link]:
    names = set(chosen["links"])
    return [link for link in system.topology.links if link.name in names]


def on_links(system: System, chosen: Chosen, call: Callable[[Link], object]) -> None:
    """Call `call` with each chosen link, even if other calls fail. Raise PortError if one failed."""
    every(functools.partial(call, link) for link in links_of(system, chosen))


def hold_links(arena: Arena, chosen: Chosen, knob: str, on: Callable[[Link], object]) -> None:
    """Turn a knob of each chosen link on, unless another fault has."""
    on_links(
        arena.system,
        chosen,
        lambda link: arena.standing.hold(f"{link.name} {knob}", mark_of(chosen), lambda: on(link)),
    )


def release_links(arena: Arena, chosen: Chosen, knob: str, off: Callable[[Link], object]) -> None:
    """Turn a knob of each chosen link off, unless another fault still stands on it."""
    on_links(
        arena.system,
        chosen,
        lambda link: arena.standing.release(f"{link.name} {knob}", mark_of(chosen), lambda: off(link)),
    )


class Toxified(Ramped):
    """A fault that consists of toxics alone."""

    @abstractmethod
    def toxics(self, mark: str, level: float) -> Sequence[Toxic]:
        """Return the toxics at `level` of full strength, 0..1, with the same names at every level."""

    def inject(self, arena: Arena, chosen: Chosen, wait: Wait) -> None:
        links = links_of(arena.system, chosen)
        for level in ramp(self.ramp, wait):
            for link in links:
                for toxic in self.toxics(chosen["mark"], level):
                    arena.system.links.add_toxic(link, toxic)

    def revert(self, arena: Arena, chosen: Chosen) -> None:
        remove = arena.system.links.remove_toxic
        for toxic in self.toxics(chosen["mark"], 1.0):
            on_links(arena.system, chosen, functools.partial(remove, name=toxic.name))
