"""gameday_reports.run_page.impact_table: who was hurt, in words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gameday_reports.run_page import impact_table
from gameday_reports.run_page.run_data import Run, read
from tests.support import sample_run
from tests.support.sample_outcome import sparse_outcome


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return read(sample_run.bad_deploy(tmp_path_factory.mktemp("impact") / "run"))


def test_releases_are_summed_for_the_changed_service(run: Run) -> None:
    """Answers in which the same release of the service had part are one row."""
    tables: dict[str, Any] = dict(impact_table.tables(run))
    rows = [(row["name"], row["requests"], row["bad"]) for row in tables["By release of pricing"]]
    assert rows == [
        ("pricing-1.0.0", "16", "0"),
        ("pricing-1.1.0", "240", "49"),
        ("without pricing", "60", "0"),
    ]


def test_home_and_the_region_that_answered_are_told_apart(run: Run) -> None:
    """Two tables, each with its heading."""
    headings = [heading for heading, _ in impact_table.tables(run)]
    assert headings[:2] == ["By the users’ region", "By the region that answered"]


def test_the_grid_crosses_regions_and_journeys(run: Run) -> None:
    """Share in words and as a bar, and how long; nothing where nobody came, no time where nobody was hurt."""
    grid = impact_table.grid(run)
    assert grid is not None
    assert grid.journeys == ["browse", "buy", "login"]
    (west, (browse, buy, login)), (east, (_, bought, logged_in)) = grid.regions
    assert (west, east) == ("eu-west", "us-east")
    assert browse == impact_table.Cell("23.8 %", "5.10 s", "23.8", True)
    assert (buy.width if buy else "", login, bought) == ("7.5", None, None)
    assert logged_in == impact_table.Cell("0 %", "", "0.0", False)


def test_how_long_users_were_hurt_is_said(run: Run) -> None:
    """With the median and the longest; nothing where nobody was."""
    said = impact_table.describe_users(run)
    assert "users were hurt, over 7.28 s from the first bad request to the last" in said
    assert said.endswith("the median was 0.02 s, the longest 4.11 s.")
    assert impact_table.describe_users(replace(run, outcome=sparse_outcome(impact={"users": 0}))) == ""
    one = {"users": 1, "hurt_s": 1.0, "user_hurt_s": {"median": 1.0, "longest": 1.0}}
    assert impact_table.describe_users(replace(run, outcome=sparse_outcome(impact=one))).startswith(
        "One user was hurt, over 1.00 s"
    )


def test_an_outcome_of_nothing_has_no_grid(run: Run) -> None:
    """And no table."""
    empty = replace(run, outcome=sparse_outcome())
    assert (impact_table.grid(empty), impact_table.tables(empty)) == (None, [])
