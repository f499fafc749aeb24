"""Was anything left behind? What the clean-up itself says, and every fault that nobody ever took back."""

from __future__ import annotations

from collections.abc import Iterator

from gameday.analysis.evidence.recorded_run import Run
from gameday.analysis.model.event_models import Cleanup
from gameday.recording.journal_events import CleanupDone


def left_behind(run: Run) -> Cleanup:
    """A clean-up that calls itself clean isn't, where a fault that was ordered has no word of its reverting."""
    events = run.journal.of(CleanupDone)
    if not events:
        return Cleanup()
    named = (name for event in events for name in event.left)
    left = (*named, *_standing(run))
    clean = not left and all(event.clean for event in events)
    return Cleanup(clean=clean, left=left)


def _standing(run: Run) -> Iterator[str]:
    """Faults that were ordered, didn't fail, and weren't reverted: by a responder, the schedule or the clean-up."""
    for fault in run.faults:
        if not (fault.reverted or fault.failed):
            kind, target = fault.intended.kind, fault.intended.target
            yield f"fault {fault.id} ({kind} on {target}), which was never reverted"
