"""When the load had to send, worked out anew from its plan (`samples/load.json`): what the samples are held against.

It is not asked of the load: what checks must not be what it checks. A test holds the two to the same schedule. What
is missing from the samples is for `complete` to say.
"""

from __future__ import annotations

import json
import math
import random
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

Times = npt.NDArray[np.float64]

STEPS: Mapping[str, tuple[str, ...]] = {
    "browse": ("product",),
    "buy": ("product", "checkout"),
    "login": ("login", "account"),
    "history": ("orders",),
}


@dataclass(frozen=True)
class Schedule:
    """Of the plan, what decides when requests are due. Times in seconds, `rate` in requests/s.

    `weights`: the steps of each kind of journey, and how often it is drawn among the others.
    """

    seed: int
    begin: float
    rate: float
    weights: tuple[tuple[tuple[str, ...], float], ...]
    users: int
    think_time: float

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """None where there is no such file, or its load never began. ValueError where it isn't a plan."""
        if not path.is_file():
            return None
        try:
            plan = json.loads(path.read_text(encoding="utf-8"))
            if plan["begin"] is None:
                return None
            return cls(
                seed=int(plan["seed"]),
                begin=float(plan["begin"]),
                rate=float(plan["rate"]),
                weights=tuple((STEPS[name], float(weight)) for name, weight in plan["journeys"].items()),
                users=int(plan["users"]),
                think_time=float(plan["think_time"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path}: not a plan of the load: {error!r}") from error

    def begins(self, until: float) -> Times:
        """Planned times of every journey's first request up to `until`, rising.

        Each journey takes from the seeded generator, in this order: its distance from the one before, exponential; its
        kind; its user; its choice.
        """
        draw = random.Random(self.seed)  # noqa: S311
        uniform, bits, log = draw.random, draw.getrandbits, math.log
        per_second = self.rate / self._steps_per_journey()
        users, wide = self.users, self.users.bit_length()
        found = array("d")
        planned = self.begin
        while True:
            planned += -log(1.0 - uniform()) / per_second
            if planned > until:
                return np.frombuffer(found) if found else np.empty(0)
            found.append(planned)
            uniform()
            while bits(wide) >= users:
                pass
            bits(64)

    def _steps_per_journey(self) -> float:
        total = sum(weight for _, weight in self.weights)
        return sum(weight * len(steps) for steps, weight in self.weights) / total
