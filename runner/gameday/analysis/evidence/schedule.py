"""Schedule of the load, computed again from its plan (`samples/load.json`): what the samples are checked against.

The load isn't asked, since a check must not depend on what it checks. A test holds the two to the same schedule.
`sample_completeness` says what is missing from the samples.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from gameday.scenario.system_under_test import STOREFRONT

Times = npt.NDArray[np.float64]

BLOCK = 1 << 16
"""Words drawn at a time."""

STEPS: Mapping[str, tuple[str, ...]] = STOREFRONT.steps


@dataclass(frozen=True)
class Schedule:
    """The part of the plan that decides when requests are due. Times are in seconds, `rate` in requests/s.

    `weights`: the steps of each kind of journey, and its weight in the draw. `surges`: (since, factor), in order of
    time; from `since` on the load goes at `factor` times its rate.
    """

    seed: int
    begin: float
    rate: float
    weights: tuple[tuple[tuple[str, ...], float], ...]
    users: int
    think_time: float
    surges: tuple[tuple[float, float], ...] = ()

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Read a plan; return None if there is none or its load never began. Raise ValueError if the file isn't a plan."""
        if not path.is_file():
            return None
        try:
            plan = json.loads(path.read_text(encoding="utf-8"))
            if plan["begin"] is None:
                return None
            steps = _own_steps(plan) or STEPS
            return cls(
                seed=int(plan["seed"]),
                begin=float(plan["begin"]),
                rate=float(plan["rate"]),
                weights=tuple((steps[name], float(weight)) for name, weight in plan["journeys"].items()),
                users=int(plan["users"]),
                think_time=float(plan["think_time"]),
                surges=tuple(
                    (float(surge["since"]), float(surge["factor"])) for surge in plan.get("surges", ())
                ),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path}: not a plan of the load: {error!r}") from error

    def begins(self, until: float) -> Times:
        """Return the planned times of every journey's first request up to `until`, ascending.

        Each journey draws from the seeded generator, in this order: its distance from the journey before, exponential;
        its kind; its user; its choice. This gives an even rate; surges then compress the times.
        """
        per_second = self.rate / self._steps_per_journey()
        parts, even, last = [np.empty(0)], self.begin, -math.inf
        draws = journeys(self.seed, self.users)
        while last <= until:
            uniform = next(draws)
            # `math.log`, as the load uses, since numpy's result may differ in the last bit.
            logs = np.fromiter(map(math.log, (1.0 - uniform).tolist()), np.float64, len(uniform))
            # Summed one after the other, as the load does.
            times = np.cumsum(np.concatenate(([even], -logs / per_second)))[1:]
            even = float(times[-1])
            planned = self._paced(times)
            last = float(planned[-1])
            parts.append(planned[: np.searchsorted(planned, until, side="right")])
        return np.concatenate(parts)

    def _paced(self, even: Times) -> Times:
        """Map times drawn for an even rate to planned times: in a surge, `factor` of them fit into the time of one."""
        froms, since, factor = [0.0], [0.0], [1.0]
        for begin, times in self.surges:
            froms.append(froms[-1] + (begin - since[-1]) * factor[-1])
            since.append(begin)
            factor.append(times)
        which = np.searchsorted(froms, even, side="right") - 1
        paced: Times = np.array(since)[which] + (even - np.array(froms)[which]) / np.array(factor)[which]
        return paced

    def _steps_per_journey(self) -> float:
        total = sum(weight for _, weight in self.weights)
        return sum(weight * len(steps) for steps, weight in self.weights) / total


def _own_steps(plan: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return the steps of each of the scenario's own journeys; empty if it has none."""
    return {
        name: tuple(str(step["name"]) for step in journey["steps"])
        for name, journey in plan.get("own", {}).items()
    }


def journeys(seed: int, users: int) -> Iterator[Times]:
    """Yield what Python's generator draws for the distance of each journey, 0 ≤ u < 1, many at a time, without end.

    A journey takes words of 32 bits: two for its distance, two for its kind, one or more for its user (the topmost bits
    must be below `users`, else the next word is drawn) and two for its choice. The begin of the next journey depends on
    that, so it is computed for every word, and the chain of true begins is followed eight at a time.
    """
    source, words = _words(seed), np.empty(0, np.uint32)
    while True:
        words = np.concatenate((words, source.random_raw(BLOCK).astype(np.uint32)))
        begins = _begins(words >> (32 - users.bit_length()) < users)
        at, unfinished = begins[:-1], begins[-1]
        if len(at):
            yield ((words[at] >> 5) * float(1 << 26) + (words[at + 1] >> 6)) / float(1 << 53)
        words = words[unfinished:]


def _words(seed: int) -> np.random.MT19937:
    """Return the generator of Python's `random` in its first state."""
    _, inner, _ = random.Random(seed).getstate()  # noqa: S311
    source = np.random.MT19937()
    source.state = {
        "bit_generator": "MT19937",
        "state": {"key": np.array(inner[:-1], np.uint32), "pos": inner[-1]},
    }
    return source


def _begins(user: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Return the words at which journeys begin, the last one incomplete; `user` marks the words that name a user."""
    n = len(user)
    able = np.flatnonzero(user[4 : n - 2])  # four words after a begin, and two before the next
    one = np.full(n + 2, n + 1)
    if len(able):
        one[: able[-1] + 1] = np.repeat(able + 7, np.diff(able, prepend=-1))
    two = one[one]
    four = two[two]
    eight, places, place = memoryview(four[four]), [], 0
    while place <= n:
        places.append(place)
        place = eight[place]
    steps = np.array(places)[:, None]
    for further in (four, two, one):
        steps = np.stack((steps, further[steps]), axis=-1).reshape(len(places), -1)
    chain = steps.ravel()
    return chain[chain <= n]
