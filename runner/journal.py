"""The append-only event log of a run: `journal.jsonl`, one JSON object a line.

Together with the samples it is the only hand-over from a run to everything that measures or draws. Kinds:

    run.started        subject run id       {scenario, title, substrate, why, seed, started, version, host, command,
                                             responder, policy}
    phase              subject up|warm|steady|fault|down|done
    instance.ready     subject instance id  {service, region, release}
    instance.stopped, instance.died         {service, region, release, why}
    instance.killed    on purpose, or {why}: because it didn't end when told to
    load.started       {planned_rate};  load.stopped {clean, why};  poll {shard, count}: records seen;  lag {p95_s, n}
    steady             {met, why, since, until}
    fault.intended     subject fault id     {kind, target, entry, change, defect, undo}
    fault.injected, fault.failed {why}, fault.reverted {by}
    change.started     subject change id    {service, release, previous, kind, summary, strategy, by, author, ai,
                                             approvals, reversible, rollback_of}
    change.replaced    subject change id    {instance, release};  change.done, change.failed {why}
    alert.raised       subject alert id     {detector, side, pages, slo, region, journey, summary}
    page.delivered, alert.resolved
    ack                subject alert id     {by}
    operation.intended subject operation id {name, target, by, change};  operation.done, operation.failed {why}
    scrape             subject service      {requests, errors, missing}: running totals of every instance's /metrics
    scrape.failed      {why}
    stream.calibrated  subject SLO          {since, n, errors, p0, rate, streams}
    stream.rearmed     {since}
    stream.silent, stream.resumed           subject SLO {patience_s}
    audit {file, orders, why};  note {text, by}
    run.interrupted {signal};  run.error {where, why};  cleanup {clean, left}
    run.ended          {reason: held|no_effect|give_up|unsteady|interrupted|error}
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Event:
    """One thing that happened, `t` seconds after the run's start."""

    t: float
    kind: str
    subject: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)

    def line(self) -> str:
        record = {"t": round(self.t, 6), "kind": self.kind, "subject": self.subject, "data": dict(self.data)}
        return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


class Journal:
    """Appends events; safe from any thread. `durable=True` returns only once the line is on disk.

    `listener` is told of every event, whoever appends it: the screen.
    """

    def __init__(self, path: Path, listener: Callable[[Event], None] | None = None) -> None:
        self.path = path
        self._listener = listener
        self._lock = threading.Lock()
        self._file = path.open("a", encoding="utf-8")

    def append(self, event: Event, *, durable: bool = False) -> Event:
        line = event.line() + "\n"
        with self._lock:
            self._file.write(line)
            self._file.flush()
            if durable:
                os.fsync(self._file.fileno())
        if self._listener is not None:
            self._listener(event)
        return event

    def close(self) -> None:
        with self._lock:
            self._file.close()


def read_journal(path: Path) -> Iterator[Event]:
    """Every whole line of the journal. A last line cut short by a crash is left out.

    Raises ValueError where anything else can't be read.
    """
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.endswith("\n"):
                return
            try:
                record = json.loads(line)
                if not isinstance(record["data"], dict):
                    raise TypeError("its data isn't a mapping")
                yield Event(float(record["t"]), str(record["kind"]), str(record["subject"]), record["data"])
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise ValueError(f"{path}:{number}: not a journal event: {error}") from error
