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
    """Ten trials slower by half give p = 1/C(20, 10), a shift of about half, and two runs to open."""
    result = against(TEN, times(TEN, 1.5))
    (scenario,) = result["scenarios"]
    ttr = scenario["metrics"]["ttr_s"]
    assert (result["verdict"], result["exit_status"], scenario["verdict"]) == ("fail", 1, "regression")
    assert (ttr["base"]["median"], ttr["new"]["median"]) == (10.1, 15.15)
    assert ttr["p"] == pytest.approx(1 / 184756, rel=1e-5)
    assert ttr["p_holm"] == pytest.approx(1 / 184756 / 0.8, rel=1e-5)  # four fifths of the level are TTR's
    assert ttr["shift"]["relative"] == pytest.approx(0.5, abs=0.02)
    low, high = ttr["shift"]["interval"]
    assert low < ttr["shift"]["value"] < high
    assert result["reasons"] == [
        "bad-deploy: recovery 5.1 s slower (+50 %); detection unchanged; p = 6.8e-06 over 2 tests; "
        "open bad-deploy-b0 (base) and bad-deploy-n0 (new)"
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


@pytest.mark.parametrize(("base", "new", "n"), [(10, 20, 20), (1, 10, 20), (1, 8, 10), (0, 7, 10), (0, 5, 5)])
def test_more_trials_that_never_recover_are_a_regression(base: int, new: int, n: int) -> None:
    """Fisher's exact test finds that more trials never recovered, whether or not base has such trials."""
    recovered = [10.0 + i / 100 for i in range(n)]
    result = against([*recovered[base:], *[inf] * base], [*recovered[new:], *[inf] * new])
    (scenario,) = result["scenarios"]
    assert (scenario["verdict"], result["exit_status"]) == ("never-recovered", 1)
    assert result["reasons"][0].startswith(
        f"bad-deploy: {new} of {n} trials of new never recovered, {base} of {n} of base; p = "
    )


@pytest.mark.parametrize(("base", "new", "n"), [(0, 1, 10), (0, 2, 10), (1, 3, 10), (0, 1, 20)])
def test_a_few_trials_that_never_recover_may_be_chance(base: int, new: int, n: int) -> None:
    """One blip in ten trials is no regression: the same code against itself would fail too often."""
    recovered = [10.0 + i / 100 for i in range(n)]
    result = against([*recovered[base:], *[inf] * base], [*recovered[new:], *[inf] * new])
    assert (result["scenarios"][0]["verdict"], result["exit_status"]) == ("no-regression", 0)
    assert against([10.0], [inf])["exit_status"] == 3


@pytest.mark.parametrize("status", [3, 4, 130])
def test_trials_that_say_nothing_are_not_measured(status: int) -> None:
    """Inconclusive trials and those that were broken off neither count as slow nor as never recovered."""
    base, new = trials(TEN), trials([*TEN[:8], inf, 100.0], side="n")
    for trial in new[8:]:
        trial["exit_status"] = status
    result = compare({"bad-deploy": base}, {"bad-deploy": new})
    (scenario,) = result["scenarios"]
    assert (result["exit_status"], scenario["metrics"]["ttr_s"]["new"]["n"]) == (0, 8)
    assert scenario["shares"]["never"] == {
        "base": 0,
        "base_n": 10,
        "new": 0,
        "new_n": 8,
        "p": 1.0,
        "p_holm": None,
    }
    for trial in new:
        trial["exit_status"] = status
    assert compare({"bad-deploy": base}, {"bad-deploy": new})["exit_status"] == 3


def test_a_run_that_ended_as_recovered_and_was_not_is_not_measured() -> None:
    """A run ended as held, which the measurement finds never to have recovered, was ended too early to tell."""
    new = trials([*TEN[:4], *[inf] * 6], side="n")
    for trial in new[4:]:
        trial["run"]["ended"] = "held"
    result = compare({"bad-deploy": trials(TEN)}, {"bad-deploy": new})
    assert (result["exit_status"], result["scenarios"][0]["metrics"]["ttr_s"]["new"]["n"]) == (0, 4)
    for trial in new[4:]:
        trial["run"]["ended"] = "give_up"
    assert compare({"bad-deploy": trials(TEN)}, {"bad-deploy": new})["exit_status"] == 1


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
    assert result["scenarios"][0]["verdict"] == "never-recovered"
    assert result["scenarios"][0]["metrics"]["ttr_s"]["shift"]["value"] == "Infinity"
    assert "recovery for ever slower" in result["reasons"][1]


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
        "bad-deploy: 3 against 3 measured trials can never show a regression at α = 0.01 over 1 scenario; "
        "it takes 5 a side"
    ]
    assert result["scenarios"][0]["metrics"]["ttr_s"]["detectable"] == "Infinity"


def test_more_scenarios_take_more_trials() -> None:
    """α is for all scenarios: five a side are enough for two scenarios at 1 %, not for three."""
    for count, status in [(2, 0), (3, 3)]:
        side = {f"s{i}": trials(TEN[:5], f"s{i}") for i in range(count)}
        result = compare(side, side)
        assert (result["tests"], result["exit_status"]) == (2 * count, status)
    assert result["trials_needed"] == 6


def test_holm_judges_all_scenarios_together() -> None:
    """p = 7/924 alone is a regression; beside four unchanged scenarios it isn't."""
    base, new = [1.0, 2, 3, 4, 5, 6], [4.5, 5.5, 6.5, 7, 8, 9]
    alone = against(base, new, threshold=0.0)
    p = alone["scenarios"][0]["metrics"]["ttr_s"]["p"]
    assert p == pytest.approx(7 / 924, rel=1e-5)
    assert alone["scenarios"][0]["metrics"]["ttr_s"]["p_holm"] == pytest.approx(p / 0.8, rel=1e-5)
    assert alone["exit_status"] == 1
    others = {f"s{i}": trials(TEN, f"s{i}") for i in range(4)}
    result = compare({"x": trials(base, "x"), **others}, {"x": trials(new, "x"), **others}, threshold=0.0)
    assert result["scenarios"][-1]["metrics"]["ttr_s"]["p_holm"] == pytest.approx(5 * p / 0.8, rel=1e-5)
    assert result["exit_status"] == 0


def test_slower_detection_is_a_regression() -> None:
    """Detection three times as slow is found as such, though TTR is unchanged."""

    def side(ttd: float) -> dict[str, list[Any]]:
        return {"a": [outcome(f"r{i}", "a", ttr=trial, ttd=ttd + i / 10) for i, trial in enumerate(TEN)]}

    result = compare(side(2.0), side(6.0))
    ttd = result["scenarios"][0]["metrics"]["ttd_s"]
    assert (result["exit_status"], ttd["gated"], result["tests"]) == (1, True, 2)
    assert ttd["p_holm"] < 1e-4
    assert "detection 4.0 s slower (+163 %);" in result["reasons"][0]
    assert compare(side(2.0), side(2.0))["exit_status"] == 0


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


def test_a_fault_without_effect_is_a_result_of_its_own() -> None:
    """A new effect of a fault that had none is a regression by Fisher's test; no effect is no TTR of 0 s."""
    quiet = {"a": [outcome(f"r{i}", "a", effect=False) for i in range(6)]}
    loud = {"a": trials(TEN[:6], "a")}
    result = compare(quiet, loud)
    assert (result["scenarios"][0]["verdict"], result["exit_status"]) == ("regression", 1)
    assert result["scenarios"][0]["metrics"]["ttr_s"]["base"]["n"] == 0
    assert result["reasons"][0].startswith(
        "a: 6 of 6 trials of new had an effect, 0 of 6 of base; p = 0.0011"
    )
    assert compare(loud, quiet)["exit_status"] == compare(quiet, quiet)["exit_status"] == 0
    few = {"a": quiet["a"][:3]}
    assert compare(few, few)["exit_status"] == 3


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
