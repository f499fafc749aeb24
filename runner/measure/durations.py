"""The clocks' differences, each with the state that says how far it may be trusted, and who ended the outage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from runner.journal import Event
from runner.measure.clocks import Analysis
from runner.measure.run import Run
from runner.scenario.units import seconds

State = Literal["measured", "censored", "no_effect", "not_measured"]
EndedBy = Literal["responder", "system", "schedule", "cleanup"]
NAMES = ("ttd", "ttd_from_inject", "tta", "ttr", "ttfr")


@dataclass(frozen=True)
class Duration:
    """`seconds` where measured. Where censored it still went on at `censored_at`, seconds since the run's start."""

    state: State
    seconds: float | None = None
    censored_at: float | None = None


def durations(analysis: Analysis) -> dict[str, Duration]:
    """Every duration by its name."""
    clocks, run = analysis.clocks, analysis.run
    if clocks.effect is None:
        absent = Duration("no_effect" if analysis.unhurt else "not_measured")
        return dict.fromkeys(NAMES, absent)
    unseen_until = analysis.until if clocks.act is None else min(clocks.act, analysis.until)
    return {
        "ttd": _between(clocks.effect, clocks.detect, unseen_until),
        "ttd_from_inject": _between(clocks.inject, clocks.detect, unseen_until),
        "tta": _between(clocks.detect, clocks.ack, max(analysis.until, clocks.detect or 0.0)),
        "ttr": _recovery(analysis),
        "ttfr": _between(clocks.effect, clocks.restored, run.end),
    }


def ended_by(analysis: Analysis) -> tuple[EndedBy | None, float | None]:
    """(who ended the outage, when that was done); (None, None) where it didn't end.

    One that still went on when an abort condition ended the run was ended by the clean-up, there and then.
    An operation that was right did it. One of which that isn't known did it unless a later revert explains it as well.
    A revert explains the end of an outage that it came in; what broke anew when a region returned ended by itself.
    """
    recovered, act, stopped = analysis.clocks.recovered, analysis.act, analysis.run.stopped
    if recovered is None:
        return ("cleanup", stopped.t) if stopped and analysis.outages else (None, None)
    began = analysis.outages[-1].effect
    if act is not None and act.right:
        return "responder", act.t
    deeds: list[tuple[float, EndedBy]] = [(act.t, "responder")] if act is not None else []
    for event in analysis.run.all("fault.reverted"):
        by, t = event.data.get("by"), _revert_began(analysis.run, event)
        if by in ("schedule", "cleanup") and began <= t <= recovered:
            deeds.append((t, by))
    if not deeds:
        return "system", None
    t, who = max(deeds)
    return who, t


def _revert_began(run: Run, reverted: Event) -> float:
    """`fault.reverted` comes when the system is whole again; what the timeline takes back it begins to after `for`."""
    intended = run.first("fault.intended", reverted.subject)
    entry = intended.data.get("entry") if intended else None
    if (
        intended is None
        or reverted.data.get("by") != "schedule"
        or entry is None
        or entry >= len(run.scenario.timeline)
    ):
        return reverted.t
    spec = run.scenario.timeline[entry].spec
    lasts = spec.get("for") if isinstance(spec, Mapping) else None
    return reverted.t if lasts is None else min(reverted.t, intended.t + seconds(lasts))


def as_keys(found: dict[str, Duration]) -> dict[str, Any]:
    """The outcome's flat keys: `ttd_s`, `ttd_state`, `ttd_censored_at`, …"""
    keys: dict[str, Any] = {}
    for name, duration in found.items():
        keys[f"{name}_s"] = duration.seconds
        keys[f"{name}_state"] = duration.state
        keys[f"{name}_censored_at"] = duration.censored_at
    return keys


def _between(begin: float | None, end: float | None, until: float) -> Duration:
    if begin is None:
        return Duration("not_measured")
    if end is None:
        return Duration("censored", None, until)
    return Duration("measured", end - begin)


def _recovery(analysis: Analysis) -> Duration:
    clocks = analysis.clocks
    who, when = ended_by(analysis)
    if who in ("schedule", "cleanup") and not analysis.run.scenario.allow_scheduled:
        return Duration("censored", None, when)
    return _between(clocks.effect, clocks.recovered, analysis.run.end)
