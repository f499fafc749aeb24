"""Clean-up record of a run: what the clean-up reports as left, and every fault that was never
reverted."""

from __future__ import annotations

from collections.abc import Iterator

from gameday.analysis.evidence.recorded_run import Run
from gameday.analysis.model.event_models import Cleanup, UnresolvedPage
from gameday.recording.journal_events import AlertResolved, CleanupDone, PageFailed


def left_behind(run: Run) -> Cleanup:
    """Return the record of the clean-up. It isn't clean if a fault was ordered and the journal has no revert of it."""
    events = run.journal.of(CleanupDone)
    if not events:
        return Cleanup()
    named = (name for event in events for name in event.left)
    left = (*named, *_standing(run))
    clean = not left and all(event.clean for event in events)
    return Cleanup(clean=clean, left=left)


def unresolved_pages(run: Run) -> tuple[UnresolvedPage, ...]:
    """Return the pages whose resolving failed, and that weren't resolved later either."""
    resolved = {event.alert for event in run.journal.of(AlertResolved)}
    failed = [event for event in run.journal.of(PageFailed) if event.action == "resolve"]
    return tuple(
        UnresolvedPage(alert=event.alert, to=event.to, why=event.why)
        for event in failed
        if event.alert not in resolved
    )


def _standing(run: Run) -> Iterator[str]:
    """Yield the faults that were ordered, didn't fail, and weren't reverted by responder, schedule or clean-up."""
    for fault in run.faults:
        if not (fault.reverted or fault.failed):
            kind, target = fault.intended.kind, fault.intended.target
            yield f"fault {fault.id} ({kind} on {target}), which was never reverted"
