"""Hand-made calibration folders: evenly planned pages, outages at given times, clocks that may slip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gameday.recording.journal import Event
from gameday.recording.samples import ErrorKind, ShardWriter
from tests.support.journals import write_journal

STEP = 0.02
BEGIN, QUIET_UNTIL = 1.0, 8.0
TRUTHS = ((10.005, 11.515), (14.105, 15.315), (18.405, 20.015))
END = 23.0
HOST = "Linux 6 on x86_64, 2 cores, Python 3.11.0"


@dataclass(frozen=True)
class Slips:
    """Seconds by which a clock is ahead: that of the load, or that of the watch."""

    load: float = 0.0
    watch: float = 0.0


def make(folder: Path, truths: Sequence[tuple[float, float]] = TRUTHS, slips: Slips = Slips()) -> Path:
    """Write a calibration with a page every 20 ms that takes 5 ms; each outage is detected 100 ms
    after its cut."""
    (folder / "samples").mkdir(parents=True)
    _write_samples(folder / "samples" / "0.shard", truths, slips.load)
    _write_journal(folder / "journal.jsonl", truths, slips.watch)
    return folder


def _write_samples(path: Path, truths: Sequence[tuple[float, float]], slip: float) -> None:
    writer = ShardWriter(path)
    names = [writer.intern(table, name) for table, name in (("release", "stub-1.0.0"), ("journey", "browse"))]
    step, region = writer.intern("step", "product"), writer.intern("region", "bench")
    for i in range(round((END - BEGIN) / STEP)):
        t = BEGIN + i * STEP
        cut = any(begin <= t < end for begin, end in truths)
        error, status, correct = (ErrorKind.CONNECTION, 0, 2) if cut else (ErrorKind.NONE, 200, 1)
        stamps = (t + slip, t + slip + 0.001, t + slip + 0.005)
        writer.append(*stamps, 1, 0, -1, names[0], status, names[1], step, region, error, correct)
    writer.close()


def _write_journal(path: Path, truths: Sequence[tuple[float, float]], slip: float) -> None:
    about = {
        "substrate": "process",
        "why": "asked for",
        "seed": 1,
        "rate": 50.0,
        "started": "2026-01-01T00:00:00+00:00",
    }
    events = [
        Event(0.0, "run.started", "calibration-x", {**about, "version": "0.1.0", "host": HOST}),
        Event(0.9, "load.started", "", {"planned_rate": 50.0, "start_s": 0.8}),
        Event(QUIET_UNTIL, "steady", "", {"met": True, "since": 3.0, "until": QUIET_UNTIL}),
    ]
    for number, (cut, restored) in enumerate(truths, 1):
        page = {"detector": "cusum", "pages": True, "slo": "pages"}
        events += [
            Event(cut - 0.002, "fault.intended", f"f{number}", {"kind": "cut"}),
            Event(cut, "fault.injected", f"f{number}"),
            Event(cut + 0.1 + slip, "alert.raised", f"a{number}", page),
            Event(restored, "fault.reverted", f"f{number}", {"by": "schedule"}),
        ]
    events += [Event(END, "phase", "down"), Event(END + 0.2, "lag", "", {"p95_s": 0.019, "n": 900})]
    write_journal(path, events)
