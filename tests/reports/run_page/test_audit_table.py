"""gameday_reports.run_page.audit_table: what the records came to, in words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gameday.analysis.expressions.vocabulary import AUDIT
from gameday.recording.journal import Event
from gameday_reports.run_page import audit_table
from gameday_reports.run_page.run_data import Run, read
from tests.support import sample_run
from tests.support.sample_outcome import sparse_outcome


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return read(sample_run.bad_deploy(tmp_path_factory.mktemp("audit") / "run"))


def with_audit(run: Run, **found: Any) -> Run:
    return replace(run, outcome=sparse_outcome(audit=found))


def test_every_figure_of_the_audit_is_shown() -> None:
    """None is left out."""
    assert {key for key, _, _ in audit_table.CHECKS} == set(AUDIT)


def test_what_must_be_zero_is_marked_where_it_is_not(run: Run) -> None:
    """A wrong amount is; orders that are only in doubt aren't, and what wasn't measured isn't either."""
    rows = {row["what"]: (row["value"], row["bad"]) for row in audit_table.audit(run)}
    assert rows["Orders whose records name different amounts"] == ("1", "yes")
    assert rows["Sum of those differences"] == ("1.50", "")
    assert rows["Orders paid though the client got no answer"] == ("2", "")
    assert rows["Units sold beyond the stock taken"] == ("not measured", "")
    assert rows["Recovery point: age of the oldest lost order"] == ("0.00 s", "")


def test_why_a_record_is_missing_is_said(run: Run) -> None:
    """As the journal tells it; without a reason there is nothing to say."""
    assert audit_table.note(run) == ""
    told = replace(run, events=[Event(50.0, "audit", "", {"why": "payments: none runs"})])
    assert audit_table.note(told) == (
        "A record could not be had, and what rests on it is not measured (payments: none runs)."
    )


def test_nothing_acknowledged_is_said(run: Run) -> None:
    """So that nobody takes it for none lost."""
    assert "none that could have been lost" in audit_table.note(with_audit(run, acknowledged=0, lost=None))
    assert audit_table.note(with_audit(run, acknowledged=0, lost=0)) == ""
