"""Watches the samples as they are committed, feeds every detector of every SLO, and says what was raised.

Each poll that saw something is journalled with the count it saw, each calibration and rearming too, so the alerts of a
run replay exactly from disk. Detectors are handed in; the folds themselves, and the services' own metrics, are left to
`runner.detect` and `scrape`. Called from one thread.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from runner.clock import Clock
from runner.journal import Event, Journal
from runner.operations import Alert
from runner.ports import PortError
from runner.samples import Records, Samples
from runner.scenario import Scenario
from runner.slo import select
from runner.telemetry.scrape import Address, Found
from runner.telemetry.stream import MakeDetector, Stream
from runner.telemetry.tail import News, Tail

SERVICE_SIDE = "scrape"


class ServiceSide(Protocol):
    """What `scrape.Scrape` is to the watch."""

    def start(self, addresses: Callable[[], Mapping[str, Address]]) -> None: ...

    def stop(self) -> None: ...

    def rearm(self) -> None: ...

    def found(self) -> Iterator[Found]: ...


class Watch:
    """A `Telemetry`.

    `make_detector(detection, slo, p0, rate)` makes a client-side one; `scrape` is the service side.
    """

    def __init__(
        self,
        scenario: Scenario,
        make_detector: MakeDetector,
        clock: Clock,
        journal: Journal,
        scrape: ServiceSide | None = None,
    ) -> None:
        client_side = [one for one in scenario.detectors if one.detector != SERVICE_SIDE]
        self._streams = [Stream(slo, client_side, make_detector, scenario.load) for slo in scenario.slos]
        self._clock = clock
        self._journal = journal
        self._scrape = scrape
        self._tail = Tail(())
        self._since = -math.inf
        self._raised = 0
        self._lags = array("d")

    def start(self, shards: Sequence[Path], addresses: Callable[[], Mapping[str, Address]]) -> None:
        """PortError where a shard can't be read."""
        try:
            self._tail = Tail(shards)
        except (OSError, ValueError) as error:
            raise PortError(f"the samples can't be followed: {error}") from error
        if self._scrape is not None:
            self._scrape.start(addresses)

    def poll(self, now: float) -> Sequence[Alert]:
        alerts: list[Alert] = []
        for news in self._tail.new():
            self._note(now, "poll", "", {"shard": news.shard, "count": news.count})
            self._measure_lag(now, news)
            alerts.extend(self._fold(now, news.samples))
        for stream in self._streams:
            if stream.listen(now):
                kind = "stream.silent" if stream.silent else "stream.resumed"
                self._note(now, kind, stream.slo.name, {"patience_s": round(stream.patience(), 3)})
        alerts.extend(self._scraped(now))
        return alerts

    def calibrate(self, since: float) -> None:
        now, samples = self._clock.now(), self._tail.samples()
        fresh = samples.records["planned"] >= since
        for stream in self._streams:
            counts, good = select(stream.slo, samples)
            n, errors = int((counts & fresh).sum()), int((counts & fresh & ~good).sum())
            stream.calibrate(errors, n, now - since)
            data = {"since": since, "n": n, "errors": errors, "p0": stream.p0, "rate": round(stream.rate, 3)}
            self._note(now, "stream.calibrated", stream.slo.name, data)

    def rearm(self, since: float) -> None:
        self._since = since
        for stream in self._streams:
            stream.rearm()
        if self._scrape is not None:
            self._scrape.rearm()
        self._note(self._clock.now(), "stream.rearmed", "", {"since": since})

    def records(self) -> Records:
        return self.samples().records

    def samples(self) -> Samples:
        """All records so far, sorted by planned time, with their names."""
        return self._tail.samples()

    def silent(self) -> list[str]:
        """Names of the SLOs whose outcomes stopped coming; nothing is known of them."""
        return [stream.slo.name for stream in self._streams if stream.silent]

    def lag_p95(self) -> float | None:
        """Seconds from an answer's end to the poll that saw it, at the 95th percentile; None before the first."""
        return float(np.percentile(np.frombuffer(self._lags), 95)) if self._lags else None

    def stop(self) -> None:
        """Ends the scraping, and journals the lag."""
        if self._scrape is not None:
            self._scrape.stop()
        lag = self.lag_p95()
        data = {"p95_s": None if lag is None else round(lag, 6), "n": len(self._lags)}
        self._note(self._clock.now(), "lag", "", data)

    def _fold(self, now: float, samples: Samples) -> Iterator[Alert]:
        for stream in self._streams:
            for raised in stream.fold(samples, self._since):
                detection = raised.detection
                yield Alert(
                    self._next(),
                    now,
                    detection.detector,
                    "client",
                    detection.pages,
                    stream.slo.name,
                    raised.summary,
                    raised.region,
                    raised.journey,
                )

    def _scraped(self, now: float) -> Iterator[Alert]:
        if self._scrape is None:
            return
        for found in self._scrape.found():
            yield Alert(self._next(), now, SERVICE_SIDE, "service", found.pages, found.slo, found.summary)

    def _next(self) -> str:
        self._raised += 1
        return f"a{self._raised}"

    def _measure_lag(self, now: float, news: News) -> None:
        lags = now - news.samples.records["end"]
        self._lags.extend(lags[np.isfinite(lags)])

    def _note(self, t: float, kind: str, subject: str, data: Mapping[str, object]) -> None:
        self._journal.append(Event(t, kind, subject, data))
