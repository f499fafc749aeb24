"""Hand-made runs of two variants for the tests of matrices: payments slow, with and without breaker
and bulkhead.

Browsing fails only without them: two browses of three from 20 s to 41 s. A tenth of the buys fails
in both. The audit's result is set by hand: two of 150 orders are lost without them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gameday.analysis import write_outcome
from gameday.recording.samples import ErrorKind
from tests.support.run_folders import Request, Story, failing, steadily, write

SLOS = [
    {"name": "checkout", "journey": "buy", "sli": "availability", "objective": "99%"},
    {"name": "browse", "journey": "browse", "sli": "availability", "objective": "99%"},
]
SCENARIO = {
    "name": "payments-slow-{}",
    "title": "The third party answers after seconds ({})",
    "slos": SLOS,
    "expect": ["slos['browse'].verdict == 'ok'"],
}
GUARDED = {"breaker": True, "bulkhead": True}
SINCE, UNTIL = 20.0, 41.0


def _requests(browse_fails: bool) -> list[Request]:
    """Return requests, every fourth a buy; a tenth of the buys, and half of the browses if they
    fail, fail from SINCE to UNTIL."""
    requests = steadily()
    for number, request in enumerate(requests):
        request.journey = "buy" if number % 4 == 3 else "browse"
        request.order, request.total = (number, 100) if request.journey == "buy" else (0, -1)
    failing(requests, SINCE, UNTIL, which=lambda each: each.journey == "buy" and each.user % 40 == 3)
    which: Callable[[Request], bool] = lambda each: each.journey == "browse" and each.user % 2 == 0  # noqa: E731
    return failing(requests, SINCE, UNTIL, ErrorKind.TIMEOUT, which) if browse_fails else requests


def run(
    folder: Path,
    variant: str,
    guardrails: dict[str, Any],
    browse_fails: bool,
    shift: float = 0.0,
    lost: int = 0,
) -> Path:
    """Write one variant's folder with its outcome. `shift` moves the fault's stamp earlier by that
    many seconds."""
    story = Story().begin().deploy(SINCE - 0.5 - shift, SINCE - 0.3 - shift)
    story.page(SINCE + 2, "checkout").rollback(SINCE + 2.1, UNTIL).finish()
    requests = _requests(browse_fails)
    scenario: dict[str, Any] = {
        key: value.format(variant) if isinstance(value, str) else value for key, value in SCENARIO.items()
    }
    write(folder, story, requests, guardrails=guardrails, **scenario)
    outcome = write_outcome(folder).document()
    outcome["audit"] |= {"acknowledged": 150, "lost": lost, "duplicated": 0, "charged_twice": 0, "rpo_s": 0.0}
    (folder / "outcome.json").write_text(json.dumps(outcome), encoding="utf-8")
    return folder


def pair(folder: Path) -> dict[str, Path]:
    """Write `with` and `without`; the second's fault is half a second earlier on its clock."""
    return {
        "with": run(folder / "r1", "with", GUARDED, False),
        "without": run(folder / "r2", "without", {}, True, 0.5, 2),
    }
