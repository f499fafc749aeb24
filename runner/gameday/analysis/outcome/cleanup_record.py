"""Clean-up record of a run: what the clean-up reports as left, and every fault that was never
reverted."""

from __future__ import annotations

from collections.abc import Iterator

from gameday.analysis.evidence.recorded_run import Run
from gameday.analysis.model.event_models import Cleanup
from gameday.recording.journal_events import CleanupDone


def left_behind(run: Run) -> Cleanup:
    """Return the record of the clean-up. It isn't clean if a fault was ordered and the journal has no revert of it."""
    events = run.journal.of(CleanupDone)
    if not events:
        return Cleanup()
    named = (name for event in events for name in event.left)
    left = (*named, *_standing(run))
    clean = not left and all(event.clean for event in events)
    return Cleanup(clean=clean, left=left)


def _standing(run: Run) -> Iterator[str]:
    """Yield the faults that were ordered, didn't fail, and weren't reverted by responder, schedule or clean-up."""
    for fault in run.faults:
        if not (fault.reverted or fault.failed):
            kind, target = fault.intended.kind, fault.intended.target
            yield f"fault {fault.id} ({kind} on {target}), which was never reverted"
