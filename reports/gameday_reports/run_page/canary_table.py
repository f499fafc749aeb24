"""Canaries of a run: how each ended, its steps, and the smallest share and time that can see a defect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gameday.analysis.model.evidence_models import CanaryResult, CanaryStep
from gameday_reports.run_page.run_data import Run
from gameday_reports.text.formatting import count, percent, seconds

STATES = {"no-data": "no data", None: "ended before a verdict"}


@dataclass(frozen=True)
class Canary:
    """One canary in words."""

    title: str
    sentences: Sequence[str]
    steps: Sequence[Mapping[str, str]]
    limits: Sequence[Mapping[str, str]]


def canaries(run: Run) -> list[Canary]:
    """Return the canaries in order of their changes; empty if the run had none."""
    return [
        Canary(
            f"Canary of {canary.release or canary.change}",
            [*_end(canary), *_users(canary)],
            [_step(step) for step in canary.steps],
            [
                {
                    "defect": percent(limit.defect),
                    "requests": f"{limit.requests:.3g}",
                    "share": f"{limit.percent_seconds:.3g} % · s",
                    "at_first": _at_first(canary, limit.percent_seconds),
                }
                for limit in canary.limits
            ],
        )
        for canary in run.outcome.canaries
    ]


def _end(canary: CanaryResult) -> list[str]:
    how = (
        f"{canary.result} at {seconds(canary.ended)}"
        if canary.result
        else "still in progress at the run's end"
    )
    by, why = f" by {canary.by}" if canary.by else "", f": {canary.why}" if canary.why else ""
    sentences = [f"The canary was {how}{by}{why}." if canary.result else f"The canary was {how}."]
    if canary.pauses:
        sentences.append(f"It paused: {'; '.join(canary.pauses)}.")
    if canary.false_abort is not None:
        sentences.append(f"A good release is aborted in at most {percent(canary.false_abort)} of canaries.")
    return sentences


def _users(canary: CanaryResult) -> list[str]:
    if not canary.users or canary.users_at_once is None:
        return []
    return [
        f"{count(canary.users)} of its users were hurt; shipped to all at once, in as long a time, it would have been "
        f"about {count(round(canary.users_at_once))}."
    ]


def _step(step: CanaryStep) -> Mapping[str, str]:
    return {
        "t": seconds(step.t),
        "share": percent(step.share),
        "state": STATES.get(step.state, step.state or ""),
        "canary": f"{count(step.bad)} of {count(step.requests)}",
        "rest": f"{count(step.rest_bad)} of {count(step.rest_requests)}",
        "slower": "not compared" if step.slower is None else f"{100 * step.slower:+.0f} %",
    }


def _at_first(canary: CanaryResult, percent_seconds: float) -> str:
    """Return how long the first step would have to last to find the defect, on the mean."""
    return seconds(percent_seconds / (100 * canary.steps[0].share)) if canary.steps else ""
