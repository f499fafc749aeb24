"""gameday_reports.run_page.alert_lag_table: a waterfall of what an alert waited for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gameday.analysis.model.event_models import AlertLag, DetectorResult
from gameday.recording.event import Event
from gameday_reports.run_page import alert_lag_table
from gameday_reports.run_page.render import render
from gameday_reports.run_page.run_data import Run, read
from tests.support import sample_run

PARTS = [
    {"name": "scrape+rule", "setting": "scrape_interval + expr", "configured_s": None, "seconds": 2.0},
    {"name": "for", "setting": "for", "configured_s": 4.0, "seconds": 4.0},
    {"name": "group_wait", "setting": "group_wait", "configured_s": 5.0, "seconds": 2.0},
]
LAG: dict[str, Any] = {
    "alert": "a9",
    "detector": "alertmanager",
    "name": "<b>Burn</b>",
    "slo": "checkout",
    "arrived": 30.0,
    "total_s": 8.0,
    "parts": PARTS,
    "offset_s": -0.25,
    "offset_error_s": 0.002,
}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    own = read(sample_run.bad_deploy(tmp_path / "run"))
    outside = {"alertmanager": DetectorResult(side="outside", pages=True, ttd_s=8.0)}
    changed = {"alert_lags": (AlertLag.model_validate(LAG),), "detectors": own.outcome.detectors | outside}
    return replace(own, outcome=own.outcome.model_copy(update=changed))


def test_parts_follow_each_other_and_settings_that_wait_stand_out(run: Run) -> None:
    """Bars of parts add up to the axis; the limit and the own detectors follow, from 0."""
    (waterfall,) = alert_lag_table.waterfalls(run)
    parts = [row for row in waterfall.rows if row.kind in ("part", "wait")]
    assert [(row.left, row.width, row.kind, row.value) for row in parts] == [
        (0.0, 25.0, "part", ""),
        (25.0, 50.0, "wait", "4.00 s"),
        (75.0, 25.0, "wait", "5.00 s"),
    ]
    assert parts[0].what == "until a scrape saw it, until the rule's expression was true"
    others = waterfall.rows[len(parts) :]
    assert [row.what for row in others][-2:] == ["gameday's cusum", "gameday's threshold"]
    assert {row.left for row in others} == {0.0}


def test_sentences_name_the_settings_and_the_clock(run: Run) -> None:
    text = " ".join(alert_lag_table.waterfalls(run)[0].sentences)
    assert "came 8.00 s after the first bad request; 6.00 s of it, 75.0 %, are settings that wait" in text
    assert "(for: 4.00 s and group_wait: 5.00 s)" in text
    assert "Prometheus’s clock was 250.0 ms behind this machine’s, to within 2.0 ms" in text


def test_the_page_shows_it_and_escapes_names(run: Run) -> None:
    page = render(run)
    assert "What &lt;b&gt;Burn&lt;/b&gt; waited for" in page
    assert "<b>Burn</b>" not in page


def test_a_detector_that_heard_nothing_says_what_to_check(run: Run) -> None:
    """The reason of the first refusal is named; a detector that heard something is silent here."""
    assert "Nothing came for alertmanager in the whole run" in alert_lag_table.silence(run)
    refused = Event(5.0, "alerts.refused", "alertmanager", {"why": "connection refused"})
    assert alert_lag_table.silence(replace(run, events=[*run.events, refused])).endswith(
        "connection refused."
    )
    heard = Event(5.0, "alerts.received", "alertmanager", {"via": "webhook", "body": "{}"})
    assert alert_lag_table.silence(replace(run, events=[*run.events, heard])) == ""
