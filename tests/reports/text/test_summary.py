"""gameday_reports.text.summary: sentences for runs of every kind, and what is not known is said to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from gameday.recording.journal import Event
from gameday_reports.run_page.run_data import Run, read
from gameday_reports.text.event_timeline import moments
from gameday_reports.text.summary import delay_words, join_names, name_operation, summary
from tests.support import sample_run
from tests.support.sample_outcome import sparse_outcome
from tests.support.sample_review import Variant, variant

NO_CLOCK = dict.fromkeys(
    ("inject", "injected", "effect", "detect", "paged", "ack", "act", "acted", "recovered", "restored")
)
REVERTED = {
    "ended_by": "system",
    "operations": [],
    "faults": [{"inject": 14.2, "reverted": 19.9, "reverted_by": "schedule"}],
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return read(sample_run.bad_deploy(tmp_path_factory.mktemp("summary") / "run"))


def told(run: Run, of: Variant) -> list[str]:
    return summary(variant(run, of))


def test_a_quiet_run_had_no_fault(run: Run) -> None:
    """And says what its quiet time is worth."""
    said = told(run, Variant(outcome={"clocks": NO_CLOCK}, drop=["f1", "c1"]))
    assert said[0] == "No fault was injected in this run."
    assert said[1].startswith("No page in 10.30 s of quiet time")


def test_an_effect_that_nobody_measured_is_not_called_none(run: Run) -> None:
    """Unlike a fault that breached nothing."""
    said = told(run, Variant(outcome={"clocks": {**NO_CLOCK, "inject": 14.2}, "ttr_state": "not_measured"}))
    assert said[1] == "Its effect was not measured."


def test_an_impact_that_nobody_measured_is_said(run: Run) -> None:
    """In place of figures."""
    said = told(run, Variant(outcome={"impact": {"bad": None, "failed": None}}))
    assert said[1] == "Users were affected from 14.31 s on, 0.11 s later; how many was not measured."


def test_a_revert_just_after_the_last_failure_may_have_ended_it(run: Run) -> None:
    """It is not said that the system did; of one long after it is."""
    scenario = {"load": {"timeout": "2s"}}
    assert told(run, Variant(scenario=scenario, outcome=REVERTED))[3] == (
        "No operation ended the outage; the rehearsal took the fault back 0.27 s later, which can't be told from a "
        "recovery of the system's own."
    )
    late = {**REVERTED, "faults": [{"inject": 14.2, "reverted": 29.9, "reverted_by": "schedule"}]}
    assert told(run, Variant(scenario=scenario, outcome=late))[3].startswith(
        "The system ended the outage by itself"
    )


def test_an_outage_that_paused_before_the_rollback_may_have_gone_on(run: Run) -> None:
    """The system isn't credited with it; it is where what was done later didn't touch the cause."""
    ends = {"ended_by": "system", "clocks": {"recovered": 17.0}}
    assert told(run, Variant(outcome=ends))[3] == (
        "The last request failed before the rollback of pricing had an effect; what had hurt users was all gone "
        "2.52 s later. Whether the system had ended the outage or it only paused can't be told."
    )
    wrong = [
        {"t": 15.44, "name": "rollback", "target": "gateway", "by": "auto", "done": 19.52, "right": False}
    ]
    assert told(run, Variant(outcome={**ends, "operations": wrong}))[3].startswith(
        "The system ended the outage"
    )


def test_an_operation_that_nobody_recorded_is_not_named(run: Run) -> None:
    """Only that one ended the outage."""
    assert (
        told(run, Variant(outcome={"operations": []}))[3]
        == "The responder ended the outage with an operation."
    )


@pytest.mark.parametrize(
    ("audit", "words"),
    [
        ({"lost": None}, "Whether an order was lost was not audited."),
        ({"lost": None, "acknowledged": 0}, "No order was acknowledged, so none could be lost."),
        ({"lost": 1, "rpo_s": None}, "1 of 531 acknowledged orders was lost."),
    ],
)
def test_lost_orders(run: Run, audit: dict[str, object], words: str) -> None:
    """Known, unknown, and none that could be."""
    assert told(run, Variant(outcome={"audit": audit}))[-1] == words


def test_two_primaries_are_part_of_the_summary(run: Run) -> None:
    """Which databases, and when."""
    pair = {"primaries": ["eu-west/2", "us-east/2"], "since": 34.1, "until": 44.9}
    audit = {"two_primaries": 1, "two_primaries_spans": [pair]}
    assert told(run, Variant(outcome={"audit": audit}))[-1].endswith(
        "Two primaries: the databases eu-west/2 and us-east/2 both acknowledged orders from 34.10 s to 44.90 s of the run,"
        " so their data diverged."
    )


def test_a_fault_that_could_not_be_brought_about(run: Run) -> None:
    """Stands in the timeline with its reason; an operation without an end is told as ordered alone."""
    fault = Event(14.2, "fault.intended", "f1", {"kind": "link.down", "target": "checkout--payments"})
    failed = Event(14.4, "fault.failed", "f1", {"why": "no such link"})
    words = [
        moment.words
        for moment in moments(variant(run, Variant(drop=["f1", "operation.done"], add=[fault, failed])))
    ]
    assert "The fault could not be brought about: no such link." in words
    assert sum("Rollback of pricing" in word for word in words) == 1


def test_words() -> None:
    """Nouns of operations, lists, and times that would read 0.00 s."""
    assert [name_operation("promote", "eu-west"), name_operation("ack", ""), name_operation("", "")] == [
        "promotion of eu-west",
        "ack",
        "operation",
    ]
    assert join_names(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
    assert join_names(["a"]) == "a"
    assert [delay_words(0.004), delay_words(0.01)] == ["at once", "0.01 s later"]


def test_a_run_without_a_journal_says_so(tmp_path: Path) -> None:
    """Where it broke off."""
    folder = sample_run.inconclusive(tmp_path / "run")
    outcome = sparse_outcome(verdict="error", exit_status=4)
    (folder / "outcome.json").write_text(outcome.text())
    assert "It left no journal." in summary(read(folder))
