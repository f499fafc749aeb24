"""Rollout plans: batches of replacements and pauses, as pure data. A rollback is the same plan with the old release."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from gameday.ports import Instance

Strategy = Literal["all-at-once", "rolling", "region-by-region"]


@dataclass(frozen=True)
class Replace:
    """Start a new instance of `release` in the old one's region, wait until it is ready, stop the
    old one."""

    instance: Instance
    release: str


@dataclass(frozen=True)
class Hold:
    """A pause in which a fault of the previous batch can show."""

    seconds: float


def plan(
    instances: Sequence[Instance], release: str, strategy: Strategy, pause: float = 0.0
) -> Iterator[tuple[Replace, ...] | Hold]:
    """Yield batches of replacements, each executed in parallel, with `pause` seconds between them.

    Instances that already run `release` are left alone.
    """
    todo = [Replace(instance, release) for instance in instances if instance.release != release]
    for index, batch in enumerate(_batches(todo, strategy)):
        if index and pause:
            yield Hold(pause)
        yield tuple(batch)


def _batches(todo: Sequence[Replace], strategy: Strategy) -> Iterator[Sequence[Replace]]:
    if strategy == "rolling":
        yield from ([replacement] for replacement in todo)
    elif strategy == "region-by-region":
        for region in dict.fromkeys(replacement.instance.region for replacement in todo):
            yield [replacement for replacement in todo if replacement.instance.region == region]
    elif todo:
        yield todo
