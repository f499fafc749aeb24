"""Tests of the warnings of valid scenarios."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from gameday.analysis.detection.scenario_warnings import rate_of, warnings
from gameday.cli import gameday
from gameday.execution import library
from tests.support.scenarios import SMALL, read


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("timeline:", "load: {rate: 2/s}\ntimeline:", "'checkout': about 6 requests in a window of 10 s; 20 are needed"),
        ("99.5%}", "99.5%, window: 1s}", "'checkout': about 18 requests in a window of 1 s; 20 are needed"),
        ("timeline:", "load: {journeys: {browse: 1}}\ntimeline:", "covers no request: add journey 'buy'"),
        ("timeline:", "giveUp: 5s\ntimeline:", "giveUp (5 s) is below hold (10 s)"),
        ("timeline:", "hold: 1s\ntimeline:", "hold is 1 s, but the best detector takes"),
    ],
)  # fmt: skip
def test_what_a_run_cannot_show_is_a_warning(tmp_path: Path, old: str, new: str, expected: str) -> None:
    """Too few requests in a window, a hold or patience that is too short: each is one warning with its remedy."""
    scenario = read(SMALL.replace(old, new), tmp_path)
    assert any(expected in warning for warning in warnings(scenario)), list(warnings(scenario))


def test_clocks_need_a_timeline(tmp_path: Path) -> None:
    """An expectation on a clock of a scenario without a fault is a warning."""
    text = SMALL[: SMALL.index("timeline:")] + "expect:\n  - ttr < 40s\n"
    (warning,) = warnings(read(text, tmp_path))
    assert warning.startswith("the timeline is empty, so ttr can't be measured")


def test_the_library_gives_no_warning() -> None:
    """Every scenario of the library can show what it expects."""
    for path in library.paths().values():
        assert list(warnings(library.read(path))) == [], path


def test_rates_add_up_over_journeys(tmp_path: Path) -> None:
    """An SLO on all requests covers the whole rate; `buy` has two requests of each journey."""
    scenario = read(
        SMALL.replace("timeline:", "load: {rate: 30/s, journeys: {browse: 1, buy: 1}}\ntimeline:"), tmp_path
    )
    (checkout,) = scenario.slos
    assert rate_of(scenario, checkout) == pytest.approx(20.0)
    assert rate_of(scenario, checkout.model_copy(update={"journey": None})) == pytest.approx(30.0)


@pytest.mark.parametrize("command", [["validate"], ["run", "--dry-run"]])
def test_warnings_leave_the_exit_status(tmp_path: Path, command: list[str]) -> None:
    """`validate` and `run --dry-run` print warnings on standard error and exit with 0."""
    path = tmp_path / "s.yaml"
    path.write_text(SMALL.replace("timeline:", "load: {rate: 2/s}\ntimeline:"), encoding="utf-8")
    result = CliRunner().invoke(gameday, [*command, str(path)], standalone_mode=False)
    assert not result.return_value
    assert f"warning: {path}: SLO 'checkout'" in result.stderr
    assert "ok" in result.stdout
