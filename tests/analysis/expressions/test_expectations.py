"""Tests of expectations: what is rejected before a run, and the three values after one."""

from __future__ import annotations

from pathlib import Path

import pytest

from gameday.analysis import Outcome, measure
from gameday.analysis.expressions.expectations import check, evaluate
from tests.support.run_folders import Story, failing, steadily, write


@pytest.mark.parametrize(
    "expression",
    [
        "ttd < 5s",
        "ttr < 30s && ttfr < 2min || !recovered",
        "!effect",
        "restored && ack && act && detect",
        "impact.failed_ratio < 2%",
        "audit.lost == 0 && audit.rpo_s <= 0s",
        'slos["browse-speed"].verdict == "ok"',
        "slos.checkout.budget_spent < 50%",
        'ended_by in ["responder", "system"]',
        "operations.wrong == 0 && operations.total >= 1",
        "changes.refused == 1 && changes.failed == 0 && changes.total >= 1",
        "detectors.cusum.ttd < detectors.scrape.ttd && !detectors.scrape.detected",
        'slos.all(name, slos[name].verdict == "ok")',
        "effect ? ttr < 5s : alerts == 0",
        "ttr - ttd < 20s && ttr-5s < 20s",
        'ended_by.startsWith("resp")',
        "tta < 3 && ttd_from_inject < 2s && load.not_sent == 0 && relapses == 0 && false_alarms == 0 && limit < 1s",
    ],
)
def test_good_expressions(expression: str) -> None:
    """Every documented name and feature is accepted."""
    assert check(expression) is None


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("tdd < 5s", ["unknown name 'tdd', at character 1", "did you mean 'ttd'"]),
        (
            "ttd < 5s && impact.fialed == 0",
            ["unknown name 'impact.fialed', at character 13", "did you mean 'failed'"],
        ),
        ("impact < 3", ["'impact' is a group", "impact.failed_ratio"]),
        ("ttd.x < 3s", ["'ttd' has no members"]),
        ("slos.checkout < 3s", ["'slos.checkout' is a group", "slos.checkout.verdict"]),
        ("300ms < ttd && ttd < 5x", ["unknown unit 'x', at character 23", "known are us, ms"]),
        ("300ms < ttd &&& ttr", ["isn't a CEL expression, at character 15"]),
        ("", ["isn't a CEL expression, at character 1"]),
        ("ttd", ["isn't true or false"]),
        ('ttd == "5s"', ["mixes values that can't be compared"]),
        ('!effect || ttd == "5s"', ["mixes values that can't be compared"]),
        ("2s < ttd < 5s", ["comparisons can't be chained", "2s < ttd && ttd < 5s"]),
        ("detect < 5s", ["'detect' is true or false", "times are ttd"]),
        ("1 < detectors.cusum.detected", ["'detectors.cusum.detected' is true or false"]),
        ("size(slos) == 2", ["there is no function 'size'"]),
        ("ended_by.startswith('x')", ["there is no function 'startswith'", "did you mean 'startsWith'"]),
        ("slos.all(n, slos[m].verdict == 'ok')", ["unknown name 'm'"]),
        ("slos.all(n, slos.all(m, n == m))", ["'all' can't be inside another one, at character 13"]),
    ],
)
def test_bad_expressions(expression: str, words: list[str]) -> None:
    """Each mistake is one clear message with its place and a hint, before anything runs."""
    problem = check(expression)
    assert problem is not None
    for word in words:
        assert word in problem


def test_names_that_the_scenario_chose() -> None:
    """Names of SLOs and detectors are checked if the scenario's are given."""
    assert check('slos.prices.verdict == "ok"', slos=["prices"]) is None
    assert "did you mean 'prices'" in str(check('slos["price"].verdict == "ok"', slos=["prices"]))
    assert "there is no 'cusm' in detectors" in str(check("detectors.cusm.ttd < 1s", detectors=["cusum"]))


@pytest.fixture(scope="module")
def recovered(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Return an outcome with TTD 1 s, TTA 1.5 s, TTR 10 s, ended by the responder; no audit, so its
    keys are null."""
    story = Story().begin().deploy(18.0, 19.0).page(21.0).rollback(22.5, 29.0).finish()
    return measure(write(tmp_path_factory.mktemp("expect") / "run", story, failing(steadily(), 20.0, 30.0)))


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Return an outcome of a run neither detected nor recovered."""
    story = Story().begin().deploy(18.0, 19.0).finish(reason="give_up")
    return measure(write(tmp_path_factory.mktemp("expect") / "run", story, failing(steadily(), 20.0, 60.0)))


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("ttd < 5s", True),
        ("ttd < 1s", False),
        ("ttd == 1 && tta == 1.5s", True),
        ("audit.lost == 0", None),
        ("!(audit.lost == 0)", None),
        ("audit.lost == 0 || ttd < 5s", True),
        ("audit.lost == 0 && ttd < 1s", False),
        ("audit.lost == 0 && ttd < 5s", None),
        ("audit.lost == 0 ? true : true", None),
        ("-audit.lost < 1", None),
        ("limit < 1s", None),
        ("effect && recovered && act", True),
        ('ended_by == "responder"', True),
        ("ended_by in ['system', 'schedule']", False),
        ('slos.all(name, slos[name].verdict == "breach")', True),
        ('slos["nobody"].verdict == "ok"', None),
        ("detectors.scrape.detected || detectors.scrape.ttd < 60s", False),
        ("impact.failed == 200 && impact.failed_ratio > 99%", True),
        ("changes.total == 1 && changes.failed == 0", True),
        ("changes.refused == 1", False),
    ],
)
def test_three_values(recovered: Outcome, expression: str, holds: bool | None) -> None:
    """An unmeasured value makes the result unknown, unless the other side of && or || decides it."""
    assert evaluate(expression, recovered).holds is holds


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("ttr < 1000h", False),
        ("ttr > 1000h", True),
        ("ttd < 5s", False),
        ("tta < 5s", None),
        ("!recovered && !detect", True),
        ('ended_by == "responder"', False),
        ("detectors.cusum.ttd < 60s", False),
    ],
)
def test_censored_is_infinite(lost: Outcome, expression: str, holds: bool | None) -> None:
    """A censored duration is larger than any number; a duration without a beginning is unknown."""
    assert evaluate(expression, lost).holds is holds


def test_values_and_states_are_recorded(recovered: Outcome, lost: Outcome) -> None:
    """The result has the names used and their values; a null has its state."""
    problem = evaluate('ttd < 5s && slos["shop"].verdict == "breach" && audit.lost == 0', recovered)
    assert problem.values == {"ttd": 1.0, "slos.shop.verdict": "breach", "audit.lost": None}
    assert problem.states == {"audit.lost": "not_measured"}
    censored = evaluate("ttr < 30s || ttr < 60s", lost)
    assert (censored.values, censored.states) == ({"ttr": None}, {"ttr": "censored"})


def test_no_effect_is_unknown(tmp_path: Path) -> None:
    """Without an effect durations and recovery are unknown; `effect` itself is known."""
    story = Story().begin().deploy(18.0, 19.0).finish(reason="no_effect")
    outcome = measure(write(tmp_path / "run", story, steadily()))
    for expression in (
        "ttd < 5s",
        "ttr < 5s",
        "recovered",
        "restored",
        'ended_by == "system"',
        "detectors.cusum.ttd < 1s",
    ):
        assert evaluate(expression, outcome).holds is None
    for expression in ("!effect", "!detect", "impact.failed == 0", "!detectors.cusum.detected"):
        assert evaluate(expression, outcome).holds is True
    assert evaluate("ttd < 5s", outcome).states == {"ttd": "no_effect"}
