"""Tests of SLO judgement: verdicts against brute force, selection by kind of SLI, outages worked
out by hand."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gameday.recording.samples import RECORD, ErrorKind, Samples
from gameday.scenario import Slo
from gameday.slo import Outage, course, critical, holding_since, select, verdict

SHOP = Slo(name="shop", sli="availability", objective="99.5%")  # type: ignore[arg-type]
STEP = 1 / 60


def samples(t: np.ndarray, bad: np.ndarray) -> Samples:
    """Return requests at `t`; the answers of those in `bad` are errors."""
    records = np.zeros(len(t), RECORD)
    records["planned"], records["start"], records["end"] = t, t, t + 0.01
    records["error"] = np.where(bad, ErrorKind.STATUS, ErrorKind.NONE)
    records["correct"] = 1
    return Samples(records, ("buy", "browse"), ("step",), ("us-east",), ("pricing-1.0.0",))


def steadily(*result: tuple[float, float], until: float = 60.0) -> Samples:
    t = np.arange(0, until, STEP)
    bad = np.zeros(len(t), dtype=bool)
    for since, end in result:
        bad |= (t >= since - 1e-9) & (t < end - 1e-9)
    return samples(t, bad)


def brute(bad: int, n: int, objective: Fraction) -> str:
    """Return the verdict by DESIGN's rule in exact fractions."""
    if n < 20:
        return "unknown"
    q = 1 - objective
    tail = sum((comb(n, k) * q**k * (1 - q) ** (n - k) for k in range(bad, n + 1)), Fraction(0))
    return "breach" if Fraction(bad, n) > q and tail < Fraction(1, 100) else "ok"


@given(
    n=st.integers(0, 160),
    share=st.floats(0, 1),
    objective=st.sampled_from(["99.9", "99.5", "99", "95", "90", "50", "5"]),
)
@settings(deadline=None, max_examples=60)
def test_verdict_is_the_binomial_rule(n: int, share: float, objective: str) -> None:
    """The verdict is that of the binomial tail summed in exact fractions, mainly around its edge."""
    exact = Fraction(objective) / 100
    edge = critical(n, float(exact)) if n else 0
    for bad in {round(share * n), edge - 1, edge}:
        if 0 <= bad <= n:
            assert verdict(bad, n, float(exact)) == brute(bad, n, exact)


@pytest.mark.parametrize(
    ("bad", "n", "objective", "expected"),
    [
        (0, 19, 0.995, "unknown"),
        (19, 19, 0.995, "unknown"),
        (1, 20, 0.995, "ok"),  # P(X ≥ 1) = 9.5 %
        (2, 20, 0.995, "breach"),  # P(X ≥ 2) = 0.45 %
        (8, 600, 0.995, "ok"),  # P(X ≥ 8) = 1.2 %
        (9, 600, 0.995, "breach"),  # P(X ≥ 9) = 0.37 %
    ],
)
def test_verdicts_worked_out(bad: int, n: int, objective: float, expected: str) -> None:
    """Few requests are unknown; a breach needs 1 % significance."""
    assert verdict(bad, n, objective) == expected


def test_thresholds_of_large_windows_are_finite_and_grow() -> None:
    """A window of a million requests has a threshold a little over its mean."""
    assert critical(1_000_000, 0.999) == pytest.approx(1000 + 2.33 * 31.6, abs=3)


def kinds() -> Samples:
    """Return one request of every kind of error, fast (10 ms), then slow (2 s); two journeys; the
    last isn't checked."""
    errors = [kind for kind in ErrorKind for _ in range(2)]
    records = np.zeros(len(errors), RECORD)
    records["planned"] = np.arange(len(errors))
    records["end"] = records["planned"] + np.array([0.01, 2.0] * len(ErrorKind))
    records["error"] = errors
    records["correct"] = [1, 1, 2, 2, 2, 2, 2, 2, 0, 0, 2, 2]
    records["journey"] = np.arange(len(errors)) % 2
    return Samples(records, ("buy", "browse"))


def test_availability_counts_all_that_was_sent() -> None:
    """Status, time-out and connection errors are bad; a wrong answer is available; unsent requests
    don't count."""
    counts, good = select(SHOP, kinds())
    assert counts.tolist() == [True] * 10 + [False] * 2
    assert good.tolist() == [True] * 2 + [False] * 6 + [True] * 2 + [False] * 2


def test_correctness_counts_only_answers_that_were_checked() -> None:
    """Of ten sent, four had an answer to check, two of them wrong."""
    counts, good = select(Slo(name="prices", sli="correctness", objective="99.9%"), kinds())  # type: ignore[arg-type]
    assert counts.tolist() == [True] * 2 + [False] * 6 + [True] * 2 + [False] * 2
    assert good.tolist() == [True] * 2 + [False] * 10


def test_latency_leaves_fast_failures_out() -> None:
    """Fast failures don't count for latency; slow ones and every time-out are bad."""
    slo = Slo(name="speed", sli="latency", objective="99%", under="300ms")  # type: ignore[arg-type]
    counts, good = select(slo, kinds())
    assert counts.tolist() == [True, True, False, True, True, True, False, True, True, True, False, False]
    assert good.tolist() == [True] + [False] * 7 + [True] + [False] * 3


def test_a_journey_s_slo_counts_only_its_requests() -> None:
    """An SLO of a journey counts only its requests; none if the journey has none."""
    by_journey = Slo(name="buy", sli="availability", objective="99%", journey="buy")  # type: ignore[arg-type]
    assert select(by_journey, kinds())[0].tolist() == [True, False] * 5 + [False, False]
    other = by_journey.model_copy(update={"journey": "login"})
    assert not select(other, kinds())[0].any()


def test_an_outage_is_exact_to_the_request() -> None:
    """All fail from 20 s to 30 s: effect lies between the last good and the first bad request, recovered between the
    end of the last bad one (10 ms after its plan) and the next good answer."""
    result = course(SHOP, steadily((20, 30)), 0, 60, 0)
    assert len(result.outages) == 1
    assert (result.effect, result.recovered) == pytest.approx((20 - STEP / 2, 30 - STEP / 2 + 0.01))
    assert course(SHOP, steadily((20, 30)), 0, 60, 20).effect == 20
    assert (result.n, result.bad, result.verdict()) == (3600, 600, "breach")
    # In breach from the 2nd or so bad request until too few of them are left in the window.
    assert result.breached_s == pytest.approx(19.9, abs=0.2)


def test_effect_is_never_before_inject() -> None:
    """Errors that begin before the fault don't move its effect forward."""
    assert course(SHOP, steadily((20, 30)), 0, 60, 22.0).effect == 22.0


def test_a_stray_error_is_no_outage() -> None:
    """One bad request in a window of 600 is no breach, and doesn't move the effect of a later outage."""
    assert course(SHOP, steadily((20, 20.01)), 0, 60).outages == ()
    assert course(SHOP, steadily((14, 14.01), (20, 30)), 0, 60).effect == pytest.approx(20, abs=STEP)
    assert course(SHOP, steadily((20, 30), (36, 36.01)), 0, 60).recovered == pytest.approx(30, abs=STEP)


def test_a_recovery_that_lasts_a_window_splits_the_outage() -> None:
    """15 s of good requests between two outages are a recovery; 5 s are not."""
    split = course(SHOP, steadily((15, 20), (35, 40)), 0, 60)
    assert [(round(o.effect, 1), round(o.recovered or 0, 1)) for o in split.outages] == [(15, 20), (35, 40)]
    whole = course(SHOP, steadily((15, 20), (25, 30)), 0, 60)
    assert [(round(o.effect, 1), round(o.recovered or 0, 1)) for o in whole.outages] == [(15, 30)]


def test_an_outage_of_few_errors_recovers_not_before_its_effect() -> None:
    """One error each 0.8 s among 100/s, 14 in all: a share of 1.3 %, of which the first breach takes the twelfth.

    The excursion lasts from the first error to the last one.
    """
    t = np.round(np.arange(0, 80, 0.01), 6)
    bad = np.isin(t, np.round(30 + 0.8 * np.arange(14), 6))
    result = course(SHOP, samples(t, bad), 0, 80)
    assert len(result.outages) == 1
    assert (result.effect, result.recovered) == pytest.approx((29.995, 40.415))


def test_a_window_is_judged_just_before_a_bad_request_leaves_it() -> None:
    """1,000/s up to three errors at 20 s, then 4/s: 3 of 40 in the 10 s from them, but never in 10 s to a request."""
    t = np.concatenate(
        (np.arange(0, 20, 0.001), [20, 20.001, 20.002], 20.25 + np.arange(37) / 4, 40 + np.arange(40) / 4)
    )
    slo = Slo(name="shop", sli="availability", objective="99%")  # type: ignore[arg-type]
    result = course(slo, samples(t, (t >= 20) & (t < 20.1)), 0, 50)
    assert len(result.outages) == 1
    assert (result.effect, result.recovered) == pytest.approx((19.9995, (20.012 + 20.26) / 2))


@pytest.mark.parametrize(("early", "inject"), [((5, 8), 25.0), ((20, 20.5), 21.0), ((22, 24.9), 25.0)])
def test_an_outage_over_before_the_injection_is_none_of_the_fault_s(
    early: tuple[float, float], inject: float
) -> None:
    """It sets no clock, neither alone nor before an outage of the fault, even less than a window before."""
    assert course(SHOP, steadily(early), 0, 60, inject).outages == ()
    later = course(SHOP, steadily(early, (30, 40)), 0, 60, inject)
    assert [outage.effect for outage in later.outages] == pytest.approx([30 - STEP / 2])
    assert (later.n, later.bad) == (3600, round(60 * (early[1] - early[0])) + 600)


def test_parts_of_a_window_don_t_judge() -> None:
    """Two bad among the first or the last 20 requests are 2 of 600 in a whole window; 12 are a breach of it."""
    for late in ((59.8, 59.834), (0.1, 0.134)):
        assert course(SHOP, steadily(late), 0, 60).outages == ()
    assert course(SHOP, steadily((59.7, 59.9)), 0, 60).outages[-1].recovered is None


def test_an_outage_to_the_end_has_no_recovery() -> None:
    """Still failing at the end, or with fewer than 20 requests since: not recovered."""
    assert course(SHOP, steadily((20, 60)), 0, 60).outages[-1].recovered is None
    assert course(SHOP, steadily((20, 59.8)), 0, 60).outages[-1].recovered is None
    assert course(SHOP, steadily((20, 59)), 0, 60).outages[-1].recovered == pytest.approx(59, abs=STEP)


def test_holding_since() -> None:
    """`holding_since` is right at several moments of the same outage."""
    data, slos = steadily((20, 30)), [SHOP]
    assert holding_since(slos, data, 2.0, 19.0) == 2.0
    assert holding_since(slos, data, 2.0, 25.0) is None
    assert holding_since(slos, data, 2.0, 30.2) is None
    assert holding_since(slos, data, 2.0, 45.0) == pytest.approx(30, abs=STEP)


def test_silence_is_unknown_and_never_ok() -> None:
    """After 30 s without requests the SLO is unknown and doesn't hold, unless another SLO's outage
    covers the silence."""
    data = steadily(until=30)
    result = course(SHOP, data, 0, 60)
    assert holding_since([SHOP], data, 0, 60) is None
    assert (result.verdict(), result.known) == ("unknown", False)
    assert result.verdict([Outage(29.0, None)]) == "ok"
    assert course(SHOP, samples(np.empty(0), np.empty(0, bool)), 0, 60).verdict() == "unknown"


def test_enough_requests_are_ok() -> None:
    """Steady load without errors is ok from end to end."""
    result = course(SHOP, steadily(), 0, 60)
    assert (result.verdict(), result.known, result.outages, result.breached_s) == ("ok", True, (), 0.0)


@pytest.mark.parametrize(("step", "verdict"), [(0.5, "ok"), (0.625, "unknown")])
def test_twenty_requests_in_a_window_are_enough(step: float, verdict: str) -> None:
    """Two a second put exactly 20 requests into each window of 10 s, and 1.6 a second only 16."""
    t = np.arange(0, 60 + step, step)
    result = course(SHOP, samples(t, np.zeros(len(t), dtype=bool)), 0, 60)
    assert result.verdict() == verdict


def test_twenty_requests_can_breach() -> None:
    """Windows of exactly 20 requests breach if every request is bad from 30 s to 40 s."""
    t = np.arange(0, 60, 0.5)
    result = course(SHOP, samples(t, (t >= 30) & (t < 40)), 0, 60)
    assert [outage.effect for outage in result.outages] == pytest.approx([30.0], abs=0.5)


@dataclass(frozen=True, repr=False)
class Case:
    """Random requests over 80 s with up to four stretches of errors, and an SLO to judge them by."""

    slo: Slo
    data: Samples

    def __repr__(self) -> str:
        return f"Case({self.slo!r}, {len(self.t)} requests, bad at {self.t[self.bad].tolist()})"

    @property
    def t(self) -> np.ndarray:
        return np.asarray(self.data.records["planned"])

    @property
    def bad(self) -> np.ndarray:
        return np.asarray(self.data.records["error"] != ErrorKind.NONE)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    random = np.random.default_rng(draw(st.integers(0, 2**31)))
    t = np.sort(random.uniform(0, 80, draw(st.integers(0, 2500))))
    ratio = np.full(len(t), draw(st.sampled_from([0.0, 0.002, 0.02])))
    for _ in range(draw(st.integers(0, 4))):
        since, length = draw(st.floats(0, 80)), draw(st.floats(0, 15))
        ratio[(t >= since) & (t < since + length)] = draw(st.sampled_from([0.01, 0.05, 0.3, 1.0]))
    objective, window = (
        draw(st.sampled_from(["99%", "99.5%", "90%", "50%"])),
        draw(st.sampled_from(["1s", "5s", "10s"])),
    )
    slo = Slo(name="shop", sli="availability", objective=objective, window=window)  # type: ignore[arg-type]
    return Case(slo, samples(t, random.uniform(size=len(t)) < ratio))


@given(case=cases())
@settings(deadline=None, max_examples=150)
def test_recovery_mirrors_effect(case: Case) -> None:
    """With time reversed, an outage's recovery is its effect: beside the same bad request, which took 10 ms."""
    result = course(case.slo, case.data, 0, 80)
    mirrored = course(case.slo, samples(80 - case.t[::-1], case.bad[::-1]), 0, 80)
    assert bool(result.outages) == bool(mirrored.outages)
    if len(result.outages) == len(mirrored.outages) == 1 and result.recovered and mirrored.recovered:
        beside = 80 - mirrored.outages[0].effect
        after = case.t[(case.t > beside) & ~case.bad].min(initial=beside)
        assert beside <= result.recovered + 1e-9
        assert result.recovered <= max(after, result.outages[0].effect) + 0.01 + 1e-9


@given(case=cases(), inject=st.floats(0, 70))
@settings(deadline=None, max_examples=150)
def test_a_course_is_in_order(case: Case, inject: float) -> None:
    """inject ≤ effect ≤ recovered of every outage, and at least a whole window is between two outages."""
    result = course(case.slo, case.data, 0, 80, inject)
    stamps = [inject]
    for outage in result.outages:
        stamps += [outage.effect] + ([] if outage.recovered is None else [outage.recovered])
    assert stamps == sorted(stamps)
    for one, two in pairwise(result.outages):
        assert one.recovered is not None
        assert two.effect - one.recovered >= case.slo.window
    assert 0 <= result.breached_s <= 80


@given(case=cases())
@settings(deadline=None, max_examples=60)
def test_nothing_is_in_breach_after_recovery(case: Case) -> None:
    """No window of requests planned at or after the recovery is in breach, wherever it is."""
    holds_from = holding_since([case.slo], case.data, 0, 80)
    if holds_from is None:
        return
    t, bad, width = case.t, case.bad, case.slo.window
    for at in t[t >= holds_from]:
        whole = [(t > at - width) & (t <= at)] * int(at >= width) + [(t >= at) & (t < at + width)] * int(
            at <= 80 - width
        )
        for window in whole:
            if t[window][0] >= holds_from:
                assert verdict(int(bad[window].sum()), int(window.sum()), case.slo.objective) != "breach"


def test_a_million_samples_are_judged() -> None:
    """In a long run at 1,000/s the outage is detected among a million requests."""
    t = np.arange(1_000_000) / 1000
    result = course(SHOP, samples(t, (t >= 300) & (t < 600) & (np.arange(len(t)) % 5 == 0)), 0, 1000, 250)
    assert (result.effect, result.recovered) == pytest.approx((299.9995, 600.0055))
