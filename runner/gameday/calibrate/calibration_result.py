"""Result of a calibration, computed from its folder alone: `calibration.json` ("gameday/calibration/v1").

It reads only journal and samples, so it can be computed again. A reliable result is kept for later runs on this machine,
one for each substrate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, astuple
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from gameday.calibrate.bench import SLO
from gameday.calibrate.deviations import Measured, Truth, apart, beyond, measured, spread
from gameday.recording import atomic_file
from gameday.recording.journal import read_journal
from gameday.recording.journal_events import (
    AlertRaised,
    FaultInjected,
    FaultReverted,
    JournalEvent,
    LagMeasured,
    LoadStarted,
    PhaseStarted,
    RunStarted,
    SteadyStateJudged,
)
from gameday.recording.journal_index import JournalIndex
from gameday.recording.samples import Samples, read_samples
from gameday.slo import course, select

E = TypeVar("E", bound=JournalEvent)
SCHEMA = "gameday/calibration/v1"
FILE = "calibration.json"
LEAST = 60
"""From 59 outages on the greatest error bounds the 95th percentile with 95 % confidence; smaller results aren't kept."""
TARGET_S = 0.1
SKEW_S = 0.05
"""A median error larger than this, beyond the spacing of requests, isn't explained by stalls: two clocks differ."""
DIGITS = 6


def read_findings(folder: Path) -> dict[str, Any]:
    """Compute the content of calibration.json. Raise ValueError if the folder doesn't hold a whole calibration."""
    journal = JournalIndex(read_journal(folder / "journal.jsonl"))
    samples = read_samples(folder / "samples")
    started = _first(journal, RunStarted)
    begin, end = _first(journal, SteadyStateJudged).since, _first(journal, PhaseStarted).t
    truths = _truths(journal)
    outages = course(SLO, samples, begin, end).outages
    pages = [alert.t for alert in journal.of(AlertRaised) if alert.pages]
    item = measured(truths, outages, pages, SLO, samples)
    about = {
        key: getattr(started, key)
        for key in ("substrate", "why", "started", "version", "host", "seed", "rate")
    }
    content = {
        "schema": SCHEMA,
        "id": started.run,
        **about,
        "n": len(item),
        "measured": sum(one.effect is not None and one.recovered is not None for one in item),
        "detected": sum(one.detect is not None for one in item),
        "spurious": len(outages) - sum(one.effect is not None for one in item),
        "false_alarms": len(pages) - sum(one.detect is not None for one in item),
        **_errors(item),
        "start_s": _first(journal, LoadStarted).start_s,
        **_ground(samples, begin, truths),
        "lag_p95_s": _first(journal, LagMeasured).p95_s,
        "outages": [_row(one) for one in item],
    }
    return _rounded(content)  # type: ignore[no-any-return]


def problems(result: Mapping[str, Any]) -> list[str]:
    """Return why a calibration isn't reliable, nothing if it is."""
    n, reasons = result["n"], []
    if result["measured"] < n:
        reasons.append(f"{n - result['measured']} of {n} outages weren't measured as one")
    if result["detected"] < n:
        reasons.append(f"{n - result['detected']} of {n} outages weren't detected")
    if result["spurious"]:
        reasons.append(f"{result['spurious']} outages were measured where there was none")
    for clock, spread_of in result["beyond_spacing_s"].items():
        bias = spread_of["bias"] if spread_of else 0.0
        if abs(bias) > SKEW_S:
            how = "late" if bias > 0 else "early"
            reasons.append(f"`{clock}` is {abs(bias) * 1000:.0f} ms {how} on the median: two clocks differ")
    return reasons


def coarse(result: Mapping[str, Any]) -> list[str]:
    """Return the errors beyond the target: they are correct, but larger than on a quiet machine."""
    return [
        f"p95 error of `{clock}` is {result['error_s'][clock]['p95'] * 1000:.0f} ms; {TARGET_S * 1000:.0f} ms is the aim"
        for clock in ("effect", "recovered")
        if result["error_s"][clock] and result["error_s"][clock]["p95"] > TARGET_S
    ]


def write(folder: Path, result: Mapping[str, Any]) -> Path:
    """Write calibration.json into the calibration's folder; return its path. Raise OSError."""
    atomic_file.write_json(folder / FILE, result)
    return folder / FILE


def keep(state: Path, result: Mapping[str, Any]) -> Path | None:
    """Keep the result for later runs and return its path; None if it has too few outages or isn't reliable."""
    if result["n"] < LEAST or problems(result):
        return None
    state.mkdir(parents=True, exist_ok=True)
    path = state / f"calibration-{result['substrate']}.json"
    atomic_file.write_json(path, result)
    return path


def _first(journal: JournalIndex, type_: type[E]) -> E:
    """Return the first event of a type. Raise ValueError if there is none."""
    event = journal.first(type_)
    if event is None:
        raise ValueError(f"the journal has no {type_.KIND}: the calibration didn't come to its end")
    return event


def _truths(journal: JournalIndex) -> list[Truth]:
    restored = {event.fault: event.t for event in journal.of(FaultReverted)}
    return [Truth(cut.t, restored[cut.fault]) for cut in journal.of(FaultInjected) if cut.fault in restored]


def _errors(item: Sequence[Measured]) -> dict[str, Any]:
    """Return the errors: `error_s` against the true times, `beyond_spacing_s` what a denser load wouldn't reduce."""
    cut = [one.truth.cut for one in item]
    restored = [one.truth.restored for one in item]
    effect, recovered = [one.effect for one in item], [one.recovered for one in item]
    after_cut, after_restored = [one.next_cut for one in item], [one.next_restored for one in item]
    return {
        "error_s": {
            "effect": _spread(apart, effect, cut),
            "recovered": _spread(apart, recovered, restored),
            "detection_lag": _spread(apart, [one.detect for one in item], cut),
        },
        "spacing_s": {
            "effect": _spread(apart, after_cut, cut),
            "recovered": _spread(apart, after_restored, restored),
        },
        "beyond_spacing_s": {
            "effect": _spread(beyond, effect, [one.last_cut for one in item], after_cut),
            "recovered": _spread(beyond, recovered, [one.last_restored for one in item], after_restored),
        },
        "buckets": {
            "effect": _spread(apart, [one.bucket_effect for one in item], cut),
            "recovered": _spread(apart, [one.bucket_recovered for one in item], restored),
        },
    }


def _spread(error: Callable[..., float | None], *columns: Sequence[float | None]) -> dict[str, float] | None:
    result = spread(map(error, *columns))
    return asdict(result) if result else None


def _ground(samples: Samples, begin: float, truths: Sequence[Truth]) -> dict[str, float | None]:
    """Return how fast the stub answered before the first cut, and how late requests were sent overall."""
    records = samples.records
    counts, good = select(SLO, samples)
    quiet = (
        good & (records["planned"] >= begin) & (records["planned"] < (truths[0].cut if truths else math.inf))
    )
    base = (records["end"] - records["planned"])[quiet]
    late = (records["start"] - records["planned"])[counts]
    return {
        "base_p50_s": float(np.median(base)) if len(base) else None,
        "send_late_p95_s": float(np.percentile(late, 95)) if len(late) else None,
    }


def _row(one: Measured) -> dict[str, float | None]:
    cut, restored = astuple(one.truth)
    row = {
        key: value
        for key, value in asdict(one).items()
        if key != "truth" and not key.startswith(("next", "last"))
    }
    return {"cut": cut, "restored": restored, **row}


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list | tuple) else value


__all__ = ["coarse", "keep", "problems", "read_findings", "write"]
