"""Assembly of a run's outcome and its files: `outcome.json`, whose keys are fixed, and `junit.xml` beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gameday.analysis.audit.order_audit import audit
from gameday.analysis.clocks import durations
from gameday.analysis.clocks.clock_error import error, spacing
from gameday.analysis.clocks.clocks import Analysis, analyse
from gameday.analysis.clocks.outage_clocks import outage_clocks
from gameday.analysis.detection import alert_judgement
from gameday.analysis.detection.alert_lag import alert_lags
from gameday.analysis.detection.detection_delay import detection
from gameday.analysis.detection.diagnoses import diagnoses
from gameday.analysis.detection.false_alarms import quiet
from gameday.analysis.detection.likely_changes import likely_changes
from gameday.analysis.evidence.recorded_run import Run, read_run
from gameday.analysis.evidence.run_history import RecordedChange
from gameday.analysis.evidence.sample_completeness import missing
from gameday.analysis.evidence.steady_state import doubts, sent, steady_state
from gameday.analysis.expressions.expectations import evaluate
from gameday.analysis.impact.canary_results import canaries
from gameday.analysis.impact.customer_reports import customer_reports
from gameday.analysis.impact.impact import impact, spent
from gameday.analysis.impact.residual import residual
from gameday.analysis.model.event_models import Change, ChangeState, Fault, SloResult, Stop
from gameday.analysis.model.outcome_model import (
    LoadResult,
    Measurements,
    Outcome,
    ResponderResult,
    RunInfo,
    SteadyState,
    SystemInfo,
)
from gameday.analysis.model.result_file import COMPARED_DIGITS
from gameday.analysis.outcome.cleanup_record import left_behind, unresolved_pages
from gameday.analysis.outcome.gate_results import gate_results
from gameday.analysis.outcome.junit import junit
from gameday.analysis.outcome.run_verdict import judge
from gameday.analysis.outcome.severity import severity
from gameday.recording.atomic_file import write
from gameday.recording.journal_events import LagMeasured, Note, RunEnded

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
STARTED = ("substrate", "seed", "started", "version", "host", "probe_s")


def measure(folder: Path) -> Outcome:
    """Compute the outcome from the run's folder alone. Raise ValueError or Invalid if a file isn't what it should be."""
    return outcome_of(read_run(folder))


def write_outcome(folder: Path) -> Outcome:
    """Write `outcome.json` and `junit.xml` into the run's folder, each atomically, and return the outcome."""
    outcome = measure(folder)
    write(folder / "outcome.json", outcome.text())
    write(folder / "junit.xml", junit(outcome))
    return outcome


def outcome_of(run: Run) -> Outcome:
    """Measure and judge a run. Expectations are evaluated on figures that are not yet rounded for the file."""
    analysis = analyse(run)
    steady, lost = steady_state(run), missing(run)
    load = sent(run, lost)
    measurements = _measurements(analysis, SteadyState(**vars(steady)), LoadResult(**vars(load)))
    if steady.met and run.judged:
        sev = severity(measurements, run.scenario.severity)
        measurements = measurements.model_copy(update={"severity": sev})
    exact = measurements.rounded(COMPARED_DIGITS)
    expectations = tuple(evaluate(expression, exact).rounded() for expression in run.scenario.expect)
    judgement = judge(analysis, steady, measurements, expectations, doubts(run, lost, load))
    return Outcome(
        run=_run_info(run),
        verdict=judgement.verdict,
        exit_status=judgement.exit_status,
        reasons=judgement.reasons,
        **vars(measurements.rounded()),
        expectations=expectations,
        cleanup=left_behind(run),
        unresolved_pages=unresolved_pages(run),
    )


def _measurements(analysis: Analysis, steady: SteadyState, load: LoadResult) -> Measurements:
    run = analysis.run
    lag, delay, apart = run.journal.first(LagMeasured), detection(analysis), spacing(analysis)
    return Measurements(
        steady_state=steady,
        load=load,
        lag_p95_s=lag.p95_s if lag else None,
        error_s=error(analysis, apart),
        spacing_s=apart,
        clocks=analysis.clocks,
        **vars(durations.durations(analysis)),
        limit_s=delay.limit_s,
        detection=delay,
        ended_by=durations.ended_by(analysis)[0],
        stopped=_stop(run),
        relapses=analysis.relapses,
        faults=_faults(run),
        changes=_changes(run),
        gates=gate_results(run),
        suspects=likely_changes(analysis),
        canaries=canaries(run),
        diagnoses=diagnoses(analysis),
        operations=analysis.operations,
        alerts=alert_judgement.alerts(analysis),
        alert_lags=alert_lags(analysis),
        slos=_slos(analysis),
        detectors=alert_judgement.detectors(analysis, delay.limit_s),
        quiet=quiet(analysis),
        impact=impact(analysis),
        residual=residual(analysis),
        outages=outage_clocks(analysis),
        audit=audit(run),
        customer_reports=customer_reports(analysis),
        system=_system(run),
        responder=_responder(analysis),
    )


def _run_info(run: Run) -> RunInfo:
    started = {key: _recorded(getattr(run.started, key, None)) for key in STARTED}
    ended = run.journal.first(RunEnded)
    info = {"id": run.id, "scenario": run.scenario.name, "ended": ended.reason if ended else None, **started}
    info["link_server"] = (run.started.links or None) if run.started else None
    return RunInfo.model_validate(info | {"duration_s": run.last, "judged_s": run.end}).rounded()


def _stop(run: Run) -> Stop | None:
    event = run.stopped
    return Stop(t=event.t, expr=event.expr, values=dict(event.values)) if event else None


def _faults(run: Run) -> tuple[Fault, ...]:
    return tuple(
        Fault(
            id=fault.id,
            kind=fault.intended.kind or None,
            target=fault.intended.target or None,
            change=fault.intended.change,
            meaning=fault.intended.meaning or None,
            inject=fault.t,
            injected=fault.injected.t if fault.injected else None,
            reverted=fault.reverted.t if fault.reverted else None,
            reverted_by=fault.reverted.by or None if fault.reverted else None,
        )
        for fault in run.faults
    )


def _changes(run: Run) -> tuple[Change, ...]:
    return tuple(
        Change.model_validate(
            {
                "t": change.t,
                "id": change.id,
                **{key: _recorded(getattr(change.started, key)) for key in CHANGE},
                "done": change.done.t if change.done else None,
                "state": _state(change),
            }
        )
        for change in run.changes
    )


def _recorded(value: Any) -> Any:
    """Return a value of the journal, None if it wasn't recorded."""
    return None if value == "" else value


def _state(change: RecordedChange) -> ChangeState | None:
    """Return how a change ended; None if it never did."""
    if change.failed:
        return "refused" if change.failed.refused else "failed"
    if change.done:
        return "cancelled" if change.done.cancelled else "done"
    return None


def _slos(analysis: Analysis) -> tuple[SloResult, ...]:
    """Return one entry for each configured SLO, unknown if the run never reached its steady state."""
    courses = {course.name: course for course in analysis.courses}
    results = []
    for slo in analysis.run.scenario.slos:
        course = courses.get(slo.name)
        if course is None:
            results.append(SloResult(name=slo.name, verdict="unknown", requests=0, bad=0))
            continue
        results.append(
            SloResult(
                name=slo.name,
                verdict=course.verdict(analysis.outages),
                effect=course.effect,
                detect=alert_judgement.detected(analysis, slo.name),
                recovered=course.recovered,
                breached_s=course.breached_s,
                budget_spent=spent(slo, course),
                requests=course.n,
                bad=course.bad,
            )
        )
    return tuple(results)


def _system(run: Run) -> SystemInfo:
    system, guardrails = run.scenario.system, run.scenario.guardrails
    return SystemInfo(
        regions=system.regions,
        replication=system.replication.mode,
        delay_s=system.replication.delay,
        guardrails=tuple(name.replace("_", "-") for name, on in guardrails if on),
    )


def _responder(analysis: Analysis) -> ResponderResult:
    """Return the responder's result. The first right operation counts from the effect on users, as
    TTR does."""
    run, effect = analysis.run, analysis.clocks.effect
    operations = analysis.operations
    right = [operation.t for operation in operations if operation.right and not operation.failed]
    started, planned = run.started, run.scenario.respond
    policy = planned.policy if started is None or started.policy == "" else started.policy
    notes = [event for event in run.journal.of(Note) if event.by != "gameday"]
    return ResponderResult.model_validate(
        {
            "kind": (started.responder if started else "") or planned.by,
            "policy": policy,
            "reaction_s": planned.reaction or None,
            "first_right_s": max(0.0, right[0] - effect) if right and effect is not None else None,
            "wrong": sum(operation.right is False for operation in operations),
            "notes": [{"t": event.t, **event.to_event().data} for event in notes],
        }
    )
