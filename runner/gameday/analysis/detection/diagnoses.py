"""Diagnoses of a run: the causes that people or programs named, and whether they were right."""

from __future__ import annotations

from gameday.analysis.clocks.clocks import Analysis
from gameday.analysis.clocks.operation_results import faults_by_place, harmful_changes
from gameday.analysis.evidence.recorded_run import Run
from gameday.analysis.model.evidence_models import Diagnosis
from gameday.recording.journal_events import DiagnosisGiven


def diagnoses(analysis: Analysis) -> tuple[Diagnosis, ...]:
    """Return every diagnosis in order, with its time since the effect."""
    run, effect = analysis.run, analysis.clocks.effect
    return tuple(
        Diagnosis(
            t=event.t,
            culprit=event.culprit,
            by=event.by,
            text=event.text,
            right=_is_right(run, event),
            after_effect_s=event.t - effect if effect is not None and event.t >= effect else None,
        )
        for event in run.journal.of(DiagnosisGiven)
    )


def _is_right(run: Run, given: DiagnosisGiven) -> bool:
    """Return True if it names a faulty change that has begun, its service, or a service that a fault has hit."""
    harmful = [change for change in run.changes if change.id in harmful_changes(run) and change.t <= given.t]
    if given.culprit in {name for change in harmful for name in (change.id, change.started.service)}:
        return True
    return any(hit.on_service(given.culprit) for hit in faults_by_place(run) if hit.since <= given.t)
