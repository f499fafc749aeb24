"""gameday_reports.review.provenance: what is known of a change, whether AI had part, and what a review is to ask of it."""

from __future__ import annotations

from typing import Any

import pytest

from gameday_reports.review.provenance import QUESTIONS, ai_sentence, questions, role, shipped, together
from gameday_reports.run_page.run_data import Run, read
from tests.support import sample_run
from tests.support.sample_review import Variant, variant

SENIOR_OWNER = [{"role": "code owner", "level": "senior"}]
MID_PEER = [{"role": "software engineer", "level": "mid"}]
BY_MID = {"role": "software engineer", "level": "mid"}

ASKED: list[tuple[str, dict[str, Any], str]] = [
    ("unowned", {"approvals": []}, "without any approval on record"),
    ("unowned", {"approvals": MID_PEER}, "No owner of the service"),
    ("unsenior", {"author": BY_MID, "approvals": MID_PEER}, "level is “mid” and nobody senior"),
    ("untraced", {"ai": {"tool": "assistant"}}, "Not on record of the AI that had part: model, prompt."),
    ("stageless", {}, "It went to both regions at once"),
    ("risky", {"kind": "auth"}, "AI had part in a change of kind “auth”"),
    ("one_way", {"reversible": False}, "can't be taken back"),
    ("one_way", {"migration": "rename.sql"}, "carries a migration"),
]
NOT_ASKED: list[tuple[str, dict[str, Any]]] = [
    ("unowned", {"approvals": SENIOR_OWNER}),
    ("unsenior", {"author": BY_MID, "approvals": SENIOR_OWNER}),
    ("unsenior", {"approvals": MID_PEER}),
    ("untraced", {}),
    ("unknown", {}),
    ("stageless", {"strategy": "rolling"}),
    ("risky", {"kind": "config"}),
    ("one_way", {}),
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return read(sample_run.bad_deploy(tmp_path_factory.mktemp("provenance") / "run"))


@pytest.mark.parametrize(("rule", "edit", "words"), ASKED)
def test_a_question_is_asked_where_the_record_leaves_it_open(
    run: Run, rule: str, edit: dict[str, Any], words: str
) -> None:
    """Of the change alone that it is about."""
    change = shipped(variant(run, Variant(edit={"c1": edit})))[1]
    (asked,) = [each(change) for each in QUESTIONS if each.__name__ == rule]
    assert words in asked
    assert asked in questions(change)


@pytest.mark.parametrize(("rule", "edit"), NOT_ASKED)
def test_no_question_where_the_record_answers_it(run: Run, rule: str, edit: dict[str, Any]) -> None:
    """A change that was done by the book asks nothing."""
    change = shipped(variant(run, Variant(edit={"c1": edit})))[1]
    (asked,) = [each(change) for each in QUESTIONS if each.__name__ == rule]
    assert asked == ""


def test_a_change_that_says_nothing_of_ai_asks_for_it(run: Run) -> None:
    """And is told apart from one without AI."""
    silent, with_ai = shipped(run)
    assert (silent.ai, with_ai.ai) == (None, True)
    assert ai_sentence(silent) == "Whether AI had part in it is not recorded."
    assert "This one does not." in " ".join(questions(silent))
    without = shipped(variant(run, Variant(edit={"c0": {"author": BY_MID, "ai": False}})))[0]
    assert without.ai is False
    assert ai_sentence(without) == "No AI had part in it, by its record."


def test_approvals_that_nobody_recorded_are_not_missing_ones(run: Run) -> None:
    """Unknown is said, and isn't taken for none."""
    change = shipped(variant(run, Variant(edit={"c0": {"ai": {"tool": "assistant"}}})))[0]
    assert (change.ai, change.approvals) == (True, None)
    assert not any("approval" in question for question in questions(change))


def test_every_question_is_tried() -> None:
    """A rule that is added must be shown to ask, and not to ask."""
    names = {each.__name__ for each in QUESTIONS}
    assert {name for name, *_ in ASKED} | {"unknown"} == names
    assert {name for name, _ in NOT_ASKED} == names


def test_schema_and_auth_at_once_are_asked_about(run: Run) -> None:
    """Of two changes of one run."""
    kinds = Variant(edit={"c0": {"kind": "schema"}, "c1": {"kind": "auth"}})
    assert len(list(together(shipped(variant(run, kinds))))) == 1
    assert list(together(shipped(run))) == []


def test_rollbacks_are_no_changes_of_their_own(run: Run) -> None:
    """They are operations; the faulty change is known by its fault."""
    assert [(each.change.release, each.faulty) for each in shipped(run)] == [
        ("catalog-1.1.0", False),
        ("pricing-1.1.0", True),
    ]


def test_a_role_is_said_with_its_level() -> None:
    """Whatever form the record has."""
    assert role({"role": "code owner", "level": "senior"}) == "code owner (senior)"
    assert role({"role": "auditor"}) == "auditor"
    assert role("Pricing lead") == "Pricing lead"
