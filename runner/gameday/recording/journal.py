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
    fault.injected, fault.failed {why}, fault.reverted {by, ordered}
    change.started     subject change id    {service, release, previous, kind, summary, strategy, by, author, ai,
                                             approvals, reversible, rollback_of}
    change.replaced    subject change id    {instance, release};  change.done {cancelled}
    change.failed      subject change id    {why}, and {refused, status} where the system itself said no
    alert.raised       subject alert id     {detector, side, pages, slo, region, journey, summary}
    page.delivered, alert.resolved
    ack                subject alert id     {by}
    operation.intended subject operation id {name, target, by, change};  operation.done {change}, operation.failed {why}
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

import errno
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
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
    """Appends events; safe from any thread. `durable=True` returns only once the line is on disk, else raises OSError.

    A line for which the disk has no room is kept, and written with the next one that finds some: taking a run down
    makes room. `trouble` is why that was so, None where it never was. `listener` is told of every event, whoever
    appends it: the screen. `encode` makes of each line what is written.
    """

    def __init__(
        self,
        path: Path,
        listener: Callable[[Event], None] | None = None,
        encode: Callable[[str], str] = lambda line: line,
    ) -> None:
        self.path = path
        self.trouble: OSError | None = None
        self._listener = listener
        self._encode = encode
        self._lock = threading.Lock()
        self._waiting = b""
        self._file = path.open("ab", buffering=0)

    def append(self, event: Event, *, durable: bool = False) -> Event:
        with self._lock:
            self._waiting += f"{self._encode(event.line())}\n".encode()
            try:
                self._write(durable)
            except OSError as error:
                self.trouble = self.trouble or error
                if durable:
                    raise
        if self._listener is not None:
            with suppress(OSError):  # a screen that is gone keeps nothing from being done
                self._listener(event)
        return event

    def close(self) -> None:
        """Raises OSError where lines are still waiting for room."""
        with self._lock:
            try:
                if not self._file.closed:
                    self._write(False)
            finally:
                self._file.close()

    def _write(self, durable: bool) -> None:
        """Whole lines, or none of them."""
        size = os.fstat(self._file.fileno()).st_size
        try:
            if self._waiting and self._file.write(self._waiting) < len(self._waiting):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if durable:
                os.fsync(self._file.fileno())
        except OSError as error:
            os.ftruncate(self._file.fileno(), size)
            raise OSError(error.errno, error.strerror, str(self.path)) from error
        self._waiting = b""


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
