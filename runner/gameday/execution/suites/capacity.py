"""Number of runs that this machine can make at once, and the refusal of suites that ask for more.

Runs that share their cores measure the machine rather than the system. So more runs than the
machine has capacity for are refused, unless `--crowded` asks for them; then every result says so.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import psutil

from gameday.scenario.yaml_document import Invalid, Problem

CORES = 2
GIB = 3.0
"""GiB that one run needs, with its load and its system."""


@dataclass(frozen=True)
class Capacity:
    """Cores that this process may use, and GiB of memory that are free."""

    cores: int
    memory: float

    @property
    def most(self) -> int:
        """The number of runs at once, at least one: runs of one small machine can be compared with one another."""
        return max(1, min(self.cores // CORES, int(self.memory / GIB)))


def measure_capacity() -> Capacity:
    """Return the capacity of this machine now."""
    return Capacity(len(os.sched_getaffinity(0)), psutil.virtual_memory().available / 2**30)


def at_once(asked: int | None, crowded: bool, has: Capacity) -> tuple[int, str]:
    """Return how many runs to make at once, and why their times can't be trusted, "" if they can.

    `asked` is None for as many as the machine has capacity for. Raise Invalid if `asked` is more and not `crowded`.
    """
    if asked is None:
        return has.most, ""
    if asked <= has.most:
        return asked, ""
    why = f"{has.cores} cores and {has.memory:.1f} GiB free, and a run wants {CORES} and {GIB:g}"
    if crowded:
        return asked, f"times were measured on a crowded machine: {asked} runs at once with {why}"
    message = f"{asked} is more than the {has.most} that this machine has room for: {why}"
    hint = (
        "times would measure the machine and not the system; leave it to auto, or add --crowded, and nothing is "
        "judged against a baseline"
    )
    raise Invalid([Problem("--at-once", 0, 0, message, hint)])
