"""Results of gates as the outcome lists them, from the journal."""

from __future__ import annotations

from gameday.analysis.evidence.recorded_run import Run
from gameday.analysis.model.event_models import GateResult, GateVerdict
from gameday.recording.journal_events import GateBlocked, GateNeedsApproval, GatePassed

RESULTS: dict[type, GateVerdict] = {
    GatePassed: "passed",
    GateBlocked: "blocked",
    GateNeedsApproval: "needs-approval",
}


def gate_results(run: Run) -> tuple[GateResult, ...]:
    """Return the result of each gate for each change, in the order in which they were judged."""
    return tuple(
        GateResult.model_validate(
            {
                "t": event.t,
                "change": event.change,
                "release": event.release or None,
                "gate": event.gate,
                "result": RESULTS[type(event)],
                "mode": "block" if isinstance(event, GatePassed) else event.mode or "block",
                "findings": () if isinstance(event, GatePassed) else event.findings,
                "took_s": event.took_s,
            }
        )
        for event in run.journal.of(GatePassed, GateBlocked, GateNeedsApproval)
        if isinstance(event, GatePassed | GateBlocked | GateNeedsApproval)
    )
