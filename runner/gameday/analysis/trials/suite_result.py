"""Several scenarios, each once or in trials → the content of `suite.json`: what each came to, and the verdict of all.

Everything drawn or written of a suite is made from this alone. What a trial came to is its outcome; which scenarios
run, in which order, and which of them never came to run, is left to the command. The gate of a baseline is `baseline`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from gameday.analysis.outcome.run_verdict import ERROR, INCONCLUSIVE, INTERRUPTED, NAMES, PRECEDENCE, worst
from gameday.analysis.trials.trial_summary import Outcome, number, summarise

SCHEMA = "gameday/suite/v1"
MOST_SAID = 2
ORDERS = ("acknowledged", "lost", "duplicated", "charged_twice", "oversold", "wrong_amount", "indeterminate")
GROUND = ("start_s", "base_p50_s", "lag_p95_s")


@dataclass(frozen=True)
class Attempt:
    """A run that was made. `folder`: from the suite's; `ground`: what it says of the machine, see `baseline.ground`;
    `retried`: it was inconclusive and made again, so it doesn't count."""

    outcome: Outcome
    folder: str
    ground: Mapping[str, float | None] = field(default_factory=dict)
    retried: bool = False


@dataclass(frozen=True)
class Entry:
    """A scenario of a suite. `trials`: as many were wanted; `report`: the page of its trials, from the suite's folder,
    `matrix` that of its variants; `missing`: why some or all of its trials didn't run, "" where all did."""

    name: str
    title: str
    path: str
    trials: int
    attempts: Sequence[Attempt]
    variant: str | None = None
    tags: Sequence[str] = ()
    report: str | None = None
    matrix: str | None = None
    missing: str = ""

    @property
    def counted(self) -> list[Attempt]:
        return [each for each in self.attempts if not each.retried]


def suite(
    about: Mapping[str, Any],
    entries: Sequence[Entry],
    *,
    interrupted: bool = False,
    broken: str = "",
    baseline: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """ "gameday/suite/v1". `about` says what was run, where and when, and by its `crowded` why times can't be trusted,
    "" where they can; `broken`: what the tool failed of.

    `baseline` is what its gate found. A scenario of which no trial reached its steady state makes all inconclusive.
    """
    scenarios = [_scenario(each) for each in entries]
    status = worst(
        [*(each["exit_status"] for each in scenarios), *([baseline["exit_status"]] if baseline else [])],
        unmet=any(each["unmet"] for each in scenarios),
    )
    status = worst([status, *([ERROR] if broken else []), *([INTERRUPTED] if interrupted else [])])
    return {
        "schema": SCHEMA,
        **about,
        "verdict": NAMES.get(status, "error"),
        "exit_status": status,
        "reasons": [*filter(None, [broken, about.get("crowded")]), *_reasons(scenarios), *_gated(baseline)],
        "interrupted": interrupted,
        "totals": _totals(scenarios),
        "scenarios": scenarios,
        "baseline": dict(baseline) if baseline else None,
    }


def _gated(baseline: Mapping[str, Any] | None) -> Sequence[str]:
    reasons: Sequence[str] = baseline["reasons"] if baseline else ()
    return reasons


def _scenario(entry: Entry) -> dict[str, Any]:
    counted = entry.counted
    about = {key: getattr(entry, key) for key in ("title", "path", "variant", "report", "matrix", "missing")}
    return {
        "scenario": entry.name,
        **about,
        "tags": list(entry.tags),
        "planned": entry.trials,
        "n": len(counted),
        **_judged(entry),
        "unmet": bool(counted) and all(_unmet(each.outcome) for each in counted),
        "expectations": list(_expectations(counted)),
        "orders": _orders(counted),
        "machine": _machine(counted),
        "runs": [_run(each) for each in entry.attempts],
    }


def _unmet(outcome: Outcome) -> bool:
    return (outcome.get("steady_state") or {}).get("met") is False


def _judged(entry: Entry) -> dict[str, Any]:
    """Verdict, reasons, how many passed and the metrics; one that never ran can't be judged."""
    counted, missing = entry.counted, [f"not run: {entry.missing}"] if entry.missing else []
    if not counted:
        judged = {
            "verdict": NAMES[INCONCLUSIVE],
            "exit_status": INCONCLUSIVE,
            "reasons": missing or ["not run"],
        }
        return {**judged, "success": None, "metrics": {}}
    found = summarise([each.outcome for each in counted])
    status = worst([found["exit_status"], *([INCONCLUSIVE] if missing else [])])
    reasons = counted[0].outcome["reasons"] if len(counted) == 1 else found["reasons"]
    lacking = [f"{len(counted)} of {entry.trials} trials ran: {entry.missing}"] if missing else []
    judged = {"verdict": NAMES.get(status, "error"), "exit_status": status, "reasons": [*reasons, *lacking]}
    return {**judged, "success": found["success"], "metrics": found["metrics"]}


def _run(attempt: Attempt) -> dict[str, Any]:
    run = attempt.outcome["run"]
    told = {key: attempt.outcome[key] for key in ("verdict", "exit_status", "reasons")}
    about = {key: run.get(key) for key in ("seed", "started", "duration_s")}
    return {"run": run["id"], "folder": attempt.folder, **about, **told, "retried": attempt.retried}


def _expectations(attempts: Sequence[Attempt]) -> Iterator[dict[str, Any]]:
    """Each expectation over all trials: in how many it held, failed or is unknown; what those say where it didn't."""
    exprs = dict.fromkeys(
        each["expr"] for attempt in attempts for each in attempt.outcome.get("expectations", ())
    )
    for expr in exprs:
        found = [
            (attempt.outcome["run"]["id"], each)
            for attempt in attempts
            for each in attempt.outcome.get("expectations", ())
            if each["expr"] == expr
        ]
        counts = Counter(each["holds"] for _, each in found)
        said = [{"run": run, "holds": each["holds"], "values": _values(each)} for run, each in found]
        yield {
            "expr": expr,
            "held": counts[True],
            "failed": counts[False],
            "unknown": counts[None],
            "said": [each for each in said if each["holds"] is not True],
        }


def _values(expectation: Mapping[str, Any]) -> str:
    """`ttd = 6.2, ttr = censored`."""
    states = expectation.get("states") or {}
    values = expectation.get("values") or {}
    return ", ".join(f"{name} = {states.get(name) or _shown(value)}" for name, value in values.items())


def _shown(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _orders(attempts: Sequence[Attempt]) -> dict[str, Any]:
    """Sums over the trials that were audited, and how many these are; null where none was."""
    audits = [
        audit for each in attempts if (audit := each.outcome.get("audit")) and audit.get("lost") is not None
    ]
    sums = {key: sum(audit.get(key) or 0 for audit in audits) if audits else None for key in ORDERS}
    return {"audited": len(audits), **sums}


def _machine(attempts: Sequence[Attempt]) -> dict[str, float | str | None]:
    """The median over the trials of each thing that says how fast the machine was."""
    found = {
        key: [each.ground[key] for each in attempts if each.ground.get(key) is not None] for key in GROUND
    }
    return {
        key: number(median(filter(None, values)) if any(values) else None) for key, values in found.items()
    }


def _reasons(scenarios: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """One sentence for each scenario that didn't pass, the gravest first; all of its own stand with the scenario."""
    for each in sorted(scenarios, key=lambda each: PRECEDENCE.index(each["exit_status"])):
        if each["exit_status"] or each["unmet"]:
            said = each["reasons"] or [each["verdict"]]
            more = f" (and {len(said) - MOST_SAID} more)" if len(said) > MOST_SAID else ""
            yield f"{each['scenario']}: {'; '.join(said[:MOST_SAID])}{more}"


def _totals(scenarios: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    verdicts = Counter(each["verdict"] for each in scenarios if each["n"])
    return {
        "scenarios": len(scenarios),
        **{word: verdicts[word] for word in ("pass", "fail", "inconclusive", "error")},
        "not_run": sum(not each["n"] for each in scenarios),
        "trials": sum(each["n"] for each in scenarios),
        "planned": sum(each["planned"] for each in scenarios),
        "retried": sum(run["retried"] for each in scenarios for run in each["runs"]),
    }
