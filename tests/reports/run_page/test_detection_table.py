"""gameday_reports.run_page.detection_table: the limit, the error and the quiet time, said in words."""

from __future__ import annotations

from typing import Any

import pytest

from gameday.analysis.model.outcome_model import Outcome
from gameday_reports.run_page import detection_table
from tests.support.sample_outcome import outcome_of, sparse_outcome

COUNTS = {"requests": 300, "failed": 49, "users": 200, "affected": 40}


def outcome(**changed: Any) -> Outcome:
    return Outcome.model_validate(outcome_of(lambda text: text, COUNTS) | changed)


def test_the_limit_is_said_with_whose_it_is_and_both_its_ends() -> None:
    """p1 and the limit; TTD in multiples of it; p0, what bounds it, and the limit there."""
    first, second, caveat = detection_table.limit(outcome())
    assert first.startswith("The limit is that of checkout: 48.2 requests/s, of which 26.0 % were bad")
    assert "one false alarm in 30 days over the 4 paging streams" in first
    assert "raises 0.61 s after the first bad request, on the mean. TTD was 1.08 s: 1.8× the limit." in first
    assert "0.30 % bad: the steady state had 1 of 506, which bounds it at 0.93 % (95 %)" in second
    assert second.endswith("Were it that, the limit would be 0.93 s.")
    assert "independent" in caveat


def test_without_a_page_nothing_is_held_against_the_limit() -> None:
    """The limit stands all the same; a bound of p0 as high as p1 leaves nothing to detect."""
    changed = {"ratio": None, "limit_at_upper_s": None, "streams": 1}
    detection = outcome().detection.document() | changed
    first, second, _ = detection_table.limit(outcome(detection=detection, ttd_s=None, ttd_state="censored"))
    assert "in the one paging stream" in first
    assert first.endswith("No page came to be held against it.")
    assert second.endswith("there would have been nothing to detect.")


@pytest.mark.parametrize("detection", [None, {}, {"slo": "checkout", "limit_s": None}])
def test_no_limit_has_no_words(detection: Any) -> None:
    """Nothing is made up where there is none."""
    unlimited = sparse_outcome(detection=detection)
    assert (detection_table.limit(unlimited), detection_table.held_against(unlimited)) == ([], "")


def test_quiet_time_bounds_and_never_proves() -> None:
    """No page isn't none ever; pages have a rate and what can't be ruled out."""
    assert detection_table.quiet(outcome()) == (
        "No page in 10.30 s of quiet time, which bounds false pages at 1,047 an hour and no lower (95 %)."
    )
    long = {"seconds": 36_000.0, "pages": 0, "per_hour": 0.0, "bound_per_hour": 0.299573}
    assert "bounds false pages at 0.3 an hour" in detection_table.quiet(sparse_outcome(quiet=long))
    some = {"seconds": 600.0, "pages": 2, "per_hour": 12.0, "bound_per_hour": 37.77}
    sentence = (
        "2 false pages in 600.0 s of quiet time: 12 an hour, and up to 38 an hour can't be ruled out (95 %)."
    )
    assert detection_table.quiet(sparse_outcome(quiet=some)) == sentence


def test_no_quiet_time_has_no_words() -> None:
    """Broken in steady state, or an outcome that lacks it."""
    assert {
        detection_table.quiet(sparse_outcome()),
        detection_table.quiet(sparse_outcome(quiet={"seconds": None, "pages": None})),
    } == {""}


def test_each_detector_has_its_quiet_time() -> None:
    """Those that raised come first."""
    rows = [(row["name"], row["alarms"], row["bound"]) for row in detection_table.quiet_race(outcome())]
    assert rows == [("threshold", "1", "1,658 an hour"), ("cusum", "0", "1,047 an hour")]
    unknown = sparse_outcome(quiet={"detectors": {"cusum": {"alarms": None}}})
    assert detection_table.quiet_race(unknown) == []


def test_a_control_run_has_its_finding_in_large_figures() -> None:
    """Pages and their bound in place of three intervals that never began; any other run has none."""
    figures = detection_table.control_figures(outcome(ttr_state="no_effect"))
    assert [(figure.label, figure.value, figure.tone) for figure in figures] == [
        ("Effect on users", "no effect", "good"),
        ("False pages", "0", "good"),
        ("False pages at most", "1,047 an hour", "plain"),
    ]
    assert detection_table.control_figures(outcome()) == []
    assert detection_table.control_figures(outcome(ttr_state="no_effect", quiet=None)) == []


def test_error_is_told_where_known_and_spacing_where_not() -> None:
    """A machine that was never calibrated isn't passed off as exact."""
    (known,) = detection_table.precision(outcome())
    assert known.startswith("Known at 95 % are “effect” to within 0.28 s and “recovered” to within 0.29 s")
    (apart,) = detection_table.precision(
        outcome(error_s=dict.fromkeys(("effect", "recovered", "ttd", "ttr")))
    )
    assert apart.startswith("The spacing of bad requests alone may have set “effect” off by 0.24 s")
    assert "not calibrated" in apart
    assert detection_table.precision(sparse_outcome()) == []
