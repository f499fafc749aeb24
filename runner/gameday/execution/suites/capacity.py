"""How many runs this machine has room for at once, and what becomes of a suite that was asked for more.

A run beside another that it has to share its cores with measures the machine and not the system. So more than there is
room for is refused, unless it is asked for in so many words; then all that comes of it says so.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import psutil

from gameday.scenario.yaml_document import Invalid, Problem

CORES = 2
GIB = 3.0
"""What one run wants, with its load and its system."""


@dataclass(frozen=True)
class Room:
    """Cores that this process may use, and GiB of memory that are free."""

    cores: int
    memory: float

    @property
    def most(self) -> int:
        """Runs at once; one at least, for a small machine is no other one when its runs are held against each other."""
        return max(1, min(self.cores // CORES, int(self.memory / GIB)))


def room() -> Room:
    return Room(len(os.sched_getaffinity(0)), psutil.virtual_memory().available / 2**30)


def at_once(asked: int | None, crowded: bool, has: Room) -> tuple[int, str]:
    """How many at once (`asked`: None for as many as there is room for), and why times can't be trusted, "" where
    they can. Raises Invalid."""
    if asked is None:
        return has.most, ""
    if asked <= has.most:
        return asked, ""
    why = f"{has.cores} cores and {has.memory:.1f} GiB free, and a run wants {CORES} and {GIB:g}"
    if crowded:
        return asked, f"times were measured on a crowded machine: {asked} runs at once with {why}"
    said = f"{asked} is more than the {has.most} that this machine has room for: {why}"
    hint = (
        "times would measure the machine and not the system; leave it to auto, or add --crowded, and nothing is "
        "judged against a baseline"
    )
    raise Invalid([Problem("--at-once", 0, 0, said, hint)])
