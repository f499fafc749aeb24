"""Judge of a canary: its users' requests against those of all others, from the samples as they come.

Errors are folded through the default detector, the bank, whose budget of false alarms is set so that a good release is
aborted with the stated probability over all steps; latency is compared once at the end of each step by Mann-Whitney's test.
Half of the probability belongs to each. An alarm counts once the canary is worse than the others (Fisher's exact test), since
a fault that hits everyone says nothing about the release; if it isn't by the end of the step, the verdict is `unclear`. docs/progressive-delivery.md has the method.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from gameday.ports import CanaryPlan, CanaryVerdict, Detector, watched_seconds
from gameday.recording.samples import Samples
from gameday.scenario import Slo
from gameday.scenario.scenario_model import Detection
from gameday.slo import select
from gameday.slo.exposure import service_of
from gameday.slo.mann_whitney import fisher_larger, p_larger
from gameday.telemetry.normal_state import Observed, p0_of
from gameday.telemetry.outcome_stream import LEAST_RATE, MakeDetector

Flags = npt.NDArray[np.bool_]
INVOLVED = 0.5
"""A step counts if the service had part in this share of its good answers."""
SAME_AS_REST = 0.01
"""An alarm counts if Fisher's p that the canary is no worse than the rest is below this."""


def is_drawn(users: Sequence[int] | npt.NDArray[np.integer], release: str, share: float) -> Flags:
    """Return which users get the release at a share of users, as the services draw them (`storefront.canary.drawn`)."""
    limit = round(share * 10_000)
    unique, inverse = np.unique(np.asarray(users), return_inverse=True)
    drawn = [zlib.crc32(f"{release}:{user}".encode()) % 10_000 < limit for user in unique.tolist()]
    chosen: Flags = np.array(drawn, np.bool_)[inverse] if len(unique) else np.zeros(0, np.bool_)
    return chosen


class Judge:
    """A `CanaryJudge` of one canary, made when it begins. `samples` returns all of the run so far."""

    def __init__(
        self,
        slos: Sequence[Slo],
        samples: Callable[[], Samples],
        make: MakeDetector,
        service: str,
        release: str,
        plan: CanaryPlan,
    ) -> None:
        self._service, self._release, self._plan = service, release, plan
        self._slos = [slo for slo in slos if slo.sli != "latency"]
        self._samples, self._make = samples, make
        self._since, self._shares = 0.0, list[tuple[float, float]]()
        before = samples()
        self._steps = involved(before, service)
        self._normal = {slo.name: _normal(slo, before, self._steps) for slo in self._slos}
        planned = np.asarray(before.records["planned"], float)
        spent = float(planned[-1] - planned[0]) if len(planned) > 1 else 0.0
        touching = np.isin(np.asarray(before.records["step"]), self._steps)
        self._rate = float(touching.sum()) / spent if spent > 0 else 0.0

    def step(self, share: float, since: float) -> None:
        self._since = since
        self._shares.append((since, share))

    def verdict(self, now: float, *, ending: bool) -> CanaryVerdict:
        """Judge the requests that ended since the step began: one that hung in the step before is known only now."""
        samples = self._samples()
        records = samples.records
        ended = np.asarray(records["end"], float) >= self._since
        here = ended & np.isin(np.asarray(records["step"]), self._steps)
        part = samples.part(records[here])
        cohort = self._cohort(part)
        counts, good = self._counted(part)
        n, rest = int((cohort & counts).sum()), int((~cohort & counts).sum())
        bad, rest_bad = int((cohort & counts & ~good).sum()), int((~cohort & counts & ~good).sum())
        seen = (n, bad, rest, rest_bad)
        alarms = [slo for slo in self._slos if self._alarmed(slo, part, cohort)]
        verdicts = [self._alarmed_verdict(slo, part, cohort, seen) for slo in alarms]
        worse = [verdict for verdict in verdicts if verdict.state == "worse"]
        if worse or (ending and verdicts):
            return (worse or verdicts)[0]
        if not ending:
            return CanaryVerdict("healthy", "", *seen)
        return self._at_the_end(part, cohort, seen)

    def _cohort(self, part: Samples) -> Flags:
        """Return which requests were planned while their user's were sent to the canary."""
        users, planned = np.asarray(part.records["user"]), np.asarray(part.records["planned"], float)
        step = np.searchsorted([since for since, _ in self._shares], planned, side="right") - 1
        cohort = np.zeros(len(users), np.bool_)
        for index, (_, share) in enumerate(self._shares):
            cohort[step == index] = is_drawn(users[step == index], self._release, share)
        if self._plan.regions:
            inside = [number for number, name in enumerate(part.regions) if name in (*self._plan.regions, "")]
            cohort &= np.isin(np.asarray(part.records["region"]), inside)
        return cohort

    def _counted(self, part: Samples) -> tuple[Flags, Flags]:
        """Return which requests some SLO counts, and which of them are good by all of those."""
        counts, good = np.zeros(len(part.records), np.bool_), np.ones(len(part.records), np.bool_)
        for slo in self._slos:
            covered, fine = select(slo, part)
            counts, good = counts | covered, good & (fine | ~covered)
        # With SLOs of latency alone every request has a part in the comparison at the end of the step.
        return (counts if self._slos else ~counts), good

    def _alarmed(self, slo: Slo, part: Samples, cohort: Flags) -> bool:
        """Fold the canary's outcomes of this step through the bank."""
        counts, good = select(slo, part)
        chosen = np.flatnonzero(cohort & counts)
        if not len(chosen):
            return False
        detector = self._detector(slo)
        if detector is None:
            return False
        ends = np.asarray(part.records["end"], float)[chosen]
        order = np.argsort(ends, kind="stable")
        fine = np.asarray(good)[chosen]
        return any(detector.observe(float(ends[i]), bool(fine[i])) for i in order)

    def _detector(self, slo: Slo) -> Detector | None:
        """Return the bank with a budget of one false alarm in `watched / (falseAbort / 2)` seconds over all SLOs."""
        quiet = 2 * watched_seconds(self._plan) / self._plan.false_abort
        bank = Detection.model_validate({"detector": "bank", "params": {"quiet": f"{quiet:.12g}s"}})
        rate = max(LEAST_RATE, self._rate * self._shares[-1][1])
        return self._make(bank, slo, self._normal[slo.name], rate, len(self._slos), ())

    def _alarmed_verdict(
        self, slo: Slo, part: Samples, cohort: Flags, seen: tuple[int, int, int, int]
    ) -> CanaryVerdict:
        counts, good = select(slo, part)
        n, m = int((cohort & counts).sum()), int((~cohort & counts).sum())
        bad, other = int((cohort & counts & ~good).sum()), int((~cohort & counts & ~good).sum())
        what = f"{slo.name}: {bad} of {n} requests of the canary's users bad, {other} of {m} of the others"
        if fisher_larger(bad, n, other, m) >= SAME_AS_REST:
            return CanaryVerdict("unclear", f"{what}: both are bad", *seen)
        return CanaryVerdict("worse", what, *seen)

    def _at_the_end(self, part: Samples, cohort: Flags, seen: tuple[int, int, int, int]) -> CanaryVerdict:
        if seen[0] < self._plan.least:
            why = f"{seen[0]} requests of the canary's users, {self._plan.least} are needed"
            return CanaryVerdict("no-data", why, *seen)
        latency = np.asarray(part.records["end"], float) - np.asarray(part.records["planned"], float)
        answered = (np.asarray(part.records["status"]) > 0) & np.isfinite(latency)
        ours, others = latency[cohort & answered], latency[~cohort & answered]
        if len(ours) < self._plan.least or len(others) < self._plan.least:
            return CanaryVerdict("healthy", "", *seen)
        slower = float(np.median(ours) / np.median(others) - 1)
        p = p_larger(ours.tolist(), others.tolist())
        if p < self._plan.false_abort / 2 / len(self._plan.watched) and slower >= self._plan.slower:
            why = f"its median latency is {100 * slower:.0f} % above the others' (p = {p:.1g})"
            return CanaryVerdict("worse", why, *seen, slower, p)
        return CanaryVerdict("healthy", "", *seen, slower, p)


def involved(samples: Samples, service: str) -> list[int]:
    """Return the numbers of the steps in whose good answers the service has part."""
    records = samples.records
    has = np.array(
        [any(service_of(name) == service for name in names.split()) for names in samples.releases] or [False]
    )
    step, release = np.asarray(records["step"]), np.asarray(records["release"])
    good = np.asarray(records["error"]) == 0
    total = np.bincount(step[good], minlength=len(samples.steps))
    named = np.bincount(step[good & has[release]], minlength=len(samples.steps)) if len(step) else total
    return [
        number
        for number in range(len(samples.steps))
        if total[number] and named[number] >= INVOLVED * total[number]
    ]


def _normal(slo: Slo, samples: Samples, steps: Sequence[int]) -> float:
    """Return the error ratio that is normal for the requests that involve the service."""
    counts, good = select(slo, samples)
    counts = counts & np.isin(np.asarray(samples.records["step"]), steps)
    observed = Observed(int((counts & ~good).sum()), int(counts.sum()))
    return p0_of(slo, observed, observed)
