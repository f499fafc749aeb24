"""What a page says of the changes in flight."""

from __future__ import annotations

from dataclasses import replace

from gameday.operations import Suspect
from gameday.run.suspect_ranking import sentence
from tests.support.incidents import BAD

AUTHOR = "software engineer, mid, with code assistant"
BEST = Suspect("c1", 20.0, "pricing", "pricing-1.1.0", AUTHOR, 0.968, 9, 30, 0, 100)
LATER = replace(BAD, id="c2", t=BAD.t + 1)


def test_a_page_names_the_likeliest_change_and_its_author() -> None:
    """The number of changes in the last five minutes, the likeliest one, its author and its odds."""
    told = sentence((BAD, LATER), (BEST,), BAD.t + 10)
    assert told == f"2 changes in the last 5 min; most likely pricing-1.1.0 by {AUTHOR} (97 %)"


def test_a_page_without_a_likely_change_says_so() -> None:
    """Odds below one half name none."""
    told = sentence((BAD,), (replace(BEST, odds=0.49),), BAD.t + 10)
    assert told == "1 change in the last 5 min, none of them a likely cause yet"
    assert sentence((BAD,), (), BAD.t + 10) == told


def test_old_changes_and_roll_backs_are_not_counted() -> None:
    """A page without a recent change says nothing."""
    assert sentence((BAD,), (), BAD.t + 300) == ""
    assert sentence((replace(BAD, rollback_of="c0"),), (), BAD.t + 10) == ""
