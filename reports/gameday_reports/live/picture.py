"""Picture of a run at a moment: journal and samples folded together, fed live or from the run's folder."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gameday.recording.event import Event
from gameday.recording.journal_events import JournalEvent, from_event
from gameday.recording.samples import RECORD, Samples, ShardReader, names_path, read_names
from gameday.scenario.scenario_model import Slo
from gameday_reports.live.journal_fold import JournalFold
from gameday_reports.live.request_fold import RequestFold
from gameday_reports.live.system_layout import SystemLayout

TABLES = ("journey", "step", "region", "release", "primary")


class Picture:
    """What is known of a run up to `now`, in seconds since its start. Not thread-safe."""

    def __init__(self, layout: SystemLayout, slos: Sequence[Slo]) -> None:
        self.layout = layout
        self.slos = tuple(slos)
        self.journal = JournalFold()
        self.requests = RequestFold(self.slos)
        self.now = 0.0
        self.drawn: dict[bool, Mapping[str, Any]] = {}
        """Charts of this moment, with the faults and without, so that roles share them."""

    def advance(self, until: float, events: Iterable[JournalEvent], samples: Samples | None) -> None:
        """Take the events up to `until` and the samples recorded so far, and go on to that moment."""
        before, count = self.requests.now, 0
        for event in events:
            self.journal.take(event)
            count += 1
        self.requests.steady_since = self.journal.steady_since
        if samples is not None:
            self.requests.add(samples)
        self.requests.advance(until)
        self.now = max(self.now, until)
        if count or self.requests.now != before:
            self.drawn.clear()


class SampleFollower:
    """Follows every shard of a folder while it is written. Names keep their numbers from call to call."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._readers: dict[Path, ShardReader] = {}
        self._tables: dict[str, dict[str, int]] = {table: {} for table in TABLES}

    def new(self) -> Samples | None:
        """Return the records committed since the last call; None if there is no shard yet."""
        for path in sorted(self._folder.glob("*.shard")):
            if path not in self._readers and names_path(path).is_file():
                self._readers[path] = ShardReader(path)
        if not self._readers:
            return None
        parts = [self._renumbered(path, reader) for path, reader in self._readers.items()]
        records = np.concatenate(parts) if parts else np.empty(0, RECORD)
        return Samples(records, *(tuple(self._tables[table]) for table in TABLES))

    def _renumbered(self, path: Path, reader: ShardReader) -> np.ndarray[tuple[int], np.dtype[np.void]]:
        records = reader.new()
        if len(records):
            for table, names in read_names(path).tables.items():
                known = self._tables[table]
                numbers = np.array([known.setdefault(name, len(known)) for name in names] or [0])
                records[table] = numbers[records[table]]
        return records


class RecordedRun:
    """A run's folder as a film: the picture of any moment, forwards cheaply, backwards by starting over."""

    def __init__(
        self, layout: SystemLayout, slos: Sequence[Slo], events: Sequence[Event], samples: Samples
    ) -> None:
        self._layout, self._slos = layout, slos
        self._events = [event for event in map(from_event, events) if isinstance(event, JournalEvent)]
        self._times = list(itertools.accumulate((event.t for event in self._events), max))
        self._samples = samples.part(np.asarray(samples.records))
        self.length = self._times[-1] if self._times else 0.0
        self._taken = 0
        self._restart()

    def at(self, t: float) -> Picture:
        """Return the picture at `t`, which is valid until the next call."""
        if t < self.picture.now:
            self._restart()
        upto = bisect.bisect_right(self._times, t)
        events = self._events[self._taken : max(upto, self._taken)]
        self._taken = max(upto, self._taken)
        # Events before the samples: the budget counts requests planned since the steady state began.
        self.picture.advance(t, events, None)
        return self.picture

    def _restart(self) -> None:
        self.picture = Picture(self._layout, self._slos)
        self.picture.requests.add(self._samples)
        self._taken = 0
