"""The judge of a canary on simulated traffic: bad and good releases, little data, faults that hit everyone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gameday.detect import make as make_detector
from gameday.ports import CanaryPlan, CanaryVerdict
from gameday.recording.samples import ErrorKind, Samples
from gameday.scenario import Slo
from gameday.telemetry.canary_judge import Judge, involved, is_drawn
from tests.support.shop_traffic import SLOS, Outage, Shop

RELEASE = "pricing-1.1.0"
PLAN = CanaryPlan((0.05, 0.25, 1.0), bake=10.0)
BEGAN = 20.0


def shifted(samples: Samples, share: float, errors: float, slower: float = 1.0, seed: int = 0) -> Samples:
    """Return the samples with a canary since BEGAN: of its users' requests that involve pricing, `errors` fail."""
    records = samples.records.copy()
    random = np.random.default_rng(seed)
    touches = np.isin(records["step"], involved(samples, "pricing"))
    cohort = touches & (records["planned"] >= BEGAN) & is_drawn(records["user"], RELEASE, share)
    bad = cohort & (random.random(len(records)) < errors)
    records["error"][bad] = ErrorKind.STATUS
    records["status"] = 200
    took = random.lognormal(np.log(0.01), 0.3, len(records))
    records["end"] = records["planned"] + np.where(cohort, took * slower, took)
    return samples.part(records)


def judged(
    shop: Shop, errors: float = 0.0, share: float = 0.05, slower: float = 1.0, plan: CanaryPlan = PLAN
) -> CanaryVerdict:
    """Return the first verdict that isn't healthy, looking every half second, else the one at the step's end."""
    whole = shifted(shop.samples(), share, errors, slower, shop.seed)
    upto = {"t": BEGAN}

    def samples() -> Samples:
        return whole.part(whole.records[whole.records["end"] <= upto["t"]])

    judge = Judge(SLOS, samples, make_detector, "pricing", RELEASE, plan)
    judge.step(share, BEGAN)
    verdict = CanaryVerdict("healthy", "")
    for now in np.arange(BEGAN + 0.5, BEGAN + plan.bake + 0.1, 0.5):
        upto["t"] = float(now)
        verdict = judge.verdict(float(now), ending=bool(now >= BEGAN + plan.bake))
        if verdict.state != "healthy":
            break
    return verdict


@pytest.mark.parametrize(("errors", "share"), [(1.0, 0.05), (0.3, 0.25), (0.05, 0.5)])
def test_a_bad_release_is_found(errors: float, share: float) -> None:
    """From a total failure at 5 % of the users to one request in twenty at half of them."""
    verdict = judged(Shop(rate=300.0, seconds=32.0, seed=3), errors, share)
    assert verdict.state == "worse"
    assert verdict.bad > 0 == verdict.rest_bad
    assert "requests of the canary's users bad, 0 of" in verdict.why


def test_a_slow_release_is_found_at_the_end_of_its_step() -> None:
    """Its median latency is half as long again as the others'."""
    verdict = judged(Shop(rate=200.0, seconds=32.0), share=0.25, slower=1.5)
    assert (verdict.state, verdict.bad) == ("worse", 0)
    assert verdict.slower == pytest.approx(0.5, abs=0.1)
    assert verdict.p_latency is not None
    assert verdict.p_latency < 1e-4


def test_a_slightly_slower_release_is_promoted() -> None:
    """A difference that is certain and small doesn't abort."""
    assert judged(Shop(rate=300.0, seconds=32.0), share=0.5, slower=1.1).state == "healthy"


def test_no_data_is_inconclusive() -> None:
    """With fewer requests than the plan needs, a step is neither good nor bad."""
    verdict = judged(Shop(rate=20.0, seconds=32.0))
    assert verdict.state == "no-data"
    assert verdict.why.endswith("requests of the canary's users, 20 are needed")


def test_a_fault_that_hits_everyone_is_not_the_canarys() -> None:
    """If the others are as bad, the analysis pauses rather than aborts."""
    shop = Shop(outages=[Outage(BEGAN + 1, 0.5)], rate=200.0, seconds=32.0)
    verdict = judged(shop, share=0.25)
    assert verdict.state == "unclear"
    assert verdict.why.endswith("both are bad")


def test_only_requests_that_involve_the_service_count() -> None:
    """Logins of the canary's users, which pricing has no part in, say nothing of it."""
    samples = Shop(rate=200.0).samples()
    assert sorted(samples.steps[number] for number in involved(samples, "pricing")) == ["checkout", "product"]
    outage = Shop(outages=[Outage(BEGAN, 1.0, ("login",))], rate=200.0, seconds=32.0)
    assert judged(outage, share=0.25).state == "healthy"


def test_a_region_that_takes_no_part_is_left_out() -> None:
    """With `regions`, users who are served elsewhere are among the others."""
    plan = replace(PLAN, regions=("eu-west",))
    everywhere, one = (
        judged(Shop(rate=300.0, seconds=32.0), share=0.25),
        judged(Shop(rate=300.0, seconds=32.0), share=0.25, plan=plan),
    )
    assert one.requests == pytest.approx(everywhere.requests / 2, rel=0.2)


def test_a_good_release_is_aborted_as_rarely_as_stated() -> None:
    """Of 150 canaries without a defect, at a background of one error in 200, at most 6 are aborted at `falseAbort: 1%`.

    With the stated 1 % the chance of more than 6 is below one in 100,000; the seeds are fixed all the same.
    """
    pool = Shop(errors=0.005, rate=300.0, seconds=32.0, seed=11).samples()
    aborted = 0
    for seed in range(150):
        records = pool.records.copy()
        np.random.default_rng(seed).shuffle(records["user"])
        samples = pool.part(records)
        judge = Judge(SLOS, lambda samples=samples: samples, make_detector, "pricing", RELEASE, PLAN)  # type: ignore[misc]
        judge.step(0.25, BEGAN)
        aborted += judge.verdict(32.0, ending=True).state in ("worse", "unclear")
    assert aborted <= 6


def test_the_runner_draws_the_users_that_the_services_draw() -> None:
    """The same number for each user: the storefront's own function decides."""
    from storefront.canary import drawn

    users = np.arange(1, 400)
    ours = is_drawn(users, RELEASE, 0.25)
    assert ours.tolist() == [drawn(str(user), RELEASE) < 2500 for user in users]
    assert 0.18 < ours.mean() < 0.32
    assert (is_drawn(users, RELEASE, 0.05) <= ours).all()


ALL, PRICES = (
    Slo.model_validate({"name": name, "sli": name, "objective": "99.5%"})
    for name in ("availability", "correctness")
)


@pytest.mark.parametrize("share_hanging", [1.0, 0.5])
def test_a_canary_that_hangs_is_found_in_the_step_after(share_hanging: float) -> None:
    """Its requests end at the client's time-out, as long after as the step lasts, when the share is larger."""
    whole = Shop(rate=300.0, seconds=35.0, seed=5).samples()
    records = whole.records
    touches = np.isin(records["step"], involved(whole, "pricing"))
    first = is_drawn(records["user"], RELEASE, 0.05) & (records["planned"] < BEGAN + 5)
    cohort = (first | is_drawn(records["user"], RELEASE, 0.25) & (records["planned"] >= BEGAN + 5)) & touches
    hangs = (
        cohort
        & (records["planned"] >= BEGAN)
        & (np.random.default_rng(1).random(len(records)) < share_hanging)
    )
    records["error"][hangs] = ErrorKind.TIMEOUT
    records["end"] = records["planned"] + np.where(hangs, 5.0, 0.01)
    upto = {"t": BEGAN}

    def samples() -> Samples:
        return whole.part(records[records["end"] <= upto["t"]])

    judge = Judge(SLOS, samples, make_detector, "pricing", RELEASE, replace(PLAN, bake=5.0))
    judge.step(0.05, BEGAN)
    upto["t"] = BEGAN + 5
    assert judge.verdict(BEGAN + 5, ending=False).bad == 0
    judge.step(0.25, BEGAN + 5)
    upto["t"] = BEGAN + 9
    verdict = judge.verdict(BEGAN + 9, ending=False)
    assert (verdict.state, verdict.rest_bad) == ("worse", 0)


@pytest.mark.parametrize("slos", [(ALL, PRICES), (PRICES, ALL)])
def test_the_order_of_the_slos_does_not_matter(slos: tuple[Slo, ...]) -> None:
    """An outage of everyone's availability doesn't hide the canary's wrong prices."""
    shop = Shop(outages=[Outage(BEGAN + 1, 0.3)], rate=300.0, seconds=32.0)
    whole = shifted(shop.samples(), 0.25, 0.0)
    touches = np.isin(whole.records["step"], involved(whole, "pricing"))
    wrong = touches & (whole.records["planned"] >= BEGAN) & is_drawn(whole.records["user"], RELEASE, 0.25)
    whole.records["correct"] = np.where(whole.records["error"] == 0, 1, 2)
    whole.records["correct"][wrong & (whole.records["error"] == 0)] = 0
    judge = Judge(slos, lambda: whole, make_detector, "pricing", RELEASE, PLAN)
    judge.step(0.25, BEGAN)
    verdict = judge.verdict(32.0, ending=True)
    assert verdict.state == "worse"
    assert verdict.why.startswith("correctness: ")


def test_a_latency_slo_alone_is_enough_to_be_judged() -> None:
    """The requests that involve the service count, so that a good release is healthy and not without data."""
    slow = Slo.model_validate({"name": "speed", "sli": "latency", "under": "300ms", "objective": "99%"})
    whole = shifted(Shop(rate=200.0, seconds=32.0).samples(), 0.25, 0.0)
    judge = Judge([slow], lambda: whole, make_detector, "pricing", RELEASE, PLAN)
    judge.step(0.25, BEGAN)
    verdict = judge.verdict(32.0, ending=True)
    assert verdict.state == "healthy"
    assert verdict.requests >= PLAN.least
