"""Inbox of alerts from outside: payloads are stamped when they arrive, and folded when the watch polls.

Payloads are journalled unchanged in the order in which they are folded, so that `replay` raises the same alerts.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from gameday import registries
from gameday.ports import OutsideAlert, OutsideDetector, TooManyAlerts
from gameday.recording.clock import Clock
from gameday.recording.journal import Journal
from gameday.recording.journal_events import AlertsCarriedOver, AlertsReceived, AlertsRefused
from gameday.scenario.scenario_model import Detection

MOST_WAITING = 256
"""Payloads that wait for the watch, at most."""
MOST_BYTES = 16 * 1024 * 1024
"""Payloads that a run keeps, in bytes."""
DIGITS = 6  # of a second: the journal's


class Arrival(NamedTuple):
    """A payload that came at `t`, by `via`: webhook or poll."""

    t: float
    detector: str
    via: str
    body: bytes


def outside_detector(detection: Detection) -> OutsideDetector:
    """Return the detector of alerts from outside that a scenario names. Raise ValidationError if its parameters are wrong."""
    kind = registries.DETECTORS[detection.detector]
    detector: OutsideDetector = kind.make(kind.parameters.model_validate(detection.params or {}))
    return detector


def outside_detectors(detections: Sequence[Detection]) -> dict[str, tuple[Detection, OutsideDetector]]:
    """Return name → (detection, detector) of those that take alerts from outside."""
    return {one.detector: (one, outside_detector(one)) for one in detections if one.side == "outside"}


class Inbox:
    """Takes payloads from any thread; `folded` and `carry_over` are the watch's own."""

    def __init__(self, detections: Sequence[Detection], clock: Clock, journal: Journal) -> None:
        self.detectors: Mapping[str, tuple[Detection, OutsideDetector]] = outside_detectors(detections)
        self._clock = clock
        self._journal = journal
        self._arrivals: queue.Queue[Arrival] = queue.Queue(MOST_WAITING)
        self._bytes = 0
        self._refused: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def deliver(self, detector: str, body: bytes, via: str = "webhook") -> int:
        """Take a payload that has arrived now; return how many alerts it has.

        Raise LookupError if no detector of that name takes alerts from outside, ValueError if the payload is garbage,
        TooManyAlerts if no more are taken.
        """
        t = round(self._clock.now(), DIGITS)
        _, fold = self.detectors[detector]
        try:
            count = fold.check(body)
            text = body.decode("utf-8", "strict")
        except ValueError as error:
            self.refuse(detector, str(error))
            raise
        with self._lock:
            if self._bytes + len(text) > MOST_BYTES:
                raise TooManyAlerts(f"this run has taken {MOST_BYTES} bytes of alerts, and takes no more")
            try:
                self._arrivals.put_nowait(Arrival(t, detector, via, body))
            except queue.Full:
                raise TooManyAlerts("too many alerts at once; try again in a second") from None
            self._bytes += len(text)
        return count

    def refuse(self, detector: str, why: str) -> None:
        """Journal that a payload was refused or a poll failed; only the first of each kind."""
        key = (detector, why[:40])
        with self._lock:
            if key in self._refused or len(self._refused) >= MOST_WAITING:
                return
            self._refused.add(key)
        self._journal.append(AlertsRefused(detector, why=why[:400], t=self._clock.now()))

    def folded(self) -> Iterator[tuple[Detection, OutsideAlert]]:
        """Journal and fold what has arrived; yield the alerts that it raised."""
        for _ in range(MOST_WAITING):
            try:
                arrival = self._arrivals.get_nowait()
            except queue.Empty:
                return
            detection, fold = self.detectors[arrival.detector]
            text = arrival.body.decode("utf-8")
            event = AlertsReceived(arrival.detector, via=arrival.via, body=text, t=arrival.t)
            self._journal.append(event)
            for alert in fold.take(arrival.t, arrival.body):
                yield detection, alert

    def carry_over(self, since: float) -> Iterator[tuple[Detection, OutsideAlert]]:
        """Yield the alerts that have been firing since before `since`, as raised now."""
        now = round(self._clock.now(), DIGITS)
        if self.detectors:
            self._journal.append(AlertsCarriedOver(since=since, t=now))
        for detection, fold in self.detectors.values():
            for alert in fold.carry_over(now, since):
                yield detection, alert
