"""Load plan: a frozen plan and its seeded schedule of arrivals. Pure; knows no HTTP and no Locust.

Arrivals are open-loop: journeys begin by a Poisson process whatever the answers are, so a stall of the system hides
nothing. `rate` counts requests, so journeys arrive at rate ÷ mean number of steps. A surge changes only the pace: the
same journeys come in the same order, closer together. The plan is kept as `samples/load.json`, with the surges so far.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gameday.recording import atomic_file
from gameday.recording.samples import GROW_RECORDS
from gameday.scenario.own.own_journeys import OwnJourney
from gameday.scenario.system_under_test import STOREFRONT

STEPS: Mapping[str, tuple[str, ...]] = STOREFRONT.steps
Row = Mapping[str, Any]
USERS = 20_000
LEAST_POOL = 64
# Multiplying by the golden ratio spreads consecutive numbers evenly over the unit interval.
GOLDEN = (math.sqrt(5) - 1) / 2


def pool_for(rate: float, timeout: float) -> int:
    """Return how many journeys may be in flight: twice as many as a silent system delays for one time-out."""
    return max(LEAST_POOL, math.ceil(2 * rate * timeout))


class Surge(BaseModel):
    """The load's rate is `factor` times the planned one from `since` (seconds of the run) until the next surge."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    since: float
    factor: float = Field(gt=0)


class Pace:
    """Maps times of the even schedule to planned times under the surges so far.

    Time passes `factor` times as fast in a surge, so a Poisson process stays one; planned times before the first surge
    are bit-identical to the even ones.
    """

    def __init__(self, surges: Iterable[Surge] = ()) -> None:
        self._bends = [(0.0, 0.0, 1.0)]  # (even time, planned time, factor from there on)
        for surge in surges:
            self.bend(surge)

    def bend(self, surge: Surge) -> None:
        """Add a surge, no earlier than the one before."""
        even, planned, factor = self._bends[-1]
        self._bends.append((even + (surge.since - planned) * factor, surge.since, surge.factor))

    def at(self, time: float) -> float:
        """Return the planned time of an arrival whose time is `time` at an even rate; both are times of the run."""
        even, planned, factor = next(bend for bend in reversed(self._bends) if bend[0] <= time)
        return planned + (time - even) / factor


class LoadPlan(BaseModel):
    """Everything the worker needs. Times in seconds; `begin` since the run's start, None until the worker is ready.

    `origin` is the CLOCK_MONOTONIC reading of the run's start; `journeys` are weights, `regions` shares of the users'
    homes. `grow` is the number of records by which the shard grows. `surges` are those so far, by time, and `headroom`
    is the largest factor that a surge may have: the pool has to hold it. `own` are the scenario's own journeys, `rows`
    the data of those that have any; without them the journeys are the storefront's, which need `products`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    target: str
    seed: int
    origin: float
    begin: float | None = None
    rate: float = Field(gt=0)
    journeys: Mapping[str, float]
    timeout: float = Field(gt=0)
    think_time: float = Field(ge=0)
    users: int = Field(default=USERS, gt=0)
    regions: Mapping[str, float] = Field(min_length=1)
    pool: int
    products: Path | None = None
    shard: Path
    own: Mapping[str, OwnJourney] = {}
    rows: Mapping[str, tuple[Row, ...]] = {}
    grow: int = Field(default=GROW_RECORDS, gt=0)
    headroom: float = Field(default=1.0, ge=1)
    surges: tuple[Surge, ...] = ()

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        unknown = sorted(set(self.journeys) - set(self.steps))
        if unknown:
            raise ValueError(f"no such journey: {', '.join(unknown)}; known: {', '.join(self.steps)}")
        if not self.own and self.products is None:
            raise ValueError("the storefront's journeys need products")
        if min(self.journeys.values(), default=0) < 0 or sum(self.journeys.values()) <= 0:
            raise ValueError("journeys need weights over 0")
        if min(self.regions.values()) < 0 or sum(self.regions.values()) <= 0:
            raise ValueError("regions need shares over 0")
        needed = pool_for(self.rate * self.headroom, self.timeout)
        if self.pool < needed:
            raise ValueError(f"a pool of {self.pool} is too small: {needed} are needed")
        times = [surge.since for surge in self.surges]
        if times != sorted(times):
            raise ValueError("surges must be in the order of their times")
        return self

    @property
    def steps(self) -> Mapping[str, tuple[str, ...]]:
        """Journey → its steps."""
        return {name: journey.names for name, journey in self.own.items()} or STEPS

    def places_order(self, journey: str) -> bool:
        """Return True if the journey's visits are numbered: those that place an order, and all of one's own."""
        return bool(self.own) or journey in STOREFRONT.order_journeys

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return the plan in a file. Raise OSError if it can't be read, ValueError if it isn't a plan."""
        return cls.model_validate_json(path.read_bytes())

    def resolved(self) -> Self:
        """Return the plan with absolute paths: the worker has a working folder of its own."""
        products = self.products and self.products.resolve()
        return self.model_copy(update={"products": products, "shard": self.shard.resolve()})

    def write(self, path: Path) -> None:
        """Write the plan to `path` atomically: a reader never sees half a plan. Raise OSError."""
        atomic_file.write(path, self.model_dump_json(indent=2, by_alias=True) + "\n")

    def steps_per_journey(self) -> float:
        """Return the mean number of requests of a complete journey."""
        total = sum(self.journeys.values())
        steps = self.steps
        return sum(weight * len(steps[name]) for name, weight in self.journeys.items()) / total

    def home(self, user: int) -> str:
        """Return the home region of `user` (1 up), the same in every run."""
        place = (user * GOLDEN) % 1.0 * sum(self.regions.values())
        for region, share in self.regions.items():
            place -= share
            if place < 0:
                return region
        return next(reversed(list(self.regions)))


@dataclass(frozen=True, slots=True)
class Arrival:
    """One journey, to begin at `planned`.

    `choice` seeds its choice of products; `order` is the number in its order id, 0 if it buys nothing.
    """

    planned: float
    journey: str
    user: int
    choice: int
    order: int


def arrivals(plan: LoadPlan) -> Iterator[Arrival]:
    """Yield the endless schedule, by planned time; equal plans give equal schedules. Raise ValueError without `begin`."""
    pace = Pace(plan.surges)
    for arrival in even_arrivals(plan):
        yield replace(arrival, planned=pace.at(arrival.planned))


def even_arrivals(plan: LoadPlan) -> Iterator[Arrival]:
    """Yield the schedule as it is without surges; a `Pace` maps its times to planned ones."""
    if plan.begin is None:
        raise ValueError("a plan without `begin` has no schedule")
    draw = random.Random(plan.seed)  # noqa: S311
    names, weights = list(plan.journeys), list(plan.journeys.values())
    per_second = plan.rate / plan.steps_per_journey()
    planned, order = plan.begin, 0
    while True:
        planned += draw.expovariate(per_second)
        journey = draw.choices(names, weights)[0]
        places_order = plan.places_order(journey)
        order += places_order
        user = draw.randint(1, plan.users)
        yield Arrival(planned, journey, user, draw.getrandbits(64), order if places_order else 0)
