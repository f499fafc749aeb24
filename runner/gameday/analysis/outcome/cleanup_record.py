"""Was anything left behind? What the clean-up itself says, and every fault that nobody ever took back."""

from __future__ import annotations

from collections.abc import Iterator

from gameday.analysis.evidence.recorded_run import Run
from gameday.analysis.model.event_models import Cleanup


def left_behind(run: Run) -> Cleanup:
    """A clean-up that calls itself clean isn't, where a fault that was ordered has no word of its reverting."""
    events = run.all("cleanup")
    if not events:
        return Cleanup()
    named = (str(each) for event in events for each in event.data.get("left", ()))
    left = (*named, *_standing(run))
    clean = not left and all(event.data.get("clean") for event in events)
    return Cleanup(clean=clean, left=left)


def _standing(run: Run) -> Iterator[str]:
    """Faults that were ordered, didn't fail, and weren't reverted: by a responder, the schedule or the clean-up."""
    over = {event.subject for event in run.all("fault.reverted", "fault.failed")}
    for event in run.all("fault.intended"):
        if event.subject not in over:
            data = event.data
            yield f"fault {event.subject} ({data.get('kind')} on {data.get('target')}), which was never reverted"
