"""Results of canaries: steps, verdicts, detection limits, and how many users were hurt against shipping to all at once."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from gameday.analysis.detection.detection_limit import limit
from gameday.analysis.evidence.recorded_run import Run
from gameday.analysis.evidence.run_history import RecordedChange
from gameday.analysis.impact.bad_requests import GOOD, kinds
from gameday.analysis.model.evidence_models import CanaryLimit, CanaryResult, CanaryStep
from gameday.recording.journal_events import CanaryEnded, CanaryJudged, CanaryPaused, CanaryStepped
from gameday.scenario import Scenario
from gameday.scenario.units import ratio, seconds
from gameday.slo.exposure import service_of

DEFECTS = (0.01, 0.05, 0.25, 1.0)
"""Shares of failing requests for which the canary's own detection limit is given."""


def canaries(run: Run) -> tuple[CanaryResult, ...]:
    """Return the result of each canary of the run, in order of its change."""
    stepped = {event.change for event in run.journal.of(CanaryStepped)}
    return tuple(_result(run, change) for change in run.changes if change.id in stepped)


def _result(run: Run, change: RecordedChange) -> CanaryResult:
    steps = tuple(_steps(run, change.id))
    ended = next((event for event in run.journal.of(CanaryEnded) if event.change == change.id), None)
    until = ended.t if ended else run.end
    plan = _plan(run.scenario, change.started.release)
    users, at_once = _users(run, change, steps, until)
    return CanaryResult(
        change=change.id,
        service=change.started.service,
        release=change.started.release,
        result=ended.result if ended else None,
        why=ended.why if ended else "",
        by=ended.by if ended else "",
        ended=ended.t if ended else None,
        false_abort=plan["false_abort"],
        pauses=tuple(event.why for event in run.journal.of(CanaryPaused) if event.change == change.id),
        steps=steps,
        limits=tuple(_limits(run, change, plan, max(1, len(plan["shares"])))),
        users=users,
        users_at_once=at_once,
    )


def _steps(run: Run, change: str) -> Iterator[CanaryStep]:
    begun = [event for event in run.journal.of(CanaryStepped) if event.change == change]
    judged = [event for event in run.journal.of(CanaryJudged) if event.change == change]
    ends = [*(event.t for event in begun[1:]), float("inf")]
    for event, end in zip(begun, ends, strict=True):
        verdict = next((one for one in reversed(judged) if event.t <= one.t <= end), None)
        data = {} if verdict is None else verdict.to_event().data
        yield CanaryStep.model_validate({**data, "t": event.t, "share": event.share})


def _plan(scenario: Scenario, release: str) -> Mapping[str, Any]:
    """Return the false-abort rate, the bake time in seconds and the watched shares of the release's canary."""
    for entry in scenario.timeline:
        spec = entry.document()
        strategy = spec.get("strategy") if isinstance(spec, Mapping) else None
        if entry.action == "deploy" and spec.get("release") == release and isinstance(strategy, Mapping):
            canary = strategy.get("canary") or {}
            rate = (canary.get("analysis") or {}).get("falseAbort", "1%")
            shares = [share for share in map(ratio, canary.get("steps", ())) if share < 1]
            return {"false_abort": ratio(rate), "bake": seconds(canary.get("bake", "5s")), "shares": shares}
    return {"false_abort": None, "bake": 0.0, "shares": []}


def _limits(run: Run, change: RecordedChange, plan: Mapping[str, Any], steps: int) -> Iterator[CanaryLimit]:
    """Yield the limit for each defect: the best detector with the same budget of false aborts."""
    rate = _rate(run, change)
    if rate <= 0 or not plan["shares"]:
        return
    streams = max(1, sum(slo.sli != "latency" for slo in run.scenario.slos))
    quiet = 2 * plan["bake"] * steps / plan["false_abort"]
    normal = min((1 - slo.objective) / 5 for slo in run.scenario.slos)
    for defect in DEFECTS:
        share = plan["shares"][0]
        delay = limit(normal, defect, rate * share, quiet, streams=streams, since="change")
        if np.isfinite(delay):
            requests = delay * rate * share
            yield CanaryLimit(defect=defect, requests=requests, percent_seconds=100 * delay * share)


def _rate(run: Run, change: RecordedChange) -> float:
    """Return the requests per second that involve the service, before the change."""
    since, records = run.steady_from, run.samples.records
    if since is None or change.t <= since:
        return 0.0
    before = (records["planned"] >= since) & (records["planned"] < change.t)
    service = change.started.service
    involved = np.array(
        [any(service_of(name) == service for name in names.split()) for names in run.samples.releases]
        or [False]
    )
    return float(involved[np.asarray(records["release"])[before]].sum()) / (change.t - since)


def _users(
    run: Run, change: RecordedChange, steps: Sequence[CanaryStep], until: float
) -> tuple[int | None, float | None]:
    """Return the canary's users who were hurt, and how many it would have been of all, by the shares of the steps."""
    if not steps:
        return None, None
    records = run.samples.records
    sent = np.asarray(records["attempts"] != 0) | np.asarray(records["status"] != 0)
    part = records[sent]
    bad = kinds(run.scenario.slos, run.samples, part) != GOOD
    users, planned = np.asarray(part["user"])[bad], np.asarray(part["planned"])[bad]
    ends = [*(step.t for step in steps[1:]), until]
    total, at_once = set[int](), 0.0
    for step, end in zip(steps, ends, strict=True):
        here = set(users[(planned >= step.t) & (planned < end)].tolist())
        hurt = {user for user in here if _drawn(user, change.started.release) < round(step.share * 10_000)}
        at_once = max(at_once, len(hurt) / step.share)
        total |= hurt
    return len(total), at_once


def _drawn(user: int, release: str) -> int:
    """Return the number by which the services choose a canary's users (`storefront.canary.drawn`)."""
    return zlib.crc32(f"{release}:{user}".encode()) % 10_000
