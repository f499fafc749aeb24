"""Random plans for `benchmarks/orders.py`: faults and operations at random moments, and their scenario file.

A plan is drawn from its seed alone. A fault that needs something running is drawn only for a time when it runs by the
plan; whatever the operations make of the system besides is the system's to survive.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

REGIONS = ("us-east", "eu-west", "me-central")
HOME = REGIONS[0]
"""The region whose database takes the writes at the start."""
SPAN_S = 14.0
"""All faults and operations begin within so many seconds; the run ends a few seconds later."""
SETTLE_S = 6.0
"""How long a region or an instance that returns is left alone."""
TRIES = 40
PROMOTIONS = ("promote",)

Fault = tuple[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Step:
    """A fault with its spec, or an operation with its target, `at` seconds after the steady state."""

    at: float
    kind: Literal["fault", "operation"]
    name: str
    spec: Mapping[str, Any]

    @property
    def until(self) -> float:
        """When a fault is over and what it hit is back."""
        return self.at + float(str(self.spec.get("for", "0s")).removesuffix("s")) + SETTLE_S

    def words(self) -> str:
        """Return the step in a few words: `3.2 region.lose us-east 4.0s`."""
        values = (self.spec if self.kind == "fault" else {"target": self.spec["target"]}).values()
        shown = (json.dumps(value) if isinstance(value, dict) else str(value) for value in values)
        return f"{self.at:.1f} {self.name} {' '.join(word for word in shown if word)}".strip()


@dataclass(frozen=True)
class Plan:
    """One run: its steps in order of time, `mode` of replication, seconds between two databases."""

    seed: int
    mode: str
    delay_ms: int
    steps: tuple[Step, ...]

    def without(self, step: Step) -> Plan:
        """Return the plan without one of its steps."""
        return replace(self, steps=tuple(other for other in self.steps if other is not step))

    def operations(self) -> list[Step]:
        """Return the operations, in order of time."""
        return [step for step in self.steps if step.kind == "operation"]

    def scenario(self) -> dict[str, Any]:
        """Return the scenario, with all faults; operations aren't part of a scenario."""
        faults = [step for step in self.steps if step.kind == "fault"]
        last = {"link": {"from": "gateway", "to": "costs"}, "latency": "1ms", "for": "1s"}
        return {
            "apiVersion": "gameday/v1",
            "kind": "Scenario",
            "name": f"orders-{self.seed}",
            "title": "Random faults and operations while orders are placed",
            "story": "Made by benchmarks/orders.py. " + "; ".join(step.words() for step in self.steps),
            "system": {
                "regions": list(REGIONS),
                "replication": {"mode": self.mode, "delay": f"{self.delay_ms}ms"},
            },
            "load": {"rate": "30/s", "journeys": {"buy": 1}, "warmup": "2s", "thinkTime": "100ms"},
            "slos": [{"name": "checkout", "journey": "buy", "sli": "availability", "objective": "95%"}],
            "steadyState": {"for": "3s"},
            "detectors": [{"detector": "silence"}],
            "timeline": [
                {"at": "0s", "load.retry-storm": {"attempts": 2}},
                *({"at": f"{step.at}s", step.name: dict(step.spec)} for step in faults),
                {"at": f"{SPAN_S + 1}s", "link.latency": last},
            ],
            "respond": {"by": "external"},
            "hold": "2s",
            "giveUp": "5s",
            "expect": ["audit.lost == 0"],
        }

    def text(self) -> str:
        """Return the plan as JSON."""
        return json.dumps(asdict(self), indent=1)


def draw(seed: int, mode: str) -> Plan:
    """Draw a plan: two to four faults and one to four operations."""
    chance = random.Random(seed)
    operations = _operations(chance)
    faults: list[Step] = []
    wanted = chance.randint(2, 4)
    for _ in range(TRIES):
        if len(faults) == wanted:
            break
        fault = _fault(chance)
        if _possible(fault, faults, operations):
            faults.append(fault)
    delay = chance.choice((0, 0, 60, 120))
    return Plan(seed, mode, delay, tuple(sorted((*faults, *operations), key=lambda step: step.at)))


def _operations(chance: random.Random) -> list[Step]:
    """Draw operations as people in a hurry give them: promote anything, fail over, take regions in again."""
    steps = []
    for _ in range(chance.randint(1, 4)):
        name = chance.choice(("promote", "promote", "failover", "rejoin"))
        target = chance.choice(("", *REGIONS)) if name == "promote" else chance.choice(REGIONS)
        steps.append(Step(_moment(chance, SPAN_S), "operation", name, {"target": target}))
    return steps


def _fault(chance: random.Random) -> Step:
    name, spec = chance.choice(KINDS)(chance)
    lasting = {"for": f"{round(chance.uniform(1.0, 6.0), 1)}s"}
    return Step(_moment(chance, SPAN_S - 2), "fault", name, {**spec, **lasting})


def _moment(chance: random.Random, latest: float) -> float:
    return round(chance.uniform(0.5, latest), 1)


def _lose(chance: random.Random) -> Fault:
    volumes = chance.choice(("keep", "destroy"))
    return "region.lose", {"region": chance.choice((HOME, *REGIONS)), "volumes": volumes}


def _isolate(chance: random.Random) -> Fault:
    return "region.isolate", {"region": chance.choice((HOME, *REGIONS))}


def _grey(chance: random.Random) -> Fault:
    loss = f"{chance.choice((0, 2, 10))}%"
    return "region.grey", {
        "region": chance.choice(REGIONS),
        "latency": "150ms",
        "jitter": "100ms",
        "loss": loss,
    }


def _late_replication(chance: random.Random) -> Fault:
    latency = f"{chance.choice((100, 400, 1500))}ms"
    return "link.latency", {"link": {"from": "postgres", "to": "postgres"}, "latency": latency}


def _cut_standby(chance: random.Random) -> Fault:
    link = {"from": "postgres", "to": "postgres", "region": chance.choice(REGIONS[1:])}
    return "link.down", {"link": link}


def _cut_all_standbys(chance: random.Random) -> Fault:
    return chance.choice(("link.down", "link.timeout")), {"link": {"from": "postgres", "to": "postgres"}}


def _pause_database(chance: random.Random) -> Fault:
    return "database.pause", {"region": chance.choice((HOME, *REGIONS))}


def _kill_database(chance: random.Random) -> Fault:
    return "database.kill", {"region": chance.choice((HOME, *REGIONS))}


def _kill_edge(chance: random.Random) -> Fault:
    return "instance.kill", {"service": "edge"}


def _kill_payments(chance: random.Random) -> Fault:
    return "instance.kill", {"service": "payments"}


def _kill_checkout(chance: random.Random) -> Fault:
    count = chance.choice((1, "all"))
    return "instance.kill", {"service": "checkout", "region": chance.choice(REGIONS), "count": count}


KINDS: Sequence[Callable[[random.Random], Fault]] = (
    _lose,
    _lose,
    _isolate,
    _isolate,
    _grey,
    _late_replication,
    _cut_standby,
    _cut_all_standbys,
    _pause_database,
    _kill_database,
    _kill_edge,
    _kill_payments,
    _kill_checkout,
)


def _possible(fault: Step, others: Sequence[Step], operations: Sequence[Step]) -> bool:
    """Return whether what the fault hits runs when it is due, and the plan destroys one region's data at most."""
    region = fault.spec.get("region")
    lost = [other for other in others if other.name == "region.lose"]
    if fault.name == "region.lose":
        data = [other for other in lost if other.spec["volumes"] == "destroy"]
        if fault.spec["volumes"] == "destroy" and data:
            return False
        hit = [other for other in others if other.spec.get("region") == region]
        return not any(_overlap(fault, other) for other in (*lost, *hit))
    if fault.name.startswith("database."):
        promoted = min((step.at for step in operations if step.name in PROMOTIONS), default=SPAN_S)
        if fault.at > promoted - 1.0:
            return False
    same = [
        other
        for other in others
        if (other.name, other.spec.get("service")) == (fault.name, fault.spec.get("service"))
        or {other.name, fault.name} == {"database.pause", "database.kill"}
    ]
    if any(_overlap(fault, other) for other in same):
        return False
    needs = fault.name.startswith(("database.", "instance."))
    return not (needs and any(_overlap(fault, other) for other in lost if other.spec["region"] == region))


def _overlap(one: Step, other: Step) -> bool:
    return one.at <= other.until and other.at <= one.until
