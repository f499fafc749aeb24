"""Alerts of a team's own monitoring during a run: an inbox, a thread for each poll, and one that traces alerts."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Protocol

from gameday.ports import OutsideAlert, PortError, TooManyAlerts
from gameday.recording.clock import RunClock
from gameday.recording.journal import Journal
from gameday.scenario.scenario_model import Detection
from gameday.telemetry.metrics_scrape import Address
from gameday.telemetry.outside.alert_trace import trace
from gameday.telemetry.outside.inbox import Inbox
from gameday.telemetry.outside.json_api import NoAnswer, fetch

STOP_S = 15.0
MOST_TRACED = 20
"""Alerts of a run that are traced."""
MOST_POLLED = 256 * 1024

Sources = tuple[str | None, str | None]


class Monitoring(Protocol):
    """A Prometheus with an Alertmanager that the run starts itself."""

    def start(self, addresses: Callable[[], Mapping[str, Address]]) -> Sources:
        """Start both; return their addresses. Raise PortError."""
        ...

    def stop(self) -> None: ...


class OutsideAlerts:
    """Implements `watch.Outside`. `inbox` is shared with the webhook; `monitoring` is None if a team's own runs already."""

    def __init__(
        self, inbox: Inbox, clock: RunClock, journal: Journal, monitoring: Monitoring | None = None
    ) -> None:
        self._inbox = inbox
        self._clock = clock
        self._journal = journal
        self._monitoring = monitoring
        self._started: Sources = (None, None)
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []
        self._to_trace: queue.SimpleQueue[tuple[str, str, OutsideAlert] | None] = queue.SimpleQueue()
        self._traced = 0

    def start(self, addresses: Callable[[], Mapping[str, Address]]) -> None:
        """Start the monitoring, if it is the run's own, and the threads. Raise PortError."""
        if self._monitoring is not None:
            self._started = self._monitoring.start(addresses)
        for name, (_, fold) in self._inbox.detectors.items():
            if fold.poll is not None:
                self._thread(f"poll of {name}", partial(self._poll, name, *fold.poll))
        if self._inbox.detectors:
            self._thread("alert trace", self._trace)

    def stop(self) -> None:
        """End polls, traces and the monitoring; alerts that came are traced before."""
        self._ended.set()
        self._to_trace.put(None)
        for thread in self._threads:
            thread.join(STOP_S)
        if self._monitoring is not None:
            self._monitoring.stop()

    def folded(self) -> Iterator[tuple[Detection, OutsideAlert]]:
        return self._inbox.folded()

    def carry_over(self, since: float) -> Iterator[tuple[Detection, OutsideAlert]]:
        return self._inbox.carry_over(since)

    def raised(self, alert: str, detection: Detection, about: OutsideAlert) -> None:
        """Trace an alert that was raised under this id, in the background."""
        self._traced += 1
        if self._traced <= MOST_TRACED:
            self._to_trace.put((alert, detection.detector, about))

    def _thread(self, name: str, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _wall(self) -> float:
        """Return the time of this machine's clock as the run counts it, in epoch seconds."""
        return self._clock.started.timestamp() + self._clock.now()

    def _trace(self) -> None:
        while (item := self._to_trace.get()) is not None:
            alert, detector, about = item
            _, fold = self._inbox.detectors[detector]
            named = fold.sources
            sources = (named[0] or self._started[0], named[1] or self._started[1])
            poll_s = fold.poll[1] if fold.poll else None
            traced = trace(
                alert, about.name, about.labels, about.t, about.starts_at, sources, self._wall, poll_s
            )
            self._journal.append(traced.at(self._clock.now()))

    def _poll(self, name: str, url: str, every: float) -> None:
        """Deliver each answer that differs from the one before."""
        before = b""
        while not self._ended.is_set():
            due = self._clock.now() + every
            try:
                body = fetch(url, MOST_POLLED)
                if body != before:
                    self._inbox.deliver(name, body, via="poll")
                before = body
            except (NoAnswer, TooManyAlerts, PortError) as error:
                self._inbox.refuse(name, str(error))
            except ValueError:
                before = b""  # the inbox has journalled it
            self._ended.wait(max(0.0, due - self._clock.now()))
