"""Clean-up after a runner: make its pending requests, remove everything, close journals, clear the list of runs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from gameday.reaper.journal_closing import close
from gameday.reaper.leftovers import clear
from gameday.reaper.pending_requests import PendingRequests
from gameday.reaper.runner_messages import PendingRequest, WatchedRun
from gameday.substrates.substrate_kind import Traces

REAPER = "the reaper"
PATIENCE_S = 60.0
"""How long an engine that doesn't answer is retried."""


def clean_up(
    why: str, watched: Sequence[WatchedRun], pending: Sequence[PendingRequest]
) -> list[PendingRequest]:
    """Clean up the watched runs of a runner that is gone; `why` goes to their journals. Never raise.

    Return the requests that failed.
    """
    gone = time.time()
    requests = PendingRequests(pending)
    runs = [
        Traces(
            run["run"],
            Path(run["folder"]),
            run["substrate"],
            Path(run["entry"]) if run["entry"] else None,
            Path(run["key"]) if run["key"] else None,
        )
        for run in watched
    ]
    results = clear(runs, kinds={run.substrate for run in runs}, patience=PATIENCE_S)
    succeeded = requests.succeeded()
    failed = [request for request in pending if request not in succeeded]
    for run in runs:
        if run.folder:
            unresolved = {request["alert"] for request in failed if request["run"] == run.run}
            alerts = {request["alert"] for request in succeeded if request["run"] == run.run}
            close(
                run.folder,
                why,
                results[run.run],
                by=REAPER,
                gone=gone,
                resolved=sorted(alerts - unresolved - {""}),
            )
        if run.entry and not results[run.run].left:
            run.entry.unlink(missing_ok=True)
    return failed
