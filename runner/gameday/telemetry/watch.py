"""Watch: reads the samples as they are committed, feeds every detector of every SLO, returns the alerts.

Each poll with new records is journalled with their count, as is each calibration and rearming, so that `replay` raises
exactly the same alerts from disk. Times are rounded as in the journal, so that both compute with the same values.
Detectors are injected; their folds are in `gameday.detect`, the services' own metrics in `metrics_scrape`. Not
thread-safe: to be called from one thread.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from gameday.operations import Alert
from gameday.ports import OutsideAlert, PortError
from gameday.recording.clock import Clock
from gameday.recording.journal import Journal
from gameday.recording.journal_events import (
    LagMeasured,
    Poll,
    RequestsOverdue,
    StreamCalibrated,
    StreamRearmed,
    StreamResumed,
    StreamSilent,
)
from gameday.recording.samples import PendingReader, Samples
from gameday.scenario import Scenario
from gameday.scenario.scenario_model import Detection
from gameday.telemetry.metrics_scrape import Address, ServiceBreach
from gameday.telemetry.normal_state import pool
from gameday.telemetry.outcome_stream import (
    SERVICE_SIDE,
    MakeDetector,
    Pending,
    Raised,
    arrived,
    observed,
    open_streams,
    outcomes,
    outside_alert,
    paging_streams,
)
from gameday.telemetry.shard_tail import News, Tail

DIGITS = 6  # of a second: the journal's
OVERDUE_S = 0.3
"""Requests that have waited for so long are told to the detectors that watch waiting requests."""


class ServiceSide(Protocol):
    """The part of `metrics_scrape.Scrape` that the watch uses."""

    def start(self, addresses: Callable[[], Mapping[str, Address]]) -> None: ...

    def stop(self) -> None: ...

    def rearm(self) -> None: ...

    def breaches(self) -> Iterator[ServiceBreach]: ...


class Outside(Protocol):
    """The part of `outside.monitoring_alerts.OutsideAlerts` that the watch uses."""

    def start(self, addresses: Callable[[], Mapping[str, Address]]) -> None: ...

    def stop(self) -> None: ...

    def folded(self) -> Iterator[tuple[Detection, OutsideAlert]]: ...

    def carry_over(self, since: float) -> Iterator[tuple[Detection, OutsideAlert]]: ...

    def raised(self, alert: str, detection: Detection, about: OutsideAlert) -> None: ...


class Watch:
    """A `Telemetry`. `make_detector` makes a client-side detector; `scrape` is the service side, `outside` takes alerts
    of a team's own monitoring."""

    def __init__(
        self,
        scenario: Scenario,
        make_detector: MakeDetector,
        clock: Clock,
        journal: Journal,
        scrape: ServiceSide | None = None,
        outside: Outside | None = None,
    ) -> None:
        self._streams = open_streams(scenario, scenario.detectors, make_detector)
        self._paging = paging_streams(scenario, make_detector)
        self._clock = clock
        self._journal = journal
        self._scrape = scrape
        self._outside = outside
        self._carried: list[tuple[Detection, OutsideAlert]] = []
        self._tail = Tail(())
        self._pending: list[PendingReader] = []
        self._overdue: set[float] = set()  # planned times of the requests that were told
        self._since = -math.inf
        self._raised = 0
        self._lags = array("d")

    def start(self, shards: Sequence[Path], addresses: Callable[[], Mapping[str, Address]]) -> None:
        """Open the shards and start scraping. Raise PortError if a shard can't be read."""
        try:
            self._tail = Tail(shards)
            self._pending = [PendingReader(shard) for shard in shards]
        except (OSError, ValueError) as error:
            raise PortError(f"the samples can't be followed: {error}") from error
        if self._scrape is not None:
            self._scrape.start(addresses)
        if self._outside is not None:
            self._outside.start(addresses)

    def poll(self, now: float) -> Sequence[Alert]:
        """Read what is new; return the alerts that it raised."""
        now = round(now, DIGITS)
        alerts = list(self._from_outside())
        overdue = [one for reader in self._pending for one in reader.waiting(now - OVERDUE_S)]
        all_news = list(self._tail.new())
        self._tell_overdue(now, overdue, all_news)
        for news in all_news:
            self._journal.append(Poll(shard=news.shard, count=news.count, t=now))
            self._measure_lag(now, news)
            alerts += [self._alert(now, raised) for raised in self._fold(news.samples)]
        alerts += self._listen(now)
        alerts += self._scraped(now)
        return alerts

    def calibrate(self, since: float) -> None:
        """Take the outcomes since `since` as normal; every detector starts afresh."""
        now, samples = round(self._clock.now(), DIGITS), self._tail.samples()
        all_steady = [arrived(stream.slo, samples, since) for stream in self._streams]
        pooled = pool(
            [(stream.slo, observed(steady)) for stream, steady in zip(self._streams, all_steady, strict=True)]
        )
        for stream, steady in zip(self._streams, all_steady, strict=True):
            stream.calibrate(steady, since, now, pooled[stream.slo.name])
            calibrated = StreamCalibrated(
                stream.slo.name,
                since=since,
                n=len(steady),
                errors=sum(not outcome.good for outcome in steady),
                p0=stream.p0,
                rate=stream.rate,
                streams=self._paging,
            )
            self._journal.append(calibrated.at(now))
        if self._outside is not None:
            self._carried += self._outside.carry_over(since)

    def rearm(self, since: float) -> None:
        """Let detectors raise again, on requests planned at or after `since`."""
        now, self._since = round(self._clock.now(), DIGITS), since
        for stream in self._streams:
            stream.rearm(now)
        if self._scrape is not None:
            self._scrape.rearm()
        self._journal.append(StreamRearmed(since=since, t=now))

    def samples(self) -> Samples:
        """Return all records so far, sorted by planned time, with their names."""
        return self._tail.samples()

    def silent(self) -> list[str]:
        """Return the names of the SLOs without recent outcomes, whose state is unknown."""
        return [stream.slo.name for stream in self._streams if stream.silent]

    def lag_p95(self) -> float | None:
        """Return the 95th percentile of seconds from an answer's end to the poll that read it; None before the first."""
        return float(np.percentile(np.frombuffer(self._lags), 95)) if self._lags else None

    def stop(self) -> None:
        """Stop scraping and asking; journal the lag."""
        if self._scrape is not None:
            self._scrape.stop()
        if self._outside is not None:
            self._outside.stop()
        lag = self.lag_p95()
        measured = LagMeasured(p95_s=None if lag is None else round(lag, 6), n=len(self._lags))
        self._journal.append(measured.at(self._clock.now()))

    def _fold(self, samples: Samples) -> Iterator[Raised]:
        for stream in self._streams:
            for outcome in outcomes(stream.slo, samples):
                if outcome.planned >= self._since:
                    yield from stream.take(outcome)

    def _tell_overdue(
        self, now: float, waiting: Sequence[tuple[float, str]], all_news: Sequence[News]
    ) -> None:
        """Tell the streams of requests that became overdue; one that was answered meanwhile isn't."""
        if not waiting and not self._overdue:
            return
        ended = {planned for news in all_news for planned in news.samples.records["planned"].tolist()}
        fresh = [
            Pending(planned, journey)
            for planned, journey in waiting
            if planned >= self._since and planned not in self._overdue and planned not in ended
        ]
        self._overdue = {planned for planned, _ in waiting}
        if fresh:
            columns = tuple(one.planned for one in fresh), tuple(one.journey for one in fresh)
            self._journal.append(RequestsOverdue(planned=columns[0], journeys=columns[1], t=now))
            for stream in self._streams:
                for pending in fresh:
                    stream.overdue(pending)

    def _listen(self, now: float) -> Iterator[Alert]:
        """Yield the alerts that silence raises; the moment is journalled as a poll, since `replay` knows only polls."""
        raised = [one for stream in self._streams for one in stream.wait(now)]
        seen = self._tail.seen()
        if raised and seen:
            self._journal.append(Poll(shard=seen[0][0], count=seen[0][1], t=now))
        for stream in self._streams:
            if stream.listen(now):
                event = StreamSilent if stream.silent else StreamResumed
                self._journal.append(event(stream.slo.name, patience_s=round(stream.patience(), 3), t=now))
        for one in raised:
            yield self._alert(now, one)

    def _alert(self, now: float, raised: Raised) -> Alert:
        name, pages = raised.detection.detector, raised.detection.pages
        about = (raised.slo, raised.summary, raised.region, raised.journey)
        return Alert(self._next(), now, name, "client", pages, *about)

    def _scraped(self, now: float) -> Iterator[Alert]:
        if self._scrape is None:
            return
        for breach in self._scrape.breaches():
            yield Alert(self._next(), now, SERVICE_SIDE, "service", breach.pages, breach.slo, breach.summary)

    def _from_outside(self) -> Iterator[Alert]:
        """Yield the alerts that came from outside, stamped with their arrival."""
        if self._outside is None:
            return
        carried, self._carried = self._carried, []
        for detection, about in (*carried, *self._outside.folded()):
            alert = outside_alert(self._next(), detection, about)
            self._outside.raised(alert.id, detection, about)
            yield alert

    def _next(self) -> str:
        self._raised += 1
        return f"a{self._raised}"

    def _measure_lag(self, now: float, news: News) -> None:
        lags = now - news.samples.records["end"]
        self._lags.extend(lags[np.isfinite(lags)])
