"""Replay of recorded runs through any detectors: the alerts that the live watch would have raised, from disk alone.

The journal has the times at which records were read and detectors calibrated and rearmed; the shards have the rest. So
the same detectors raise the same alerts at the same times, and others can be compared on the same stream. The quiet
parts of control runs can be chained to hours. The service side isn't replayed: it has counters, not records. Detectors
are injected.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, groupby
from pathlib import Path

import numpy as np

from gameday.operations import Alert
from gameday.ports import OutsideAlert
from gameday.recording.journal import read_journal
from gameday.recording.journal_events import (
    AlertsCarriedOver,
    AlertsReceived,
    FaultIntended,
    JournalEvent,
    PhaseStarted,
    Poll,
    RequestsOverdue,
    RunError,
    RunInterrupted,
    StreamCalibrated,
    StreamRearmed,
)
from gameday.recording.journal_index import JournalIndex
from gameday.recording.samples import RECORD, Samples
from gameday.scenario import Scenario
from gameday.scenario.scenario_file import read_resolved
from gameday.scenario.scenario_model import Detection
from gameday.telemetry.outcome_stream import (
    MakeDetector,
    Outcome,
    Pending,
    Raised,
    arrived,
    open_streams,
    outcomes,
    outside_alert,
)
from gameday.telemetry.outside.inbox import outside_detectors
from gameday.telemetry.shard_tail import Tail
from gameday.telemetry.watch_steps import (
    Calibration,
    CarryingOver,
    Look,
    Overdue,
    Rearming,
    Received,
    Recording,
    Step,
)

NO_SAMPLES = Samples(np.empty(0, RECORD))


def read_recording(folder: Path) -> Recording:
    """Return the recording in a run's folder.

    Raise OSError, ValueError or gameday.scenario.yaml_document.Invalid if a file is missing or damaged.
    """
    scenario = read_resolved(folder / "scenario.yaml")
    journal = JournalIndex(read_journal(folder / "journal.jsonl"))
    steady = next((event.t for event in journal.of(PhaseStarted) if event.phase == "steady"), None)
    ended = [event.t for event in journal.of(FaultIntended, RunError, RunInterrupted)]
    ended += [event.t for event in journal.of(PhaseStarted) if event.phase == "down"]
    steps = tuple(_Reader(scenario, folder / "samples").steps(journal))
    return Recording(scenario, steps, steady, min(ended, default=None))


def replay(
    recording: Recording, make: MakeDetector, detections: Sequence[Detection] | None = None
) -> list[Alert]:
    """Return the alerts of `detections` (None: the run's own), without those of the warm-up, as in the run."""
    scenario = recording.scenario
    stage = _Stage(scenario, scenario.detectors if detections is None else detections, make)
    alerts = [alert for step in recording.steps for alert in stage.play(step)]
    return [alert for alert in alerts if recording.steady_from is None or alert.t >= recording.steady_from]


def replay_quiet(
    recordings: Sequence[Recording],
    make: MakeDetector,
    seconds: float,
    detections: Sequence[Detection] | None = None,
) -> list[Alert]:
    """Return the alerts on the quiet parts of control runs, chained and repeated for `seconds`.

    A part lasts from the calibration to the first fault or the run's end; the first run's calibration holds for all.
    Times of alerts count from the first part's begin; the detectors are rearmed after each alert. Raise ValueError if a
    run has no quiet part or the runs have different SLOs.
    """
    scenario = recordings[0].scenario
    if any(recording.scenario.slos != scenario.slos for recording in recordings):
        raise ValueError("the runs watch different SLOs")
    stage = _Stage(scenario, scenario.detectors if detections is None else detections, make)
    parts = [_quiet(recording) for recording in recordings]
    for calibration in parts[0].calibrations:
        stage.adopt(calibration)
    stage.rearm(0.0, 0.0)
    alerts: list[Alert] = []
    begin = 0.0
    for part in cycle(parts):
        for look in part.from_(begin):
            if look.t > seconds:
                return alerts
            raised = list(stage.look(look))
            if raised:
                alerts += raised
                stage.rearm(look.t, look.t)
        begin += part.length
    return alerts


@dataclass(frozen=True)
class _Part:
    """The quiet part of one recording, its times shifted to begin at 0."""

    calibrations: tuple[Calibration, ...]
    looks: tuple[Look, ...]
    length: float

    def from_(self, begin: float) -> Iterator[Look]:
        """Yield the looks shifted to begin at `begin`."""
        for look in self.looks:
            yield Look(look.t + begin, tuple(_shifted(seen, begin) for seen in look.seen), look.last)


def _quiet(recording: Recording) -> _Part:
    calibrations = [step for step in recording.steps if isinstance(step, Calibration)]
    if not calibrations:
        raise ValueError("a run that never was in steady state has no quiet part")
    since, until = calibrations[-1].t, recording.quiet_until or recording.steps[-1].t
    looks = [step for step in recording.steps if isinstance(step, Look) and since < step.t < until]
    if not looks:
        raise ValueError("a run has no quiet part: its fault came at once")
    normal = [
        Calibration(0.0, e.slo, e.p0, e.rate, _shifted(e.steady, -since))
        for e in calibrations
        if e.t == since
    ]
    begun = [
        [_shifted([o for o in seen if o.planned >= since], -since) for seen in look.seen] for look in looks
    ]
    shifted = [Look(look.t - since, tuple(seen), look.last) for look, seen in zip(looks, begun, strict=True)]
    return _Part(tuple(normal), tuple(shifted), shifted[-1].t)


def _shifted(seen: Sequence[Outcome], by: float) -> list[Outcome]:
    return [
        Outcome(planned + by, end + by, good, region, journey) for planned, end, good, region, journey in seen
    ]


class _Reader:
    """Converter of the journal's events into steps."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self._slos = scenario.slos
        self._shards = {news.shard: news.samples for news in Tail(sorted(folder.glob("*.shard"))).new()}
        self._counts: dict[str, int] = {}

    def steps(self, journal: JournalIndex) -> Iterator[Step]:
        watched = journal.of(
            *(Poll, StreamCalibrated, StreamRearmed, RequestsOverdue, AlertsReceived, AlertsCarriedOver)
        )
        for _, group in groupby(watched, key=lambda event: (event.KIND, event.t)):
            together = list(group)
            for event in together:
                yield self._step(event, last=event is together[-1])

    def _step(self, event: JournalEvent, *, last: bool) -> Step:
        match event:
            case Poll():
                return self._look(event, last=last)
            case StreamCalibrated():
                return self._calibration(event)
            case StreamRearmed():
                return Rearming(event.t, event.since)
            case RequestsOverdue():
                pairs = zip(event.planned, event.journeys, strict=True)
                return Overdue(event.t, tuple(Pending(planned, journey) for planned, journey in pairs))
            case AlertsReceived():
                return Received(event.t, event.detector, event.body.encode())
            case AlertsCarriedOver():
                return CarryingOver(event.t, event.since)
        raise TypeError(f"{event} is no step of the watch")

    def _look(self, poll: Poll, *, last: bool) -> Look:
        shard, count = poll.shard, poll.count
        samples = self._shards.get(shard, NO_SAMPLES)
        if count > len(samples.records):
            raise ValueError(
                f"the journal counts {count} records of {shard}, which has {len(samples.records)}"
            )
        new = _part(samples, self._counts.get(shard, 0), count)
        self._counts[shard] = count
        return Look(poll.t, tuple(outcomes(slo, new) for slo in self._slos), last)

    def _calibration(self, event: StreamCalibrated) -> Calibration:
        slo = next(slo for slo in self._slos if slo.name == event.slo)
        seen = _joined(
            [_part(samples, 0, self._counts.get(shard, 0)) for shard, samples in self._shards.items()]
        )
        return Calibration(event.t, event.slo, event.p0, event.rate, arrived(slo, seen, event.since))


def _part(samples: Samples, first: int, last: int) -> Samples:
    return Samples(
        samples.records[first:last], samples.journeys, samples.steps, samples.regions, samples.releases
    )


def _joined(parts: Sequence[Samples]) -> Samples:
    """Return the records of all parts; the last part to be read has every name."""
    last = parts[-1] if parts else NO_SAMPLES
    if not parts:
        return last
    records = np.concatenate([part.records for part in parts])
    return Samples(records, last.journeys, last.steps, last.regions, last.releases)


class _Stage:
    """The watch without its clock and journal."""

    def __init__(self, scenario: Scenario, detections: Sequence[Detection], make: MakeDetector) -> None:
        self._streams = open_streams(scenario, detections, make)
        self._outside = outside_detectors(detections)
        self._since = float("-inf")
        self._raised = 0

    def play(self, step: Step) -> Iterator[Alert]:
        match step:
            case Look():
                yield from self.look(step)
            case Calibration():
                self.adopt(step)
            case Rearming():
                self.rearm(step.t, step.since)
            case Overdue():
                self.overdue(step)
            case Received():
                yield from self.received(step)
            case CarryingOver():
                for detection, fold in self._outside.values():
                    yield from self._outside_alerts(detection, fold.carry_over(step.t, step.since))

    def adopt(self, calibration: Calibration) -> None:
        stream = next(stream for stream in self._streams if stream.slo.name == calibration.slo)
        stream.adopt(calibration.p0, calibration.rate, calibration.steady, calibration.t)

    def rearm(self, t: float, since: float) -> None:
        self._since = since
        for stream in self._streams:
            stream.rearm(t)

    def overdue(self, step: Overdue) -> None:
        for stream in self._streams:
            for pending in step.requests:
                stream.overdue(pending)

    def received(self, step: Received) -> Iterator[Alert]:
        if step.detector in self._outside:
            detection, fold = self._outside[step.detector]
            yield from self._outside_alerts(detection, fold.take(step.t, step.body))

    def _outside_alerts(self, detection: Detection, raised: Sequence[OutsideAlert]) -> Iterator[Alert]:
        for about in raised:
            self._raised += 1
            yield outside_alert(f"a{self._raised}", detection, about)

    def look(self, look: Look) -> Iterator[Alert]:
        for stream, seen in zip(self._streams, look.seen, strict=True):
            for outcome in seen:
                if outcome.planned >= self._since:
                    for raised in stream.take(outcome):
                        yield self._alert(look.t, raised)
        for stream in self._streams if look.last else ():
            for raised in stream.wait(look.t):
                yield self._alert(look.t, raised)

    def _alert(self, t: float, raised: Raised) -> Alert:
        self._raised += 1
        detection = raised.detection
        about = (raised.slo, raised.summary, raised.region, raised.journey)
        return Alert(f"a{self._raised}", t, detection.detector, "client", detection.pages, *about)


__all__ = ["Calibration", "Look", "Rearming", "Recording", "read_recording", "replay", "replay_quiet"]
