"""Tests of comparisons: what fails, what is inconclusive, what passes; hand-made trials and seeded
draws."""

from __future__ import annotations

import json
from math import inf
from typing import Any

import numpy as np
import pytest

from tests.support.documents import compare
from tests.support.outcomes import outcome, trials

TEN = [10.0, 10.4, 9.7, 11.2, 9.1, 10.9, 9.9, 10.2, 11.5, 8.8]


def against(base: list[Any], new: list[Any], **options: Any) -> dict[str, Any]:
    """Compare one scenario by its TTRs; check that the result is JSON."""
    result = compare({"bad-deploy": trials(base)}, {"bad-deploy": trials(new, side="n")}, **options)
    json.dumps(result, allow_nan=False)
    return result


def times(values: list[float], factor: float) -> list[float]:
    return [value * factor for value in values]


def draws(count: int, seed: int, cv: float = 0.15) -> list[list[float]]:
    """Return TTRs of ten trials each, drawn without replacement from 200 recorded ones with this
    coefficient of variation."""
    random = np.random.default_rng(seed)
    recorded = 12 * random.lognormal(0, np.sqrt(np.log1p(cv**2)), 200)
    return [random.choice(recorded, 10, replace=False).tolist() for _ in range(count)]


def test_a_clear_rise_is_a_regression() -> None:
    """Ten trials slower by half give p = 1/C(20, 10) and a shift of about half, both in the reason."""
    result = against(TEN, times(TEN, 1.5))
    (scenario,) = result["scenarios"]
    ttr = scenario["metrics"]["ttr_s"]
    assert (result["verdict"], result["exit_status"], scenario["verdict"]) == ("fail", 1, "regression")
    assert (ttr["base"]["median"], ttr["new"]["median"]) == (10.1, 15.15)
    assert ttr["p"] == ttr["p_holm"] == pytest.approx(1 / 184756, rel=1e-5)
    assert ttr["shift"]["relative"] == pytest.approx(0.5, abs=0.02)
    low, high = ttr["shift"]["interval"]
    assert low < ttr["shift"]["value"] < high
    assert result["reasons"] == [
        "bad-deploy: TTR rose from 10.1 s to 15.1 s in the median: a shift of 5.1 s, +50%, "
        "p = 5.4e-06 after Holm over 1 test"
    ]


def test_a_sure_but_small_rise_passes() -> None:
    """A significant rise of 10 % passes at the threshold of 15 % and fails at 5 %."""
    base = [10.0 + i / 100 for i in range(10)]
    result = against(base, times(base, 1.1))
    assert result["scenarios"][0]["metrics"]["ttr_s"]["p"] < 1e-4
    assert (result["verdict"], result["exit_status"], result["reasons"]) == ("pass", 0, [])
    assert against(base, times(base, 1.1), threshold=0.05)["exit_status"] == 1


def test_a_large_rise_that_may_be_noise_passes() -> None:
    """A shift over 15 % between widely spread sides isn't significant."""
    result = against([2.0, 30.0, 5.0, 60.0, 9.0, 14.0], [3.0, 36.0, 6.0, 70.0, 12.0, 18.0])
    assert result["scenarios"][0]["metrics"]["ttr_s"]["shift"]["relative"] > 0.15
    assert (result["scenarios"][0]["verdict"], result["exit_status"]) == ("no-regression", 0)


def test_an_improvement_passes() -> None:
    """The test is one-sided: a recovery faster by half is no regression."""
    assert against(TEN, times(TEN, 0.5))["exit_status"] == 0


def test_a_trial_that_never_recovered_fails_at_once() -> None:
    """If every trial of base recovered, one that didn't is a regression without statistics."""
    result = against(TEN, [*TEN[:9], inf])
    assert (result["scenarios"][0]["verdict"], result["exit_status"]) == ("never-recovered", 1)
    assert result["reasons"] == ["bad-deploy: 1 of 10 trials of new never recovered; all 10 of base did"]
    assert against([10.0], [inf])["exit_status"] == 1


def test_never_recovering_on_both_sides_is_no_difference() -> None:
    """∞ − ∞ = 0: if base has trials that never recovered, the rank test judges new, and it passes."""
    result = against([*TEN[:8], inf, inf], [*TEN[:8], inf, inf])
    assert (result["scenarios"][0]["verdict"], result["exit_status"]) == ("no-regression", 0)
    result = against([inf] * 6, [inf] * 6)
    assert result["scenarios"][0]["metrics"]["ttr_s"]["shift"]["value"] == 0.0
    assert result["exit_status"] == 0


def test_many_more_that_never_recover_are_detected_by_rank() -> None:
    """One infinite TTR of ten in base and all in new: an infinite shift over a finite median is a
    regression."""
    result = against([*TEN[:9], inf], [inf] * 10)
    assert result["scenarios"][0]["verdict"] == "regression"
    assert result["scenarios"][0]["metrics"]["ttr_s"]["shift"]["value"] == "Infinity"
    assert "to ∞ in the median" in result["reasons"][0]


def test_three_a_side_can_not_be_judged() -> None:
    """Three trials a side give exit status 3 however slow new is, with the number of trials needed."""
    result = against([10.0, 10.1, 10.2], [50.0, 51.0, 52.0])
    assert (result["verdict"], result["exit_status"], result["scenarios"][0]["verdict"]) == (
        "inconclusive",
        3,
        "too-few",
    )
    assert result["trials_needed"] == 5
    assert result["reasons"] == [
        "bad-deploy: 3 against 3 values of TTR can never show a regression at α = 0.01 over 1 test; it takes 5 a side"
    ]
    assert result["scenarios"][0]["metrics"]["ttr_s"]["detectable"] == "Infinity"


def test_more_scenarios_take_more_trials() -> None:
    """α is for all scenarios: five a side are enough for two scenarios at 1 %, not for three."""
    for count, status in [(2, 0), (3, 3)]:
        side = {f"s{i}": trials(TEN[:5], f"s{i}") for i in range(count)}
        result = compare(side, side)
        assert (result["tests"], result["exit_status"]) == (count, status)
    assert result["trials_needed"] == 6


def test_holm_judges_all_scenarios_together() -> None:
    """p = 7/924 alone is a regression; beside four unchanged scenarios it isn't."""
    base, new = [1.0, 2, 3, 4, 5, 6], [4.5, 5.5, 6.5, 7, 8, 9]
    alone = against(base, new, threshold=0.0)
    p = alone["scenarios"][0]["metrics"]["ttr_s"]["p"]
    assert p == pytest.approx(7 / 924, rel=1e-5)
    assert alone["exit_status"] == 1
    others = {f"s{i}": trials(TEN, f"s{i}") for i in range(4)}
    result = compare({"x": trials(base, "x"), **others}, {"x": trials(new, "x"), **others}, threshold=0.0)
    assert result["scenarios"][-1]["metrics"]["ttr_s"]["p_holm"] == pytest.approx(5 * p, rel=1e-5)
    assert result["exit_status"] == 0


def test_ttd_is_gated_only_on_request() -> None:
    """Detection three times as slow passes with an unchanged TTR, unless TTD is gated."""

    def side(ttd: float) -> dict[str, list[Any]]:
        return {"a": [outcome(f"r{i}", "a", ttr=trial, ttd=ttd + i / 10) for i, trial in enumerate(TEN)]}

    result = compare(side(2.0), side(6.0))
    ttd = result["scenarios"][0]["metrics"]["ttd_s"]
    assert (result["exit_status"], result["gated"], ttd["gated"], ttd["p_holm"]) == (
        0,
        ["ttr_s"],
        False,
        None,
    )
    assert ttd["p"] < 1e-4
    result = compare(side(2.0), side(6.0), gate_ttd=True)
    assert (result["exit_status"], result["tests"]) == (1, 2)
    assert "TTD rose" in result["reasons"][0]


def test_a_scenario_missing_in_new_can_not_be_judged() -> None:
    """A scenario missing in new is inconclusive; one only in new is reported and passes."""
    both, more = {"a": trials(TEN, "a")}, {"a": trials(TEN, "a"), "b": trials(TEN, "b")}
    result = compare(more, both)
    assert (result["exit_status"], result["missing"]) == (3, {"base": [], "new": ["b"]})
    result = compare(both, more)
    assert (result["exit_status"], result["missing"]) == (0, {"base": ["b"], "new": []})
    assert result["reasons"] == ["b: base has no run of it, so there is nothing to compare with"]


def test_nothing_in_common_is_inconclusive() -> None:
    """Without a common scenario the comparison is inconclusive."""
    result = compare({}, {"a": trials(TEN, "a")})
    assert (result["exit_status"], result["scenarios"]) == (3, [])
    assert "base and new have no scenario in common" in result["reasons"]


def test_a_failure_outweighs_an_inconclusive_scenario() -> None:
    """A regression beside a scenario with too few trials gives exit status 1, the regression first."""
    base = {"a": trials(TEN[:2], "a"), "b": trials(TEN, "b")}
    result = compare(base, {"a": trials(TEN[:2], "a"), "b": trials(times(TEN, 2), "b")})
    assert result["exit_status"] == 1
    assert [reason.split(":")[0] for reason in result["reasons"]] == ["b", "a"]


def test_a_fault_without_effect_is_an_outage_of_no_time() -> None:
    """A new effect of a fault that had none is a regression; the reverse passes."""
    quiet = {"a": [outcome(f"r{i}", "a", effect=False) for i in range(6)]}
    loud = {"a": trials(TEN[:6], "a")}
    result = compare(quiet, loud)
    assert (result["scenarios"][0]["verdict"], result["exit_status"]) == ("regression", 1)
    assert result["scenarios"][0]["metrics"]["ttr_s"]["shift"]["relative"] == "Infinity"
    assert compare(loud, quiet)["exit_status"] == compare(quiet, quiet)["exit_status"] == 0


def test_trials_without_a_value_do_not_make_up_the_number() -> None:
    """Unmeasured trials don't count: ten a side with three values in new are too few."""
    result = against(TEN, [*TEN[:3], *[None] * 7])
    assert result["scenarios"][0]["new"]["n"] == 10
    assert result["scenarios"][0]["metrics"]["ttr_s"]["new"]["n"] == 3
    assert against(TEN, [None] * 10)["exit_status"] == 3


@pytest.mark.parametrize("options", [{"alpha": 0.0}, {"alpha": 1.0}, {"threshold": -0.1}])
def test_rules_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    """A level outside 0…1 and a negative threshold are rejected."""
    with pytest.raises(ValueError, match="no comparison"):
        compare({}, {}, **options)


def failures(pairs: list[tuple[list[float], list[float]]], **options: Any) -> int:
    return sum(against(base, new, **options)["exit_status"] == 1 for base, new in pairs)


def test_the_same_code_against_itself_hardly_ever_fails() -> None:
    """Of 50 comparisons of the same recorded trials, ten a side, at most 2 fail, for a spread as of
    TTR or TTD."""
    for cv in (0.15, 0.5):
        sides = draws(100, seed=11, cv=cv)
        assert failures(list(zip(sides[:50], sides[50:], strict=True))) <= 2


def test_a_rise_by_thirty_percent_is_detected() -> None:
    """TTR +30 % at ten a side and CV 15 % is detected in at least 80 % of 100 draws, at α = 0.01."""
    sides = draws(200, seed=12)
    slower = [times(side, 1.3) for side in sides[100:]]
    assert failures(list(zip(sides[:100], slower, strict=True))) >= 80


def test_a_detectable_increase_is_detected_in_four_of_five() -> None:
    """The increase that the comparison calls detectable is detected in 80 % of 100 draws, give or
    take 10."""
    sides = draws(200, seed=13)
    results = [
        against(base, new)["scenarios"][0]["metrics"]["ttr_s"]["detectable"]
        for base, new in zip(sides[:20], sides[20:40], strict=True)
    ]
    slower = [times(side, 1 + float(np.median(results))) for side in sides[100:]]
    assert 70 <= failures(list(zip(sides[:100], slower, strict=True))) <= 90


def test_the_result_does_not_depend_on_the_order_of_trials() -> None:
    """Figures and verdict don't depend on the order of trials."""
    one, two = against(TEN, times(TEN, 1.2)), against(TEN[::-1], times(TEN, 1.2)[::-1])
    for key in ("p", "p_holm", "shift", "detectable"):
        assert one["scenarios"][0]["metrics"]["ttr_s"][key] == two["scenarios"][0]["metrics"]["ttr_s"][key]
