"""Pytest plug-in: the fixture `gameday` in a test session of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.measured import measure
from tests.support.paths import GOLDEN

pytest_plugins = ["pytester"]
RECORDED = """
import json, pathlib
import pytest
from gameday.analysis import Outcome
from gameday.api import python_api

def run_scenario(scenario, *, out, **arguments):
    outcome = Outcome.read_file(pathlib.Path("outcome.json"))
    pathlib.Path("calls.json").write_text(json.dumps([str(scenario), str(out), arguments["substrate"]]))
    return python_api.RunResult(pathlib.Path(out) / "r1", outcome)

@pytest.fixture(autouse=True)
def recorded(monkeypatch):
    monkeypatch.setattr(python_api, "run_scenario", run_scenario)
"""
LIMIT = """
def test_recovery(gameday):
    outcome = gameday.run("bad-deploy-pricing")
    assert outcome.ttr_s < {limit}
"""
Session = Callable[..., pytest.RunResult]


@pytest.fixture
def session(pytester: pytest.Pytester) -> Session:
    """Return a function that runs a test file in a session whose runs have the outcome of the recorded one."""
    pytester.makeconftest(RECORDED)
    recorded = measure(GOLDEN)

    def run(text: str, *arguments: str, **changed: Any) -> pytest.RunResult:
        outcome: Mapping[str, Any] = {**recorded, **changed}
        (pytester.path / "outcome.json").write_text(json.dumps(outcome), encoding="utf-8")
        pytester.makepyfile(text)
        return pytester.runpytest_inprocess("-p", "no:cacheprovider", *arguments)

    return run


def test_a_passing_limit(session: Session, pytester: pytest.Pytester) -> None:
    """The fixture runs a scenario below the test's `tmp_path` on the automatic substrate."""
    session(LIMIT.format(limit=1000)).assert_outcomes(passed=1)
    scenario, out, substrate = json.loads((pytester.path / "calls.json").read_text(encoding="utf-8"))
    assert (scenario, substrate) == ("bad-deploy-pricing", "auto")
    assert Path(out).name.startswith("test_recovery")


def test_a_failure_names_clock_and_report(session: Session) -> None:
    """The message of a failed assertion says which clock it was, its value, and where the report lies."""
    result = session(LIMIT.format(limit=0.001))
    result.assert_outcomes(failed=1)
    result.stdout.re_match_lines_random(
        [
            r".*assert <TTR \d+\.\d\d s.*: time to recover, effect to recovered; report .*/r1/report\.html> < 0\.001"
        ]
    )


def test_an_inconclusive_run_skips(session: Session) -> None:
    """A run that proves nothing skips the test with its reason."""
    reasons = ["steady state not met"]
    result = session(LIMIT.format(limit=1), "-rs", exit_status=3, verdict="inconclusive", reasons=reasons)
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*bad-deploy-pricing is inconclusive: steady state not met; report*"])


@pytest.mark.parametrize(
    ("status", "message"), [(4, "the tool or the substrate failed"), (5, "something was left behind")]
)
def test_a_broken_run_fails(session: Session, status: int, message: str) -> None:
    """A run that failed by itself, or left something behind, fails the test whatever it asserts."""
    result = session(LIMIT.format(limit=1000), exit_status=status, verdict="error", reasons=["why"])
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"*bad-deploy-pricing: {message}: why; report*"])


def test_a_failed_expectation_is_left_to_the_test(session: Session) -> None:
    """A verdict of `fail` is returned: the test judges by its own assertions."""
    text = """
    def test_verdict(gameday):
        assert gameday.run("bad-deploy-pricing").verdict == "fail"
    """
    session(text, exit_status=1, verdict="fail").assert_outcomes(passed=1)


def test_options_set_folder_and_substrate(session: Session, pytester: pytest.Pytester) -> None:
    """`--gameday-out` keeps the runs, and `--gameday-substrate` chooses where systems run."""
    session(LIMIT.format(limit=1000), "--gameday-out", "kept", "--gameday-substrate", "process")
    assert json.loads((pytester.path / "calls.json").read_text(encoding="utf-8"))[1:] == ["kept", "process"]


@pytest.mark.full  # tests/test_plugin.py makes such a run, too
@pytest.mark.timeout(400)
def test_a_real_run(pytester: pytest.Pytester) -> None:
    """A run by the fixture recovers, and its report is written."""
    pytester.makepyfile(
        """
        def test_recovery(gameday):
            outcome = gameday.run("bad-deploy-pricing", substrate="process")
            assert outcome.passed and outcome.ttr_s < 30
            assert outcome.report.is_file()
        """
    )
    result = pytester.runpytest_subprocess("-rs", timeout=170)
    if result.parseoutcomes().get("skipped"):  # a machine that stood still proves nothing
        result = pytester.runpytest_subprocess("-rs", timeout=170)
    result.assert_outcomes(passed=1)
