"""The runs of a scenario's variants, one each, side by side: the content of `matrix.json`.

What a variant changed is read from its own scenario, what it came to from its outcome; of each SLO's outages it is
reckoned here how bad they were. One run of each is no comparison of distributions: that is `compare`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gameday.analysis.clocks.clocks import analyse
from gameday.analysis.evidence.recorded_run import Run, read_run
from gameday.analysis.model.time_models import DURATIONS
from gameday.analysis.outcome.run_verdict import NAMES as VERDICTS
from gameday.analysis.outcome.run_verdict import worst
from gameday.analysis.trials.outcome_files import FILE, load_side
from gameday.scenario import Slo
from gameday.slo import Course, select

SCHEMA = "gameday/matrix/v1"
SECTIONS = ("guardrails", "system", "load", "respond")
IMPACT = (
    "requests",
    "failed",
    "failed_ratio",
    "users",
    "users_affected_ratio",
    "error_budget_spent",
    "journeys",
)
DIGITS = 6


def matrix(runs: Mapping[str, Path]) -> dict[str, Any]:
    """`runs`: the folder of each variant's run, in order. Raises ValueError or gameday.scenario.yaml_document.Invalid."""
    if not runs:
        raise ValueError("a matrix has at least one variant")
    read = {name: (_outcome(folder), read_run(folder)) for name, folder in runs.items()}
    settings = _differing([_settings(run) for _, run in read.values()])
    found = [
        _variant(name, outcome, run, differing)
        for (name, (outcome, run)), differing in zip(read.items(), settings, strict=True)
    ]
    unmet = any(outcome["steady_state"]["met"] is False for outcome, _ in read.values())
    status = worst([each["exit_status"] for each in found], unmet=unmet)
    return {
        "schema": SCHEMA,
        "scenario": _common([each["scenario"].removesuffix(f"-{each['name']}") for each in found]),
        "title": _common([run.scenario.title.removesuffix(f" ({name})") for name, (_, run) in read.items()]),
        "verdict": VERDICTS.get(status, "error"),
        "exit_status": status,
        "reasons": [f"{each['name']}: {reason}" for each in found for reason in each["reasons"]],
        "variants": found,
    }


def _outcome(folder: Path) -> Mapping[str, Any]:
    (found,) = load_side(folder / FILE).values()
    return found[0]


def _common(names: Sequence[str]) -> str:
    """What the scenario is called without its variants' names, or all that they are called."""
    return " / ".join(dict.fromkeys(names))


def _settings(run: Run) -> dict[str, Any]:
    """What a variant may change, as `guardrails.breaker` → its value as it is written in a file."""
    document = run.scenario.document()
    return {key: value for section in SECTIONS for key, value in _flat(document.get(section, {}), section)}


def _flat(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}")
    else:
        yield name, value


def _differing(settings: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Of each only what isn't the same in all."""
    names = dict.fromkeys(name for each in settings for name in each)
    unequal = [name for name in names if any(each.get(name) != settings[0].get(name) for each in settings)]
    return [{name: each.get(name) for name in unequal} for each in settings]


def _variant(name: str, outcome: Mapping[str, Any], run: Run, settings: Mapping[str, Any]) -> dict[str, Any]:
    times = {
        f"{each}{end}": outcome[f"{each}{end}"]
        for each in DURATIONS
        for end in ("_s", "_state", "_censored_at")
    }
    return {
        "name": name,
        "run": outcome["run"]["id"],
        "scenario": outcome["run"]["scenario"],
        "settings": dict(settings),
        **{key: outcome[key] for key in ("verdict", "exit_status", "reasons", "clocks", "ended_by")},
        **times,
        "impact": {key: outcome["impact"].get(key) for key in IMPACT},
        "audit": outcome["audit"],
        "responder": outcome["responder"],
        "slos": list(_slos(outcome, run)),
        "expectations": [{key: each[key] for key in ("expr", "holds")} for each in outcome["expectations"]],
    }


def _slos(outcome: Mapping[str, Any], run: Run) -> Iterator[dict[str, Any]]:
    """Each SLO's judgement, and how long and how bad its outages were."""
    courses = {each.name: each for each in analyse(run).courses}
    told = {each["name"]: each for each in outcome["slos"]}
    for slo in run.scenario.slos:
        about = {"name": slo.name, "journey": slo.journey, "sli": slo.sli, "objective": slo.objective}
        judged = {key: told.get(slo.name, {}).get(key) for key in ("verdict", "breached_s", "budget_spent")}
        course = courses.get(slo.name)
        yield {**about, **judged, **(_outage(slo, course, run) if course else {})}


def _outage(slo: Slo, course: Course, run: Run) -> dict[str, Any]:
    """Seconds of its outages, and of the requests planned in them how many were bad."""
    counts, good = select(slo, run.samples)
    planned, inside = run.samples.records["planned"], np.zeros(len(counts), np.bool_)
    seconds = 0.0
    for outage in course.outages:
        until = run.end if outage.recovered is None else outage.recovered
        inside |= (planned >= outage.effect) & (planned < until)
        seconds += until - outage.effect
    counts &= inside
    n, bad = int(counts.sum()), int((counts & ~good).sum())
    ratio = round(bad / n, DIGITS) if n else None
    return {
        "outage_s": round(seconds, DIGITS),
        "outage_requests": n,
        "outage_bad": bad,
        "outage_bad_ratio": ratio,
    }
