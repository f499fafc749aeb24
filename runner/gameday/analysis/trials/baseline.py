"""A baseline: what a suite measured, in a small file to keep in git, and a later suite held against it.

The gate is that of `compare`, and only as good as the machine is the same: where starting, answering or seeing took a
fifth more or less time than it did for the baseline, nothing is judged and the command is told that judges on one
machine. How fast a machine is, is measured in the very runs that are compared.
"""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from gameday.analysis.evidence.journal_reader import read_events
from gameday.analysis.outcome.run_verdict import FAIL, INCONCLUSIVE, NAMES, PASS
from gameday.analysis.trials.comparison import compare
from gameday.analysis.trials.suite_result import GROUND
from gameday.recording.samples import ErrorKind, read_samples

SCHEMA = "gameday/baseline/v1"
OFF = 0.2
LEAST_INTERLEAVED = 10
METRICS = ("ttr_s", "ttd_s")
TOLD = ("saved", "version", "host", "substrate", "at_once")
NAMED = {
    "start_s": "starting the load",
    "base_p50_s": "a page in steady state",
    "lag_p95_s": "lag of the data (p95)",
}
DIGITS = 6

Suite = Mapping[str, Any]


def ground(folder: Path, outcome: Mapping[str, Any]) -> dict[str, float | None]:
    """What a run says of the machine, in seconds, null where it doesn't: `start_s` until the load was ready to send,
    `base_p50_s` of the good answers in steady state, `lag_p95_s` from an answer to the detectors. Raises ValueError."""
    events = read_events(folder / "journal.jsonl")
    phases = {event.subject: event.t for event in events if event.kind == "phase"}
    loaded = next((event.t for event in events if event.kind == "load.started"), None)
    warm, steady, fault = (phases.get(name) for name in ("warm", "steady", "fault"))
    start = loaded - warm if loaded is not None and warm is not None else None
    base = _base(folder / "samples", steady, fault) if steady is not None and fault is not None else None
    return {"start_s": start, "base_p50_s": base, "lag_p95_s": outcome.get("lag_p95_s")}


def _base(samples: Path, since: float, until: float) -> float | None:
    records = read_samples(samples).records
    good = (records["planned"] >= since) & (records["planned"] < until) & (records["error"] == ErrorKind.NONE)
    taken = (records["end"] - records["planned"])[good]
    return float(np.median(taken)) if len(taken) else None


def unfit(suite: Suite) -> str:
    """Why a suite can't be a baseline; empty where it can: all was run and judged, be it a failure."""
    if suite.get("crowded"):
        return str(suite["crowded"])
    if suite["exit_status"] in (PASS, FAIL) and all(each["n"] for each in suite["scenarios"]):
        return ""
    return f"the suite is {suite['verdict']} (exit status {suite['exit_status']}), so it isn't one to be held against"


def baseline(suite: Suite) -> dict[str, Any]:
    """ "gameday/baseline/v1": of each scenario the values of every trial, "Infinity" where it never came, null where
    nothing was measured, and how fast the machine was."""
    return {
        "schema": SCHEMA,
        "saved": suite.get("started"),
        **{key: suite.get(key) for key in TOLD[1:]},
        "verdict": suite["verdict"],
        "machine": _machine(suite["scenarios"]),
        "scenarios": {each["scenario"]: _kept(each) for each in suite["scenarios"]},
    }


def _machine(scenarios: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """Over all scenarios, for people: the gate goes by each scenario's own."""
    found = {key: [each["machine"][key] for each in scenarios if each["machine"].get(key)] for key in GROUND}
    return {key: round(median(values), DIGITS) if values else None for key, values in found.items()}


def _kept(scenario: Mapping[str, Any]) -> dict[str, Any]:
    values = {metric: [_value(metric, each) for each in _values(scenario, metric)] for metric in METRICS}
    return {"n": scenario["n"], **values, "machine": scenario["machine"]}


def _values(scenario: Mapping[str, Any], metric: str) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = scenario["metrics"].get(metric, {}).get("values", ())
    return found


def _value(metric: str, value: Mapping[str, Any]) -> float | str | None:
    """A fault without an effect was an outage of 0 s, as `compare` counts it."""
    if value["state"] == "censored":
        return "Infinity"
    if value["state"] == "no_effect" and metric == "ttr_s":
        return 0.0
    found: float | None = value["value"]
    return found


def written(baseline: Mapping[str, Any]) -> str:
    """JSON that is easy to read and to diff: a line for each list of values."""
    return _spread(baseline, "") + "\n"


def _spread(value: Any, indent: str) -> str:
    if not isinstance(value, Mapping) or not any(isinstance(each, Mapping | list) for each in value.values()):
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    inner = indent + "  "
    lines = [f"{inner}{json.dumps(key)}: {_spread(each, inner)}" for key, each in value.items()]
    return "{\n" + ",\n".join(lines) + f"\n{indent}}}"


def read(path: Path) -> dict[str, Any]:
    """Raises ValueError where the file can't be read or isn't a baseline."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"can't be read: {error}") from error
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise ValueError(f"isn't {SCHEMA}")
    scenarios = found.get("scenarios")
    if not isinstance(scenarios, dict) or not all(_whole(each) for each in scenarios.values()):
        raise ValueError(
            'isn\'t whole: each scenario has lists ttr_s and ttd_s of numbers, null or "Infinity"'
        )
    return found


def _whole(scenario: Any) -> bool:
    lists = [scenario.get(metric) for metric in METRICS] if isinstance(scenario, dict) else [None]
    return all(isinstance(each, list) and all(map(_countable, each)) for each in lists)


def _countable(value: Any) -> bool:
    return value in (None, "Infinity") or (
        isinstance(value, int | float) and math.isfinite(value) and value >= 0
    )


def gate(suite: Suite, base: Mapping[str, Any], file: str = "") -> dict[str, Any]:
    """What the suite is against the baseline, with the exit status that it adds to the suite's own.

    `comparison` is "gameday/compare/v1" and always there; where `judged` is false, it was another machine and nothing
    follows from it: `commands` are what to run instead.
    """
    sides = [
        {name: _side(name, "baseline", kept) for name, kept in base["scenarios"].items()},
        {
            each["scenario"]: _side(each["scenario"], "run", _kept(each))
            for each in suite["scenarios"]
            if each["n"]
        },
    ]
    found, machine = compare(sides[0], sides[1]), _against(suite, base)
    off = list(_off(machine, suite, base))
    status = INCONCLUSIVE if off else found["exit_status"]
    return {
        "file": file,
        **{key: base.get(key) for key in TOLD},
        "judged": not off,
        "crowded": bool(suite.get("crowded")),
        "verdict": NAMES[status],
        "exit_status": status,
        "reasons": [f"baseline: {reason}" for reason in off or found["reasons"]],
        "machine": machine,
        "commands": list(_commands(suite, found)) if off and not suite.get("crowded") else [],
        "comparison": found,
    }


def _side(name: str, run: str, kept: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The trials as far as a comparison reads them."""
    trials = []
    for position, values in enumerate(zip(*(kept[metric] for metric in METRICS), strict=False), 1):
        told: dict[str, Any] = {"run": {"id": f"{run}-{position}", "scenario": name}, "exit_status": PASS}
        for metric, value in zip(METRICS, values, strict=True):
            state = "not_measured" if value is None else "censored" if value == "Infinity" else "measured"
            key = metric.removesuffix("_s")
            told |= {metric: value, f"{key}_state": state, f"{key}_censored_at": None}
        trials.append(told)
    return trials


def _against(suite: Suite, base: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each quantity on both sides, and the median over the scenarios that both have of how many times the baseline's
    it is now: what one scenario alone became slower at is no other machine."""
    shared = [each for each in suite["scenarios"] if each["scenario"] in base["scenarios"]]
    found = []
    for key in GROUND:
        then = [(base["scenarios"][each["scenario"]].get("machine") or {}).get(key) for each in shared]
        pairs = [
            (b, n) for b, n in zip(then, (each["machine"][key] for each in shared), strict=True) if b and n
        ]
        ratio = round(median(n / b for b, n in pairs), 4) if pairs else None
        sides = {
            side: round(median(pair[i] for pair in pairs), DIGITS) if pairs else None for i, side in SIDES
        }
        off = ratio is None or abs(ratio - 1) > OFF
        found.append({"quantity": key, "name": NAMED[key], **sides, "ratio": ratio, "off": off})
    return found


SIDES = ((0, "base"), (1, "new"))


def _off(machine: Sequence[Mapping[str, Any]], suite: Suite, base: Mapping[str, Any]) -> Iterator[str]:
    """Why this isn't the baseline's machine; nothing where it is, or where there is nothing to compare."""
    if suite.get("crowded"):
        yield f"not judged, for {suite['crowded']}; run it again without --crowded"
        return
    if not any(each["scenario"] in base["scenarios"] and each["n"] for each in suite["scenarios"]):
        return
    if base.get("substrate") != suite.get("substrate"):
        yield f"not judged, for it was made on {base.get('substrate')}, this suite on {suite.get('substrate')}"
    then, now = base.get("at_once") or 1, suite.get("at_once") or 1
    if then != now:
        yield f"not judged, for it was made with --at-once {then}, this suite with --at-once {now}"
    unknown = [each["name"] for each in machine if each["ratio"] is None]
    if unknown:
        yield f"not judged, for the machine it was made on can't be told: {', '.join(unknown)} isn't known of both"
    apart = [each for each in machine if each["off"] and each["ratio"] is not None]
    if apart:
        said = "; ".join(
            f"{each['name']} takes {_ms(each['new'])}, not {_ms(each['base'])}" for each in apart
        )
        yield f"not judged, for this machine is over {OFF:.0%} faster or slower than the one it was made on: {said}"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def _commands(suite: Suite, comparison: Mapping[str, Any]) -> Iterator[str]:
    """One for each scenario that both have; BASE is a checkout of what the baseline was made of."""
    shared = {each["scenario"] for each in comparison["scenarios"]}
    trials = max(LEAST_INTERLEAVED, comparison["trials_needed"])
    for each in suite["scenarios"]:
        if each["scenario"] in shared:
            path = str(each["path"])
            words = [
                "gameday",
                "compare",
                f"BASE/{path.removeprefix('/')}",
                path,
                "--interleave",
                str(trials),
            ]
            words += ["--variant", each["variant"]] if each["variant"] else []
            yield shlex.join(words)
