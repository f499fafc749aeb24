"""Puts the outcome of a run together and writes it: `outcome.json`, whose keys are fixed, and `junit.xml` beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gameday.analysis.audit.order_audit import audit
from gameday.analysis.clocks import durations
from gameday.analysis.clocks.clock_error import error, spacing
from gameday.analysis.clocks.clocks import Analysis, analyse
from gameday.analysis.detection import alert_judgement
from gameday.analysis.detection.detection_delay import detection
from gameday.analysis.detection.false_alarms import quiet
from gameday.analysis.evidence.recorded_run import Run, read_run
from gameday.analysis.evidence.sample_completeness import missing
from gameday.analysis.evidence.steady_state import doubts, sent, steady_state
from gameday.analysis.expressions.expectations import evaluate
from gameday.analysis.impact.customer_reports import customer_reports
from gameday.analysis.impact.impact import impact, spent
from gameday.analysis.outcome.cleanup_record import left_behind
from gameday.analysis.outcome.junit import junit
from gameday.analysis.outcome.run_verdict import judge
from gameday.recording.atomic_file import write

SCHEMA = "gameday/outcome/v1"
DIGITS = 6
CHANGE = (
    "kind",
    "service",
    "release",
    "previous",
    "summary",
    "strategy",
    "by",
    "author",
    "ai",
    "approvals",
    "rollback_of",
)


def measure(folder: Path) -> dict[str, Any]:
    """The content of `outcome.json`, from the run's folder alone. Raises ValueError or gameday.scenario.yaml_document.Invalid."""
    return outcome_of(read_run(folder))


def write_outcome(folder: Path) -> dict[str, Any]:
    """Writes `outcome.json` and `junit.xml` into the folder of the run, each at once; returns the outcome."""
    outcome = measure(folder)
    write(folder / "outcome.json", json.dumps(outcome, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    write(folder / "junit.xml", junit(outcome))
    return outcome


def outcome_of(run: Run) -> dict[str, Any]:
    """Every key, in the order of the published schema; floats rounded to microseconds and millionths."""
    analysis = analyse(run)
    steady, lost = steady_state(run), missing(run)
    total = sent(run, lost)
    told: dict[str, Any] = _told(analysis)
    told |= {"steady_state": vars(steady), "load": vars(total)}
    told = _rounded(told)
    expectations = [evaluate(each, told) for each in run.scenario.expect]
    judgement, left = judge(analysis, steady, expectations, doubts(run, lost, total)), left_behind(run)
    return {
        "schema": SCHEMA,
        "run": _about(run),
        "verdict": judgement.verdict,
        "exit_status": judgement.exit_status,
        "reasons": list(judgement.reasons),
        **told,
        "expectations": expectations,
        "cleanup": {**vars(left), "left": list(left.left)},
    }


def _told(analysis: Analysis) -> dict[str, Any]:
    """All but the verdict and what it needs; in their places stands nothing yet."""
    run = analysis.run
    lag, found, apart = run.first("lag"), detection(analysis), spacing(analysis)
    return {
        "steady_state": None,
        "load": None,
        "lag_p95_s": lag.data.get("p95_s") if lag else None,
        "error_s": vars(error(analysis, apart)),
        "spacing_s": vars(apart),
        "clocks": vars(analysis.clocks),
        **durations.as_keys(durations.durations(analysis)),
        "limit_s": found.limit_s,
        "detection": vars(found),
        "ended_by": durations.ended_by(analysis)[0],
        "stopped": _stopped(run),
        "relapses": [vars(each) for each in analysis.relapses],
        "faults": _faults(run),
        "changes": _changes(run),
        "operations": [vars(each) for each in analysis.operations],
        "alerts": alert_judgement.listed(analysis),
        "slos": _slos(analysis),
        "detectors": alert_judgement.detectors(analysis, found.limit_s),
        "quiet": quiet(analysis),
        "impact": impact(analysis),
        "audit": audit(run),
        "customer_reports": customer_reports(analysis),
        "system": _system(run),
        "responder": _responder(analysis),
    }


def _about(run: Run) -> dict[str, Any]:
    told = {key: run.started.get(key) for key in ("substrate", "seed", "started", "version", "host")}
    about = {"id": run.id, "scenario": run.scenario.name, **told}
    return _rounded({**about, "duration_s": run.last, "judged_s": run.end})  # type: ignore[no-any-return]


def _stopped(run: Run) -> dict[str, Any] | None:
    """The abort condition that ended the run, with the values that it used."""
    event = run.stopped
    return {"t": event.t, "expr": event.data["expr"], "values": dict(event.data["values"])} if event else None


def _faults(run: Run) -> list[dict[str, Any]]:
    return [
        {
            "id": event.subject,
            "kind": event.data.get("kind"),
            "target": event.data.get("target"),
            "change": event.data.get("change"),
            "inject": event.t,
            "injected": _stamp(run, "fault.injected", event.subject),
            "reverted": _stamp(run, "fault.reverted", event.subject),
            "reverted_by": _said(run, "fault.reverted", event.subject, "by"),
        }
        for event in run.all("fault.intended")
    ]


def _changes(run: Run) -> list[dict[str, Any]]:
    return [
        {
            "t": event.t,
            "id": event.subject,
            **{key: event.data.get(key) for key in CHANGE},
            "done": _stamp(run, "change.done", event.subject),
            "state": _state(run, event.subject),
        }
        for event in run.all("change.started")
    ]


def _state(run: Run, change: str) -> str | None:
    """How a change ended; None where it never did."""
    failed, done = run.first("change.failed", change), run.first("change.done", change)
    if failed:
        return "refused" if failed.data.get("refused") else "failed"
    if done:
        return "cancelled" if done.data.get("cancelled") else "done"
    return None


def _slos(analysis: Analysis) -> list[dict[str, Any]]:
    """One entry a configured SLO; where the run never reached steady state all of it is unknown."""
    courses = {each.name: each for each in analysis.courses}
    entries = []
    for slo in analysis.run.scenario.slos:
        course = courses.get(slo.name)
        entries.append(
            {
                "name": slo.name,
                "verdict": course.verdict(analysis.outages) if course else "unknown",
                "effect": course.effect if course else None,
                "detect": alert_judgement.detected(analysis, slo.name),
                "recovered": course.recovered if course else None,
                "breached_s": course.breached_s if course else None,
                "budget_spent": spent(slo, course) if course else None,
                "requests": course.n if course else 0,
                "bad": course.bad if course else 0,
            }
        )
    return entries


def _system(run: Run) -> dict[str, Any]:
    """What was under test, as far as scenarios set it: what it could defend itself with, where it stood."""
    system, guardrails = run.scenario.system, run.scenario.guardrails
    return {
        "regions": list(system.regions),
        "replication": system.replication.mode,
        "delay_s": system.replication.delay,
        "guardrails": [name.replace("_", "-") for name, on in guardrails if on],
    }


def _responder(analysis: Analysis) -> dict[str, Any]:
    """Who answered, and how well: the first right operation counts from the effect on users, as TTR does."""
    run, effect = analysis.run, analysis.clocks.effect
    right = [each.t for each in analysis.operations if each.right and not each.failed]
    first = max(0.0, right[0] - effect) if right and effect is not None else None
    return {
        "kind": run.started.get("responder") or run.scenario.respond.by,
        "policy": run.started.get("policy", run.scenario.respond.policy),
        "first_right_s": first,
        "wrong": sum(each.right is False for each in analysis.operations),
        "notes": [{"t": each.t, **each.data} for each in run.all("note") if each.data.get("by") != "gameday"],
    }


def _stamp(run: Run, kind: str, subject: str) -> float | None:
    event = run.first(kind, subject)
    return event.t if event else None


def _said(run: Run, kind: str, subject: str, key: str) -> Any:
    event = run.first(kind, subject)
    return event.data.get(key) if event else None


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, Mapping):
        return {key: _rounded(each) for key, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list | tuple) else value
