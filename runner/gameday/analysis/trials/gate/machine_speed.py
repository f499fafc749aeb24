"""Speed of the machine: a fixed probe in each trial, and what the runs themselves say of older versions.

The probe is a piece of work that never changes (`gameday.host.machine_probe`), timed just before each run. The ratio of the
two sides' probes, with its interval, says by how much new's machine is slower. How far that slows a roll-back isn't known,
since waiting takes as long on any machine: a judgement has to hold whether it slows it fully or not at all.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

import numpy as np

from gameday.analysis.evidence.journal_reader import read_events
from gameday.analysis.model.baseline_model import Baseline, MachineComparison, MachineSpeed
from gameday.analysis.model.outcome_model import Outcome
from gameday.analysis.model.suite_model import Suite
from gameday.analysis.trials.gate.outage_phases import TrialTimes
from gameday.analysis.trials.statistics import hodges_lehmann
from gameday.analysis.trials.suite_result import SPEEDS, middle
from gameday.recording.journal_events import LoadStarted, PhaseStarted
from gameday.recording.journal_index import JournalIndex
from gameday.recording.samples import ErrorKind, read_samples

OFF = 0.2
PROBE = "probe_s"
SPEED_NAMES = {
    "probe_s": "a fixed piece of work",
    "start_s": "starting the load",
    "base_p50_s": "a page in steady state",
    "lag_p95_s": "lag of the data (p95)",
}


def slowdown(
    base: Mapping[str, Sequence[TrialTimes]], new: Mapping[str, Sequence[TrialTimes]]
) -> tuple[float, float] | None:
    """Return by which factor new's machine is slower, from … to, at 95 %; None unless both sides have probes.

    The interval is that of the rank test on the logarithms, or all that was seen if there are too few trials.
    """
    logs = [
        [math.log(trial.probe) for name in base.keys() & new.keys() for trial in side[name] if trial.probe]
        for side in (base, new)
    ]
    if not all(logs):
        return None
    shift = hodges_lehmann(logs[0], logs[1])
    if shift.interval is None:
        return math.exp(min(logs[1]) - max(logs[0])), math.exp(max(logs[1]) - min(logs[0]))
    return math.exp(shift.interval.low), math.exp(shift.interval.high)


def machine_speed(folder: Path, outcome: Outcome) -> MachineSpeed:
    """Return how fast the machine was, by a run's folder. Raise ValueError or OSError if a file can't be read."""
    journal = JournalIndex(read_events(folder / "journal.jsonl"))
    phases = {event.phase: event.t for event in journal.of(PhaseStarted)}
    loaded = journal.first(LoadStarted)
    warm, steady, fault = (phases.get(name) for name in ("warm", "steady", "fault"))
    start = loaded.t - warm if loaded is not None and warm is not None else None
    base = (
        _median_answer(folder / "samples", steady, fault)
        if steady is not None and fault is not None
        else None
    )
    return MachineSpeed(
        probe_s=outcome.run.probe_s, start_s=start, base_p50_s=base, lag_p95_s=outcome.lag_p95_s
    )


def _median_answer(samples: Path, since: float, until: float) -> float | None:
    records = read_samples(samples).records
    good = (records["planned"] >= since) & (records["planned"] < until) & (records["error"] == ErrorKind.NONE)
    taken = (records["end"] - records["planned"])[good]
    return float(np.median(taken)) if len(taken) else None


def against(
    suite: Suite, base: Baseline, slower: tuple[float, float] | None
) -> tuple[MachineComparison, ...]:
    """Compare each quantity of machine speed.

    The ratio is the median over the common scenarios, since one slower scenario says nothing about the machine. If the
    probe was recorded on both sides, it alone decides, and no quantity is off.
    """
    shared = [scenario for scenario in suite.scenarios if scenario.scenario in base.scenarios]
    compared = []
    for key in SPEEDS:
        pairs = [
            (then, now)
            for scenario in shared
            if (then := getattr(base.scenarios[scenario.scenario].machine, key))
            and (now := getattr(scenario.machine, key))
        ]
        ratio = round(median(now / then for then, now in pairs), 4) if pairs else None
        compared.append(
            MachineComparison(
                quantity=key,
                name=SPEED_NAMES[key],
                base=middle(then for then, _ in pairs),
                new=middle(now for _, now in pairs),
                ratio=ratio,
                off=slower is None and key != PROBE and (ratio is None or abs(ratio - 1) > OFF),
            )
        )
    return tuple(compared)


def why_off(
    machine: Sequence[MachineComparison], suite: Suite, base: Baseline, *, probed: bool
) -> Iterator[str]:
    """Yield why this isn't the baseline's machine; nothing if it is, or if there is nothing to compare."""
    if suite.crowded:
        yield f"not judged, for {suite.crowded}; run it again without --crowded"
        return
    if not any(scenario.scenario in base.scenarios and scenario.n for scenario in suite.scenarios):
        return
    if base.substrate != suite.substrate:
        yield f"not judged, for it was made on {base.substrate}, this suite on {suite.substrate}"
    then, now = base.at_once or 1, suite.at_once or 1
    if then != now:
        yield f"not judged, for it was made with --at-once {then}, this suite with --at-once {now}"
    if probed:
        return
    unknown = [quantity.name for quantity in machine if quantity.ratio is None and quantity.quantity != PROBE]
    if unknown:
        yield f"not judged, for the machine it was made on can't be told: {', '.join(unknown)} isn't known of both"
    apart = [quantity for quantity in machine if quantity.off and quantity.ratio is not None]
    if apart:
        changed = "; ".join(
            f"{quantity.name} takes {_ms(quantity.new)}, not {_ms(quantity.base)}" for quantity in apart
        )
        yield f"not judged, for this machine is over {OFF:.0%} faster or slower than the one it was made on: {changed}"


def _ms(seconds: float | None) -> str:
    return f"{(seconds or 0.0) * 1000:.1f} ms"
