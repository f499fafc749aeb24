"""Load worker processes with a small plan, aimed at a stub shop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from gameday.load.load_plan import LoadPlan, pool_for
from gameday.load.load_process import LocustLoad
from gameday.recording.clock import RunClock
from gameday.recording.samples import ShardReader
from tests.support.stub_shop import Shop, write_products

TIMEOUT_S = 0.5
PATIENT_S = 5.0

MIX = {"browse": 6, "buy": 2, "login": 1, "history": 1, "costs": 1}
"""Journey → weight of the load, unless a test sets it."""


def make_load(folder: Path, clock: RunClock | None = None, **changes: Any) -> LocustLoad:
    """Return a load with patient clients, so that a stall of the machine causes no time-outs; `changes` are fields of its plan."""
    clock = clock or RunClock()

    def make_plan(target: str) -> LoadPlan:
        fields: dict[str, Any] = {
            "run": "run-x",
            "target": target,
            "seed": 3,
            "origin": clock.origin,
            "rate": 150.0,
            "journeys": MIX,
            "timeout": PATIENT_S,
            "think_time": 0.02,
            "regions": {"us-east": 1, "eu-west": 1},
            "products": write_products(folder / "products.json"),
            "shard": folder / "samples" / "load.shard",
        }
        fields |= changes
        return LoadPlan.model_validate({"pool": pool_for(fields["rate"], fields["timeout"])} | fields)

    return LocustLoad(make_plan, clock, folder / "samples", folder / "logs")


@contextmanager
def running(load: LocustLoad, shop: Shop) -> Iterator[ShardReader]:
    load.start(shop.url)
    try:
        yield ShardReader(load.shards()[0])
    finally:
        load.stop()


def pid_of(load: LocustLoad) -> int:
    """Return the pid of the load worker, the only child that runs the locustfile."""
    (worker,) = [
        child for child in psutil.Process().children() if "gameday.load.locustfile" in child.cmdline()
    ]
    return worker.pid
