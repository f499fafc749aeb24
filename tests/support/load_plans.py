"""A load plan with every field set, for tests that change some."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gameday.load.load_plan import LoadPlan

WEIGHTS = {"browse": 6.0, "buy": 2.0, "login": 1.0, "history": 1.0}


def plan(**changes: Any) -> LoadPlan:
    fields = {
        "run": "r",
        "target": "http://127.0.0.1:1",
        "seed": 7,
        "origin": 1.0,
        "begin": 5.0,
        "rate": 100.0,
        "journeys": WEIGHTS,
        "timeout": 2.0,
        "think_time": 0.2,
        "regions": {"us-east": 2.0, "eu-west": 1.0},
        "pool": 400,
        "products": Path("products.json"),
        "shard": Path("load.shard"),
    }
    return LoadPlan.model_validate(fields | changes)
