"""The outcomes of one SLO as they come, its detectors, and what an alert on it says.

Reading them is left to `watch`.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from runner.ports import Detector
from runner.samples import Samples
from runner.scenario import Load, Slo
from runner.scenario.model import Detection
from runner.slo import select

MakeDetector = Callable[[Detection, Slo, float, float], Detector]

RECENT = 60
SHARED = 0.8  # of the bad requests must be of one region, or one journey, to name it
# A stream is silent after the time-out and a gap that chance leaves once in a million.
SILENT_ODDS = 1e-6
LEAST_SILENCE_S = 2.0


@dataclass(frozen=True)
class Raised:
    """A detector that raises, and what there was to see."""

    detection: Detection
    summary: str
    region: str | None
    journey: str | None


@dataclass(frozen=True)
class Outcome:
    """One request as the SLO sees it."""

    good: bool
    region: str
    journey: str


def p0_of(slo: Slo, errors: int, n: int) -> float:
    """The error ratio taken for normal: a fifth of the budget, or what was seen, whichever is more."""
    return max((1 - slo.objective) / 5, (errors + 0.5) / (n + 1))


def prior_p0(slo: Slo) -> float:
    """Before anything was seen."""
    return (1 - slo.objective) / 5


def prior_rate(slo: Slo, load: Load) -> float:
    """Outcomes/s to be expected before any were seen: the journey's weight among all, in requests."""
    if slo.journey is None:
        return load.rate
    return load.rate * load.journeys.get(slo.journey, 0.0) / sum(load.journeys.values())


class Stream:
    """One SLO's outcomes. `rate` is in outcomes/s; `timeout` is the load's, in seconds."""

    def __init__(self, slo: Slo, detections: Sequence[Detection], make: MakeDetector, load: Load) -> None:
        self.slo = slo
        self.rate = prior_rate(slo, load)
        self.p0 = prior_p0(slo)
        self.silent = False
        self._timeout = load.timeout
        self._detections = detections
        self._make = make
        self._detectors: list[Detector] = []
        self._recent: deque[Outcome] = deque(maxlen=RECENT)
        self._last: float | None = None
        self._design()

    def calibrate(self, errors: int, n: int, seconds: float) -> None:
        """Normal is what was seen: `errors` bad among `n` in `seconds`. The detectors begin anew."""
        self.p0 = p0_of(self.slo, errors, n)
        if n and seconds > 0:
            self.rate = n / seconds
        self._design()

    def rearm(self) -> None:
        for detector in self._detectors:
            detector.reset()
        self._recent.clear()

    def fold(self, samples: Samples, since: float) -> Iterator[Raised]:
        """Feeds the outcomes planned at or after `since`, in the order given."""
        counts, good = select(self.slo, samples)
        for i in (counts & (samples.records["planned"] >= since)).nonzero()[0]:
            record = samples.records[i]
            end, fine = float(record["end"]), bool(good[i])
            region, journey = samples.regions[record["region"]], samples.journeys[record["journey"]]
            self._recent.append(Outcome(fine, region, journey))
            self._last = end if self._last is None else max(self._last, end)
            for detection, detector in zip(self._detections, self._detectors, strict=True):
                if detector.observe(end, fine):
                    yield self._raised(detection)

    def listen(self, now: float) -> bool:
        """Whether the stream fell silent, or spoke again, since the last call."""
        if self._last is None:
            self._last = now
        before = self.silent
        self.silent = self.rate > 0 and now - self._last > self.patience()
        return self.silent != before

    def patience(self) -> float:
        """Seconds without an outcome that are silence, and not chance."""
        return max(LEAST_SILENCE_S, self._timeout - math.log(SILENT_ODDS) / self.rate)

    def _design(self) -> None:
        rate = max(self.rate, 1e-3)
        self._detectors = [self._make(detection, self.slo, self.p0, rate) for detection in self._detections]

    def _raised(self, detection: Detection) -> Raised:
        bad = [outcome for outcome in self._recent if not outcome.good]
        slo = self.slo
        bound = f" under {slo.under * 1000:g} ms" if slo.under is not None else ""
        what = f"{slo.sli}{bound}, objective {slo.objective * 100:.12g}%"
        summary = f"{slo.name}: {len(bad)} of the last {len(self._recent)} requests bad ({what})"
        region = _shared([outcome.region for outcome in bad])
        return Raised(detection, summary, region, _shared([outcome.journey for outcome in bad]))


def _shared(names: Sequence[str]) -> str | None:
    """The name that nearly all bear; None where there is none, or it isn't known."""
    if not names:
        return None
    name, times = Counter(names).most_common(1)[0]
    return name if name and times > SHARED * len(names) else None
