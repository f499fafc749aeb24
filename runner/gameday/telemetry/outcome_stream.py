"""Outcome stream: one SLO's outcomes in order of arrival, its detectors, and the texts of its alerts.

`watch` feeds streams live, `replay` from disk.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from gameday.operations import Alert
from gameday.ports import Detector, OutsideAlert
from gameday.recording.samples import Samples
from gameday.scenario import Load, Scenario, Slo
from gameday.scenario.scenario_model import Detection
from gameday.slo import select
from gameday.telemetry.normal_state import Observed, p0_of, prior_p0

MakeDetector = Callable[[Detection, Slo, float, float, int, Sequence[tuple[float, bool]]], Detector | None]
"""(detection, slo, p0, rate, streams, steady) → its detector, or None if it isn't for such an SLO; see `Stream`."""

SERVICE_SIDE = "scrape"
RECENT = 60
SHARED = 0.8  # of the bad requests must be of one region, or one journey, to name it
# A stream is silent after the time-out and a gap that chance leaves once in a million.
SILENT_ODDS = 1e-6
LEAST_SILENCE_S = 2.0
LEAST_RATE = 1e-3


@runtime_checkable
class Waiting(Protocol):
    """A detector that can raise without an outcome. Called at each poll; a call that doesn't raise has no effect.

    The first call after a `reset` sets the time from which it waits.
    """

    def wait(self, now: float) -> bool: ...


@runtime_checkable
class Hanging(Protocol):
    """A detector of requests that wait for their answer; times are seconds since the run's start, or of latency."""

    def learn(self, latencies: Sequence[float]) -> None: ...

    def overdue(self, planned: float) -> None: ...

    def answered(self, planned: float, end: float) -> None: ...

    def waiting(self) -> tuple[int, float | None]: ...


class Pending(NamedTuple):
    """A request that was sent and has no answer yet; `planned` in seconds since the run's start."""

    planned: float
    journey: str


class Outcome(NamedTuple):
    """One request as the SLO sees it; `planned` and `end` in seconds since the run's start."""

    planned: float
    end: float
    good: bool
    region: str
    journey: str


@dataclass(frozen=True)
class Raised:
    """An alarm of a detector, with its text and the region or journey that nearly all bad requests share."""

    detection: Detection
    slo: str
    summary: str
    region: str | None = None
    journey: str | None = None


def outside_alert(number: str, detection: Detection, about: OutsideAlert) -> Alert:
    """Return the alert of that id that came from outside."""
    return Alert(
        number,
        about.t,
        detection.detector,
        "outside",
        detection.pages,
        about.slo,
        about.summary,
        about.region,
    )


def observed(steady: Sequence[Outcome]) -> Observed:
    """Count the outcomes of a steady state."""
    return Observed(sum(not outcome.good for outcome in steady), len(steady))


def prior_rate(slo: Slo, load: Load) -> float:
    """Return the expected outcomes/s before any outcome: the load's rate times the journey's share of weights."""
    if slo.journey is None:
        return load.rate
    return load.rate * load.journeys.get(slo.journey, 0.0) / sum(load.journeys.values())


def outcomes(slo: Slo, samples: Samples) -> list[Outcome]:
    """Return the outcomes among `samples` that count for the SLO, in the order of `samples`."""
    counts, good = select(slo, samples)
    return _outcomes(samples, counts.nonzero()[0], good)


def arrived(slo: Slo, samples: Samples, since: float) -> list[Outcome]:
    """Return the outcomes planned at or after `since` that count for the SLO, in order of arrival."""
    counts, good = select(slo, samples)
    chosen = (counts & (samples.records["planned"] >= since)).nonzero()[0]
    order = np.lexsort((samples.records["planned"][chosen], samples.records["end"][chosen]))
    return _outcomes(samples, chosen[order], good)


def _outcomes(samples: Samples, chosen: npt.NDArray[np.intp], good: npt.NDArray[np.bool_]) -> list[Outcome]:
    if not len(chosen):
        return []
    records = samples.records[chosen]
    regions, journeys = samples.regions, samples.journeys
    columns = (records[name].tolist() for name in ("planned", "end", "region", "journey"))
    return [
        Outcome(planned, end, fine, regions[region], journeys[journey])
        for (planned, end, region, journey), fine in zip(
            zip(*columns, strict=True), good[chosen].tolist(), strict=True
        )
    ]


class Stream:
    """One SLO's outcomes. `rate` is in outcomes/s; `streams` share the budget of false alarms."""

    def __init__(
        self, slo: Slo, detections: Sequence[Detection], make: MakeDetector, load: Load, streams: int = 1
    ) -> None:
        self.slo = slo
        self.rate = prior_rate(slo, load)
        self.p0 = prior_p0(slo)
        self.silent = False
        self._timeout = load.timeout
        self._streams = streams
        self._detections = detections
        self._make = make
        self._armed: list[tuple[Detection, Detector]] = []
        self._waiting: list[tuple[Detection, Waiting]] = []
        self._hanging: list[tuple[Detection, Hanging]] = []
        self._recent: deque[Outcome] = deque(maxlen=RECENT)
        self._last: float | None = None
        self._design(())

    def calibrate(self, steady: Sequence[Outcome], since: float, now: float, pooled: Observed) -> None:
        """Take `steady`, in order of arrival between `since` and `now`, as normal; every detector starts afresh."""
        own = observed(steady)
        rate = round(own.n / (now - since), 3) if own.n and now > since else self.rate
        self.adopt(p0_of(self.slo, own, pooled), rate, steady, now)

    def adopt(self, p0: float, rate: float, steady: Sequence[Outcome], now: float) -> None:
        """Take `p0` and `rate` as normal; every detector starts afresh."""
        self.p0, self.rate = p0, rate
        self._design(steady)
        self._begin_waiting(now)

    def rearm(self, now: float) -> None:
        """Let every detector raise again."""
        for _, detector in self._armed:
            detector.reset()
        self._recent.clear()
        self._begin_waiting(now)

    def take(self, outcome: Outcome) -> Iterator[Raised]:
        """Feed the next outcome, in order of arrival, to every detector; yield the alarms."""
        self._recent.append(outcome)
        end, good = outcome.end, outcome.good
        self._last = end if self._last is None else max(self._last, end)
        for _, hanging in self._hanging:
            hanging.answered(outcome.planned, end)
        for detection, detector in self._armed:
            if detector.observe(end, good):
                yield self._raised(detection, end)

    def overdue(self, pending: Pending) -> None:
        """Tell the detectors of waiting requests of one that has waited for long, if the SLO counts it."""
        if self.slo.journey in (None, pending.journey):
            for _, hanging in self._hanging:
                hanging.overdue(pending.planned)

    def wait(self, now: float) -> Iterator[Raised]:
        """Yield the alarms of detectors that raise without an outcome."""
        for detection, detector in self._waiting:
            if detector.wait(now):
                yield self._raised(detection, now)

    def listen(self, now: float) -> bool:
        """Return True if the stream has become silent, or ended its silence, since the last call."""
        if self._last is None:
            self._last = now
        before = self.silent
        self.silent = self.rate > 0 and now - self._last > self.patience()
        return self.silent != before

    def patience(self) -> float:
        """Return how many seconds without an outcome count as silence, not chance."""
        return max(LEAST_SILENCE_S, self._timeout - math.log(SILENT_ODDS) / self.rate)

    def _design(self, steady: Sequence[Outcome]) -> None:
        rate, seen = max(self.rate, LEAST_RATE), [(outcome.end, outcome.good) for outcome in steady]
        pairs = (
            (one, self._make(one, self.slo, self.p0, rate, self._streams, seen)) for one in self._detections
        )
        self._armed = [(detection, detector) for detection, detector in pairs if detector is not None]
        self._waiting = [(one, detector) for one, detector in self._armed if isinstance(detector, Waiting)]
        self._hanging = [(one, detector) for one, detector in self._armed if isinstance(detector, Hanging)]
        latencies = [outcome.end - outcome.planned for outcome in steady]
        for _, hanging in self._hanging:
            hanging.learn(latencies)

    def _begin_waiting(self, now: float) -> None:
        for _, detector in self._waiting:
            detector.wait(now)

    def _raised(self, detection: Detection, now: float) -> Raised:
        slo = self.slo
        if detection.detector == "silence":
            return Raised(detection, slo.name, self._silence(now))
        for one, hanging in self._hanging:
            if one is detection:
                return Raised(detection, slo.name, self._hang(now, *hanging.waiting()), journey=slo.journey)
        bad = [outcome for outcome in self._recent if not outcome.good]
        bound = f" under {slo.under * 1000:g} ms" if slo.under is not None else ""
        what = f"{slo.sli}{bound}, objective {slo.objective * 100:.12g}%"
        summary = f"{slo.name}: {len(bad)} of the last {len(self._recent)} requests bad ({what})"
        region = _shared([outcome.region for outcome in bad])
        return Raised(detection, slo.name, summary, region, _shared([outcome.journey for outcome in bad]))

    def _hang(self, now: float, waiting: int, oldest: float | None) -> str:
        since = 0.0 if oldest is None else now - oldest
        return f"{self.slo.name}: {waiting} requests wait for an answer, the oldest for {since:.2g} s"

    def _silence(self, now: float) -> str:
        window = max(1.0, 10 / max(self.rate, LEAST_RATE))
        heard = sum(now - window < outcome.end <= now for outcome in self._recent)
        return (
            f"{self.slo.name}: {heard} answers in the last {window:.3g} s, {self.rate * window:.3g} are usual"
        )


def open_streams(scenario: Scenario, detections: Sequence[Detection], make: MakeDetector) -> list[Stream]:
    """Return a stream for each SLO with its client-side detectors; all that page share the budget of false alarms."""
    client_side = [one for one in detections if one.side == "client"]
    streams = paging_streams(scenario, make)
    return [Stream(slo, client_side, make, scenario.load, streams) for slo in scenario.slos]


def paging_streams(scenario: Scenario, make: MakeDetector) -> int:
    """Return how many pairs of an SLO and a paging client-side detector share the budget of false alarms, at least 1.

    Detectors that only watch, in the run or in a replay, get the same share, so that all are compared at an equal rate
    of false alarms.
    """
    paging = [one for one in scenario.detectors if one.pages and one.side == "client"]
    detectors = (
        make(one, slo, prior_p0(slo), max(prior_rate(slo, scenario.load), LEAST_RATE), 1, ())
        for one in paging
        for slo in scenario.slos
    )
    return max(1, sum(detector is not None for detector in detectors))


def _shared(names: Sequence[str]) -> str | None:
    """Return the name that over 80 % share, or None if there is none or it is empty."""
    if not names:
        return None
    name, times = Counter(names).most_common(1)[0]
    return name if name and times > SHARED * len(names) else None
