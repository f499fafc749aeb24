"""Simulated traffic of the shop: requests whose answers name releases, with changes that ship and may be bad."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from gameday.operations import Change
from gameday.recording.samples import RECORD, ErrorKind, Samples
from gameday.scenario import Slo

PATHS = {
    "product": ("edge", "gateway", "catalog", "pricing"),
    "checkout": ("edge", "gateway", "checkout", "pricing"),
    "login": ("edge", "gateway", "identity"),
    "orders": ("edge", "gateway", "orders"),
}
MIX = {"product": 0.6, "checkout": 0.2, "login": 0.1, "orders": 0.1}
REGIONS = ("us-east", "eu-west")
SLOS = (Slo.model_validate({"name": "all", "sli": "availability", "objective": "99.5%"}),)


@dataclass(frozen=True)
class Shipped:
    """A change that reaches all requests of its service over `over` seconds; `errors` of those with it fail.

    `silent`: failed answers name no release. `delay`: seconds until its requests begin to fail.
    """

    release: str
    t: float
    errors: float = 0.0
    over: float = 1.0
    silent: bool = False
    delay: float = 0.0

    @property
    def service(self) -> str:
        return self.release.rpartition("-")[0]


@dataclass(frozen=True)
class Outage:
    """A step, or every step, fails by itself from `t` on, in a region or in all."""

    t: float
    errors: float
    steps: tuple[str, ...] = tuple(PATHS)
    regions: tuple[str, ...] = REGIONS


@dataclass
class Shop:
    """Requests of `seconds` seconds at `rate` a second."""

    shipped: Sequence[Shipped] = ()
    outages: Sequence[Outage] = ()
    seconds: float = 40.0
    rate: float = 60.0
    errors: float = 0.0
    seed: int = 1
    releases: dict[str, int] = field(default_factory=dict)

    def samples(self) -> Samples:
        """Return the requests, in order of planned time."""
        random = np.random.default_rng(self.seed)
        records = np.zeros(int(self.seconds * self.rate), RECORD)
        steps = list(PATHS)
        self.releases = {"": 0}
        for number, record in enumerate(records):
            step, region = random.choice(len(steps), p=list(MIX.values())), int(random.integers(2))
            t = number / self.rate
            names, bad, silent = self._answer(steps[step], REGIONS[region], t, random.random)
            record["planned"], record["start"], record["end"] = t, t, t + 0.01
            record["step"], record["journey"], record["region"] = step, step, region
            record["user"], record["correct"] = random.integers(1, 500), 1
            record["error"] = ErrorKind.STATUS if bad else ErrorKind.NONE
            name = "" if silent else " ".join(sorted(names))
            record["release"] = self.releases.setdefault(name, len(self.releases))
        return Samples(records, steps, steps, REGIONS, list(self.releases))

    def _answer(
        self, step: str, region: str, t: float, draw: Callable[[], float]
    ) -> tuple[list[str], bool, bool]:
        names = {service: f"{service}-1.0.0" for service in PATHS[step]}
        bad, silent = draw() < self.errors, False
        for change in self.shipped:
            if change.service in names and draw() < (t - change.t) / change.over:
                names[change.service] = change.release
                broken = t >= change.t + change.delay and draw() < change.errors
                bad, silent = bad or broken, silent or (broken and change.silent)
        for outage in self.outages:
            here = step in outage.steps and region in outage.regions and t >= outage.t
            bad = bad or (here and draw() < outage.errors)
        return list(names.values()), bad, silent


def changes_of(shipped: Sequence[Shipped]) -> list[Change]:
    """Return the change feed of what shipped."""
    return [
        Change(
            f"c{number}",
            change.t,
            change.service,
            change.release,
            f"{change.service}-1.0.0",
            "code",
            "A change.",
            "timeline",
            "done",
            None,
            "software engineer, mid, with code assistant",
        )
        for number, change in enumerate(sorted(shipped, key=lambda change: change.t), 1)
    ]
