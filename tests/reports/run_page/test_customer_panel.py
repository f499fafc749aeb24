"""gameday_reports.run_page.customer_panel: who noticed first, in words and as a curve."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from gameday_reports.run_page import customer_panel
from gameday_reports.run_page.run_data import Run, read
from tests.support import sample_run
from tests.support.sample_outcome import changed_outcome


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return read(sample_run.bad_deploy(tmp_path_factory.mktemp("customers") / "run"))


def changed(run: Run, **keys: Any) -> Run:
    reports = {**run.outcome.customer_reports.document(), **keys}
    return replace(run, outcome=changed_outcome(run.outcome, customer_reports=reports))


def test_ahead_and_missed_are_said(run: Run) -> None:
    """By side, with seconds."""
    assert customer_panel.describe_reports(run) == (
        "7 reports, the first 1.90 s after the effect, at most 2 in one second. Client-side monitors were 3.17 s ahead "
        "of the customers. Service-side monitors did not notice; the customers did."
    )


def test_behind_is_said(run: Run) -> None:
    """A monitor that came after them."""
    assert "Service-side monitors were 11.00 s behind the customers." in customer_panel.describe_reports(
        changed(run, ahead_service_s=-11)
    )


def test_a_side_without_a_monitor_is_said(run: Run) -> None:
    """It couldn't have noticed."""
    alone = replace(run, outcome=changed_outcome(run.outcome, detectors={"cusum": {"side": "client"}}))
    assert customer_panel.describe_reports(alone).endswith("There was no service-side monitor.")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"alarm_s": None}, "Too few for an alarm of theirs, which takes 5 within 60 s."),
        ({"total": 0}, "No customer would have reported anything."),
        ({"total": None}, "What customers would have reported was not measured."),
        ({"total": 1}, "One report, the first"),
    ],
)
def test_few_none_and_unknown_differ(run: Run, keys: dict[str, Any], said: str) -> None:
    """Each has its own words."""
    assert said in customer_panel.describe_reports(changed(run, **keys))


def test_the_curve_has_a_bar_for_each_second_with_reports(run: Run) -> None:
    """In both widths, at most as high as the plot, with a line for the alarm and for the side that noticed."""
    drawings = customer_panel.curve(run)
    assert len(drawings) == 2
    for svg in drawings:
        heights = [float(each) for each in re.findall(r'class="bar"[^>]* height="([\d.]+)"', svg)]
        assert heights == [48.0, 96.0, 96.0, 48.0, 48.0]
        assert re.findall(r'<line class="(\w+)"', svg) == ["axis", "client", "alarm"]
        assert "client-side 1.1 s" in svg
        assert "customers’ alarm 4.2 s" in svg


def test_no_reports_no_curve(run: Run) -> None:
    """There is nothing to draw."""
    assert customer_panel.curve(changed(run, curve={"since": 1.0, "counts": []})) == []
    assert customer_panel.curve(changed(run, curve=None)) == []
