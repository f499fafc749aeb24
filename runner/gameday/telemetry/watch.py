"""Watches the samples as they are committed, feeds every detector of every SLO, and says what was raised.

Each poll that saw something is journalled with the count it saw, each calibration and rearming too, so the alerts of a
run replay exactly from disk, which `replay` does. Times are rounded as the journal does, so that both reckon with the
same. Detectors are handed in; the folds themselves, and the services' own metrics, are left to `gameday.detect` and
`scrape`. Called from one thread.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from gameday.operations import Alert
from gameday.ports import PortError
from gameday.recording.clock import Clock
from gameday.recording.journal import Journal
from gameday.recording.journal_events import (
    LagMeasured,
    Poll,
    StreamCalibrated,
    StreamRearmed,
    StreamResumed,
    StreamSilent,
)
from gameday.recording.samples import Records, Samples
from gameday.scenario import Scenario
from gameday.telemetry.metrics_scrape import Address, Found
from gameday.telemetry.outcome_stream import (
    SERVICE_SIDE,
    MakeDetector,
    Raised,
    arrived,
    open_streams,
    outcomes,
    paging_streams,
)
from gameday.telemetry.shard_tail import News, Tail

DIGITS = 6  # of a second: the journal's


class ServiceSide(Protocol):
    """What `scrape.Scrape` is to the watch."""

    def start(self, addresses: Callable[[], Mapping[str, Address]]) -> None: ...

    def stop(self) -> None: ...

    def rearm(self) -> None: ...

    def found(self) -> Iterator[Found]: ...


class Watch:
    """A `Telemetry`. `make_detector` makes a client-side detector; `scrape` is the service side."""

    def __init__(
        self,
        scenario: Scenario,
        make_detector: MakeDetector,
        clock: Clock,
        journal: Journal,
        scrape: ServiceSide | None = None,
    ) -> None:
        self._streams = open_streams(scenario, scenario.detectors, make_detector)
        self._paging = paging_streams(scenario, make_detector)
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
        now, alerts = round(now, DIGITS), list[Alert]()
        for news in self._tail.new():
            self._journal.append(Poll(shard=news.shard, count=news.count, t=now))
            self._measure_lag(now, news)
            alerts += [self._alert(now, raised) for raised in self._fold(news.samples)]
        alerts += self._listen(now)
        alerts += self._scraped(now)
        return alerts

    def calibrate(self, since: float) -> None:
        now, samples = round(self._clock.now(), DIGITS), self._tail.samples()
        for stream in self._streams:
            steady = arrived(stream.slo, samples, since)
            stream.calibrate(steady, since, now)
            calibrated = StreamCalibrated(
                stream.slo.name,
                since=since,
                n=len(steady),
                errors=sum(not each.good for each in steady),
                p0=stream.p0,
                rate=stream.rate,
                streams=self._paging,
            )
            self._journal.append(calibrated.at(now))

    def rearm(self, since: float) -> None:
        now, self._since = round(self._clock.now(), DIGITS), since
        for stream in self._streams:
            stream.rearm(now)
        if self._scrape is not None:
            self._scrape.rearm()
        self._journal.append(StreamRearmed(since=since, t=now))

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
        measured = LagMeasured(p95_s=None if lag is None else round(lag, 6), n=len(self._lags))
        self._journal.append(measured.at(self._clock.now()))

    def _fold(self, samples: Samples) -> Iterator[Raised]:
        for stream in self._streams:
            for outcome in outcomes(stream.slo, samples):
                if outcome.planned >= self._since:
                    yield from stream.take(outcome)

    def _listen(self, now: float) -> Iterator[Alert]:
        """What raises though nothing came. The moment is journalled as a poll, for replay knows no other moments."""
        raised = [each for stream in self._streams for each in stream.wait(now)]
        seen = self._tail.seen()
        if raised and seen:
            self._journal.append(Poll(shard=seen[0][0], count=seen[0][1], t=now))
        for stream in self._streams:
            if stream.listen(now):
                event = StreamSilent if stream.silent else StreamResumed
                self._journal.append(event(stream.slo.name, patience_s=round(stream.patience(), 3), t=now))
        for each in raised:
            yield self._alert(now, each)

    def _alert(self, now: float, raised: Raised) -> Alert:
        name, pages = raised.detection.detector, raised.detection.pages
        about = (raised.slo, raised.summary, raised.region, raised.journey)
        return Alert(self._next(), now, name, "client", pages, *about)

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
