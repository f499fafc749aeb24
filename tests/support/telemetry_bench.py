"""A watch over a shard that a test writes by hand."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from gameday import detect
from gameday.operations import Alert
from gameday.recording.journal import Event, Journal, read_journal
from gameday.recording.samples import ErrorKind, PendingWriter, ShardWriter
from gameday.scenario import Scenario
from gameday.telemetry.watch import ServiceSide, Watch
from tests.support.fakes import HandClock

OK, STATUS, WRONG, NOT_SENT = ErrorKind.NONE, ErrorKind.STATUS, ErrorKind.WRONG, ErrorKind.NOT_SENT


def scenario(**changes: Any) -> Scenario:
    document: dict[str, Any] = {
        "apiVersion": "gameday/v1",
        "kind": "Scenario",
        "name": "x",
        "title": "x",
        "story": "x",
        "expect": ["ttd < 5s"],
        "slos": [
            {"name": "checkout", "journey": "buy", "sli": "availability", "objective": "99.5%"},
            {"name": "prices", "sli": "correctness", "objective": "99.9%"},
        ],
        "detectors": [
            {"detector": "cusum", "pages": True},
            {"detector": "threshold"},
            {"detector": "scrape"},
        ],
    }
    return Scenario.model_validate(document | changes)


class Bench:
    """A watch, the shard it follows, and the writer of that shard: one request every `gap` seconds."""

    def __init__(self, folder: Path, made: Scenario | None = None, scrape: ServiceSide | None = None) -> None:
        self.folder = folder
        self.clock = HandClock()
        self.journal = Journal(folder / "journal.jsonl")
        (folder / "samples").mkdir()
        self.shard = ShardWriter(folder / "samples" / "load.shard")
        self.pending = PendingWriter(self.shard.path, 256)
        self.scenario = made or scenario()
        self.watch = Watch(self.scenario, detect.make, self.clock, self.journal, scrape)
        self.watch.start([self.shard.path], dict)

    def put(
        self, error: ErrorKind = OK, journey: str = "buy", region: str = "us-east", took: float = 0.02
    ) -> None:
        """Write one request, planned now."""
        self.put_planned(self.clock.t, error, journey, region, took)

    def put_planned(self, t: float, error: ErrorKind, journey: str, region: str, took: float) -> None:
        """Write one request, planned at t."""
        correct = {OK: 1, WRONG: 0}.get(error, 2)
        start, end = (math.nan, math.nan) if error == NOT_SENT else (t, t + took)
        names = (self.shard.intern("journey", journey), self.shard.intern("step", "product"))
        where, release = self.shard.intern("region", region), self.shard.intern("release", "a-1 b-2")
        self.shard.append(t, start, end, 7, 0, -1, release, 0, *names, where, error, correct)

    def run(self, n: int, gap: float = 0.05, **request: Any) -> list[Alert]:
        """Write n requests, and poll after each."""
        alerts: list[Alert] = []
        for _ in range(n):
            self.clock.t += gap
            self.put(**request)
            alerts.extend(self.watch.poll(self.clock.t + request.get("took", 0.02) + 0.01))
        return alerts

    def freeze(self, seconds: float, gap: float = 0.0503, timeout: float = 2.0) -> list[Alert]:
        """Send requests that get no answer, poll every 20 ms, and write those that timed out."""
        alerts: list[Alert] = []
        waiting: list[tuple[float, int | None]] = []
        end, due = self.clock.t + seconds, self.clock.t
        while self.clock.t < end:
            self.clock.t += 0.0200003
            if self.clock.t >= due:
                due += gap
                slot = self.pending.begin(self.clock.t, self.shard.intern("journey", "buy"))
                waiting.append((self.clock.t, slot))
            while waiting and waiting[0][0] + timeout <= self.clock.t:
                planned, slot = waiting.pop(0)
                self.pending.end(slot)
                self.put_planned(planned, ErrorKind.TIMEOUT, "buy", "", timeout)
            alerts.extend(self.watch.poll(self.clock.t))
        return alerts

    def events(self, kind: str) -> list[Event]:
        return [event for event in read_journal(self.journal.path) if event.kind == kind]

    def close(self) -> None:
        self.pending.close()
        self.shard.close()
        self.journal.close()
