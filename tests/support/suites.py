"""Suites for tests, of outcomes chosen by hand: a regression, a failure, an inconclusive one, one
that never ran."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from gameday.analysis.trials.suite_result import Attempt, Entry
from tests.support.documents import attempt, suite
from tests.support.outcomes import outcome

ABOUT = {
    "id": "20260102-030405-ab12-suite",
    "started": "2026-01-02T03:04:05+00:00",
    "duration_s": 612.3,
    "version": "0.1.0",
    "host": "Linux, 2 cores",
    "substrate": "process",
    "why": "asked for",
    "seed": 7,
}
GROUND = {"start_s": 0.45, "base_p50_s": 0.0046, "lag_p95_s": 0.0195}
SIX = [5.0, 5.2, 4.8, 5.4, 5.1, 4.9]


def full(run: str, scenario: str = "bad-deploy", *, lost: int | None = 0, **fields: Any) -> dict[str, Any]:
    """Return an outcome with everything that a suite reads. It fails `ttr < 30s` if it never
    recovered."""
    document = outcome(run, scenario, **fields)
    holds = (
        None
        if document["ttr_state"] in ("not_measured", "no_effect")
        else document["ttr_state"] == "measured"
    )
    document["run"] |= {"started": "2026-01-02T03:04:05+00:00", "duration_s": 40.5, "host": "Linux, 2 cores"}
    document["steady_state"] = {"met": fields.get("status") != 3, "why": fields.get("why", "")}
    document["audit"] = {"acknowledged": 150, "lost": lost, "duplicated": 0, "charged_twice": 0}
    state = "" if document["ttr_state"] == "measured" else document["ttr_state"]
    document["expectations"] = [
        {"expr": "ttr < 30s", "holds": holds, "values": {"ttr": document["ttr_s"]}, "states": {"ttr": state}}
    ]
    return document


def attempts(
    outcomes: Iterable[dict[str, Any]], home: str, ground: dict[str, float] = GROUND
) -> list[Attempt]:
    return [attempt(trial, f"{home}/{trial['run']['id']}", ground) for trial in outcomes]


def entry(name: str = "bad-deploy", ttrs: Sequence[float | None] = SIX, **fields: Any) -> Entry:
    """Return a scenario with a trial for each TTR; an infinite one failed."""
    results = [
        full(f"{name}-{i}", name, ttr=ttr, status=int(ttr == float("inf")), seed=7 + i)
        for i, ttr in enumerate(ttrs)
    ]
    page = f"{name}/trials.html" if len(ttrs) > 1 else f"{name}/{name}-0/report.html"
    about: dict[str, Any] = {
        "title": f"About {name}",
        "path": f"scenarios/{name}.yaml",
        "trials": len(ttrs),
        "attempts": attempts(results, name),
        "report": page if ttrs else None,
    }
    return Entry(name, **about | fields)


def made(*entries: Entry, **fields: Any) -> dict[str, Any]:
    return suite(ABOUT, entries, **fields)
