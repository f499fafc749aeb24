"""Outcomes reduced to what trials and comparisons read, for values chosen by hand."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from gameday.analysis.model.time_models import DURATIONS


def outcome(
    run: str = "r1",
    scenario: str = "bad-deploy",
    *,
    ttr: float | None = 10.0,
    ttd: float | None = 2.0,
    status: int = 0,
    why: str = "",
    effect: bool = True,
    bad_ratio: float | None = 0.05,
    seed: int = 1,
) -> dict[str, Any]:
    """Return a trial's outcome; an infinite TTR is censored, None is not measured; `effect` False
    means that the fault had no effect."""
    times: dict[str, Any] = {}
    for name in DURATIONS:
        seconds = {"ttr": ttr, "ttd": ttd}.get(name, 1.0)
        state = "not_measured" if seconds is None else "censored" if math.isinf(seconds) else "measured"
        times[f"{name}_state"] = state if effect else "no_effect"
        times[f"{name}_s"] = seconds if effect and state == "measured" else None
        times[f"{name}_censored_at"] = 90.0 if effect and state == "censored" else None
    verdict = {0: "pass", 1: "fail", 3: "inconclusive"}.get(status, "error")
    return {
        "schema": "gameday/outcome/v1",
        "run": {"id": run, "scenario": scenario, "seed": seed},
        "verdict": verdict,
        "exit_status": status,
        "reasons": [why] if why else [],
        **times,
        "impact": {"bad_ratio": bad_ratio, "users_affected_ratio": bad_ratio},
    }


def phased(
    luck: Iterable[float], slower: float, side: str, scenario: str = "x", operation: str = "rollback"
) -> list[dict[str, Any]]:
    """Return trials with every phase, the operation `slower` times as long; `luck` (about 10) varies detection."""
    documents = []
    for i, each in enumerate(luck):
        effect = 20.0
        detect = effect + each / 10
        act, took = detect + 0.05, slower * (0.7 + each / 1000)
        acted = act + took
        recovered = acted + 0.4 + each / 100
        document = outcome(f"{side}{i}", scenario, ttr=recovered - effect, ttd=detect - effect, seed=i)
        document["clocks"] = {
            "effect": effect,
            "detect": detect,
            "act": act,
            "acted": acted,
            "recovered": recovered,
        }
        document["operations"] = [
            {"t": act, "name": operation, "target": "pricing", "by": "auto", "done": acted, "right": True}
        ]
        documents.append(document)
    return documents


def trials(
    ttrs: Iterable[float | None], scenario: str = "bad-deploy", side: str = "b"
) -> list[dict[str, Any]]:
    """Return one outcome for each TTR."""
    return [outcome(f"{scenario}-{side}{i}", scenario, ttr=ttr) for i, ttr in enumerate(ttrs)]
