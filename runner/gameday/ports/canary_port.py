"""Canary: its plan as the system executes it, and the Protocol of the judge that compares it with the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

CanaryState = Literal["healthy", "worse", "no-data", "unclear"]
"""`unclear`: the canary is worse than normal, and so is the rest, so that it may not be the canary's fault."""


@dataclass(frozen=True)
class CanaryPlan:
    """Shares of users in ascending order, up to 1.0; each but the last is watched for `bake` seconds.

    `false_abort`: the probability that a good release is aborted, over all steps. `slower`: by how much the median latency
    must be worse. `least`: requests that a step needs to be judged. `regions`: those that take part, all if empty.
    """

    steps: tuple[float, ...]
    bake: float
    false_abort: float = 0.01
    slower: float = 0.25
    least: int = 20
    on_fail: Literal["rollback", "pause"] = "rollback"
    regions: tuple[str, ...] = ()

    @property
    def watched(self) -> tuple[float, ...]:
        """Return the shares that are watched: all but the whole."""
        return tuple(share for share in self.steps if share < 1)


@dataclass(frozen=True)
class CanaryVerdict:
    """What the judge says at one moment; counts are of the users in the canary and of the others, since the step began."""

    state: CanaryState
    why: str
    requests: int = 0
    bad: int = 0
    rest_requests: int = 0
    rest_bad: int = 0
    slower: float | None = None
    """Median latency against the rest's, 0.1 for 10 % slower; None if too few were answered."""
    p_latency: float | None = None
    """One-sided p of Mann-Whitney's test that the canary is slower."""


class CanaryJudge(Protocol):
    """Judges one canary from the samples of its run."""

    def step(self, share: float, since: float) -> None:
        """Begin to watch a step, on requests planned from `since` on."""
        ...

    def verdict(self, now: float, *, ending: bool) -> CanaryVerdict:
        """Return the verdict on the step so far; `ending` once its bake time is over."""
        ...


MakeJudge = Callable[[str, str, CanaryPlan], CanaryJudge]
"""(service, release, plan) → the judge of a canary that begins now."""


def watched_seconds(plan: CanaryPlan) -> float:
    """Return how long the canary is watched in all if nothing pauses it."""
    return plan.bake * len(plan.watched)


def shares_text(shares: Sequence[tuple[str, float, str, Sequence[str]]]) -> str:
    """Return (service, share, release, regions) as the services read them: `pricing=500:pricing-1.1.0:eu-west`."""
    parts = []
    for service, share, release, regions in shares:
        where = f":{'+'.join(sorted(regions))}" if regions else ""
        parts.append(f"{service}={round(share * 10_000)}:{release}{where}")
    return ",".join(sorted(parts))
