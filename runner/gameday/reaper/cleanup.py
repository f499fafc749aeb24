"""What is done for runs whose runner is gone: requests made, everything removed, journals closed, lists cleared."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gameday.reaper.journal_closing import close
from gameday.reaper.leftovers import clear
from gameday.reaper.pending_requests import Payment
from gameday.substrates.substrate_kind import Traces

PATIENCE_S = 60.0
"""For an engine that doesn't answer, or comes back."""


def bury(why: str, watched: Sequence[Mapping[str, Any]], owed: Sequence[Mapping[str, Any]]) -> None:
    """`watched` and `owed` as the runner told them. Never raises: each run gets its turn."""
    gone = time.time()
    payment = Payment(owed)
    traces = [
        Traces(
            about["run"],
            Path(about["folder"]),
            about["substrate"],
            Path(about["entry"]) if about["entry"] else None,
        )
        for about in watched
    ]
    found = clear(traces, kinds={run.substrate for run in traces}, patience=PATIENCE_S)
    paid = payment.made()
    for each in traces:
        if each.folder:
            close(each.folder, why, found[each.run], by="the reaper", gone=gone, resolved=paid)
        if each.entry and not found[each.run].left:
            each.entry.unlink(missing_ok=True)
