"""Tests of simulated customer reports, a pure function of samples and seed."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gameday.analysis.evidence.recorded_run import read_run
from gameday.analysis.impact.customer_reports import ALARM, MEDIAN_S, PROBABILITY, WITHIN_S, alarm_at, reports
from gameday.recording.journal import Event
from gameday.recording.samples import ErrorKind
from tests.support.measured import measure
from tests.support.run_folders import END, Request, Story, failing, steadily, write


def story(seed: int = 7) -> Story:
    recorded = Story().begin().deploy(18.0, 19.0).page(21.0).rollback(22.5, 29.0).finish()
    first = recorded.events[0]
    recorded.events[0] = Event(first.t, first.kind, first.subject, {**first.data, "seed": seed})
    return recorded


def reports_in(folder: Path, requests: list[Request], seed: int = 7, **scenario: Any) -> dict[str, Any]:
    customer_reports: dict[str, Any] = measure(write(folder, story(seed), requests, **scenario))[
        "customer_reports"
    ]
    return customer_reports


def test_one_in_twenty_reports_after_some_seconds(tmp_path: Path) -> None:
    """About 200 of 4,000 users with a failure report it, half of them within the median delay."""
    requests = [Request(18.0 + i / 4000, user=i) for i in range(4000)]
    for request in requests:
        request.error = ErrorKind.STATUS
    times = reports(read_run(write(tmp_path / "run", story(), requests)), 18.0)
    assert len(times) == pytest.approx(4000 * PROBABILITY, abs=4 * (4000 * 0.05 * 0.95) ** 0.5)
    assert statistics.median(times - 18.5) == pytest.approx(MEDIAN_S, rel=0.25)
    assert times.min() > 18.0


def test_the_same_samples_and_seed_give_the_same_reports(tmp_path: Path) -> None:
    """Reports depend on samples and seed alone; another seed gives others."""
    one, again, other = (
        reports_in(tmp_path / name, failing(steadily(), 20.0, 40.0), seed)
        for name, seed in (("a", 7), ("b", 7), ("c", 8))
    )
    assert one == again
    assert one["curve"] != other["curve"]


def test_the_order_in_which_workers_wrote_doesn_t_matter(tmp_path: Path) -> None:
    """Reports depend on user and time, not on the position of a record."""
    requests = failing(steadily(), 20.0, 40.0)
    assert reports_in(tmp_path / "a", requests) == reports_in(tmp_path / "b", requests[::-1])


def test_curve_total_and_peak_agree(tmp_path: Path) -> None:
    """The curve counts reports of each second from the effect on; its last count isn't zero."""
    reports = reports_in(tmp_path / "run", failing(steadily(), 20.0, 45.0))
    counts = reports["curve"]["counts"]
    assert reports["curve"]["since"] == 20.0
    assert (sum(counts), max(counts), counts[-1] > 0) == (reports["total"], reports["peak"], True)
    assert int(reports["first_s"]) == next(second for second, count in enumerate(counts) if count)
    assert len(counts) <= END - 20.0


def test_without_hurt_users_there_are_no_reports(tmp_path: Path) -> None:
    """Without a failure the total is zero, not unknown, and there is no first report."""
    good = Story().begin().deploy(18.0, 19.0, fault=False).finish(reason="no_effect")
    customer_reports = measure(write(tmp_path / "run", good, steadily()))["customer_reports"]
    assert (
        customer_reports["total"],
        customer_reports["peak"],
        customer_reports["first_s"],
        customer_reports["curve"]["counts"],
    ) == (0, 0, None, [])


def test_without_a_judgement_every_figure_is_null(tmp_path: Path) -> None:
    """If nothing was measured, every figure is null, the curve too."""
    broken = Story().begin().deploy(18.0, 19.0).finish(19.5, "interrupted")
    customer_reports = measure(write(tmp_path / "run", broken, steadily(19.5)))["customer_reports"]
    assert set(customer_reports.values()) == {None}


def test_a_journey_that_went_wrong_twice_is_one_reason_to_complain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two wrong prices in one journey are one reason to report; the user's next journey is another."""
    monkeypatch.setattr("gameday.analysis.impact.customer_reports.PROBABILITY", 1.0)
    requests = steadily()
    for t, took in ((20.0, 0.01), (20.21, 0.02), (25.0, 0.01)):
        requests.append(Request(t, took, user=99_999, error=ErrorKind.WRONG, correct=0))
    run = read_run(write(tmp_path / "run", story(), requests))
    assert len(reports(run, 18.0)) == 2


def test_the_alarm_is_the_fifth_report_within_a_minute() -> None:
    """The alarm is the fifth report within a minute; fewer reports, or sparser ones, raise none."""
    assert alarm_at(np.array([1.0, 2.0, 3.0, 4.0])) is None
    assert alarm_at(np.array([1.0, 2.0, 3.0, 4.0, 1.0 + WITHIN_S])) == 1.0 + WITHIN_S
    assert alarm_at(np.array([1.0, 2.0, 3.0, 4.0, 61.1, 62.1])) is None
    assert alarm_at(np.array([1.0, 50.0, 51.0, 52.0, 62.0, 63.0])) == 63.0
    assert ALARM == 5


def test_monitors_are_ahead_of_customers_or_behind(tmp_path: Path) -> None:
    """CUSUM paged 1 s after the effect, before the customers' alarm; the service-side alert of 50 s
    came after it."""
    late = (
        Story()
        .begin()
        .deploy(18.0, 19.0)
        .page(21.0)
        .page(50.0, detector="scrape", pages=False, alert="a2")
        .finish()
    )
    outcome = measure(write(tmp_path / "run", late, failing(steadily(), 20.0, 60.0)))
    customer_reports = outcome["customer_reports"]
    assert customer_reports["ahead_client_s"] == pytest.approx(customer_reports["alarm_s"] - 1.0)
    assert customer_reports["ahead_service_s"] == pytest.approx(customer_reports["alarm_s"] - 30.0)
    assert customer_reports["ahead_client_s"] > 0 > customer_reports["ahead_service_s"]


def test_an_expectation_may_speak_of_them(tmp_path: Path) -> None:
    """Expectations may name the reports' figures; a figure of an alarm that never came is unknown."""
    expect = [
        "customer_reports.ahead_client_s > 0s",
        "customer_reports.peak >= 1",
        "customer_reports.alarm_s > 2s",
    ]
    folder = write(tmp_path / "run", story(), failing(steadily(), 20.0, 45.0), expect=expect)
    assert [expectation["holds"] for expectation in measure(folder)["expectations"]] == [True, True, True]
    few = write(tmp_path / "few", story(), failing(steadily(), 20.0, 20.2), expect=expect[:1])
    assert [judged["holds"] for judged in measure(few)["expectations"]] == [None]
