"""The policy that rolls back the change which most likely is the cause."""

from __future__ import annotations

from dataclasses import replace

from gameday.operations import Change, Operation, Suspect
from gameday.ports import View
from gameday.responders.suspect_policy import LIKELY, LONGEST_S, PATIENCE_S, RollbackSuspect
from tests.support.incidents import BAD, PAGE

LATER = Change("c2", 21.0, "gateway", "gateway-1.1.0", "gateway-1.0.0", "code", "", "timeline", "running")
CHANGES = (BAD, LATER)


def suspect(change: Change, odds: float) -> Suspect:
    return Suspect(change.id, change.t, change.service, change.release, "", odds, 9, 30, 0, 100)


def decided(waited: float, *ranked: Suspect, changes: tuple[Change, ...] = CHANGES) -> Operation | None:
    """Return what the policy decides so many seconds after the page, with a ranking of that moment."""
    view = View(PAGE.t + waited, (PAGE,), changes, suspects=ranked, ranked=PAGE.t + waited)
    return RollbackSuspect("auto").decide(view)


def test_a_likely_culprit_is_rolled_back_at_once_though_another_change_is_newer() -> None:
    """The newest change, which the default policy would take, stays."""
    wanted = Operation("rollback", "pricing", "auto", BAD.id)
    assert decided(0.0, suspect(BAD, 0.9), suspect(LATER, 0.02)) == wanted


def test_it_waits_for_evidence_while_two_changes_are_alike() -> None:
    """Below the odds that are enough it waits; then the likelier one will do if it beats "no change"."""
    ranked = suspect(BAD, LIKELY - 0.15), suspect(LATER, 0.4)
    assert decided(0.1, *ranked) is None
    assert decided(PATIENCE_S, *ranked) == Operation("rollback", "pricing", "auto", BAD.id)


def test_it_rolls_nothing_back_while_no_change_is_the_likeliest_cause() -> None:
    """It gives in after LONGEST_S: a roll-back costs less than an outage that nobody answers."""
    ranked = suspect(BAD, 0.2), suspect(LATER, 0.1)
    assert decided(LONGEST_S - 0.1, *ranked) is None
    assert decided(LONGEST_S, *ranked) == Operation("rollback", "pricing", "auto", BAD.id)


def test_a_ranking_older_than_the_page_decides_nothing() -> None:
    """What was ranked before the page doesn't know the outage that the page is about."""
    view = View(PAGE.t + 1, (PAGE,), CHANGES, suspects=(suspect(BAD, 0.99),), ranked=PAGE.t - 1)
    assert RollbackSuspect("auto").decide(view) is None
    assert RollbackSuspect("auto").decide(replace(view, ranked=None)) is None
    assert RollbackSuspect("auto").decide(replace(view, ranked=PAGE.t, alerts=())) is None


def test_a_change_that_was_tried_or_is_gone_is_passed_over() -> None:
    """The next one in the ranking is taken; without one, nothing."""
    done = ((Operation("rollback", "pricing", "auto", BAD.id), "done"),)
    ranked = suspect(BAD, 0.7), suspect(LATER, 0.28)
    view = View(PAGE.t + LONGEST_S, (PAGE,), CHANGES, done, suspects=ranked, ranked=PAGE.t + 1)
    assert RollbackSuspect("auto").decide(view) == Operation("rollback", "gateway", "auto", "c2")
    gone = tuple(replace(change, state="rolled-back") for change in CHANGES)
    assert decided(LONGEST_S, *ranked, changes=gone) is None
    assert decided(LONGEST_S) is None
