"""Tests of a change's identity: levels, stated provenance, and the hash that binds it to the diff."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from gameday.changes.change_identity import Ai, Person, diff_hash, text_hash
from gameday.changes.releases import ReleaseSpec

PATCH = "--- a/shop/app.py\n+++ b/shop/app.py\n@@ -1,3 +1,3 @@\n before\n-old\n+new\n after\n"
SPEC = {
    "service": "web",
    "version": "1.0.0",
    "kind": "code",
    "summary": "s",
    "author": {"role": "r", "level": "mid"},
}


def test_the_hash_of_a_diff_leaves_out_lines_around_it() -> None:
    """Moved code and other context keep the hash; another added line, path or removed line doesn't."""
    moved = PATCH.replace("-1,3 +1,3", "-11,3 +12,3").replace(" before", " something else")
    assert diff_hash(moved) == diff_hash(PATCH)
    for old, new in (("+new", "+newer"), ("-old", "-older"), ("shop/app.py", "shop/other.py")):
        assert diff_hash(PATCH.replace(old, new)) != diff_hash(PATCH)


def test_a_removed_line_that_looks_like_a_header_counts() -> None:
    """`--- x` inside a hunk is a removed line, whatever it looks like."""
    sql = PATCH.replace("-old", "--- drop it")
    assert diff_hash(sql) != diff_hash(PATCH)
    assert diff_hash(sql) == diff_hash(sql.replace("-1,3", "-2,3"))


def test_a_prompt_is_hashed_without_its_ends() -> None:
    """White space that YAML adds at the end doesn't change the hash."""
    assert text_hash("Fix it.\n") == text_hash("Fix it.") != text_hash("Fix this.")


@pytest.mark.parametrize(
    ("level", "senior"), [("junior", False), ("mid", False), ("senior", True), ("staff", True)]
)
def test_seniority_follows_the_level(level: str, senior: bool) -> None:
    """Senior and everything above is senior; an unknown level isn't."""
    assert Person(role="r", level=level).is_senior is senior
    assert not Person(role="r", level="wizard").is_senior


def test_ai_is_stated_or_unknown() -> None:
    """`ai: none` says no, a mapping says yes, a missing key is unknown; anything else is an error."""
    assert ReleaseSpec.model_validate(SPEC).ai is None
    assert ReleaseSpec.model_validate({**SPEC, "ai": "none"}).ai == "none"
    stated = ReleaseSpec.model_validate({**SPEC, "ai": {"tool": "t", "model": "m", "prompt": "p"}}).ai
    assert isinstance(stated, Ai)
    with pytest.raises(ValidationError, match="ai"):
        ReleaseSpec.model_validate({**SPEC, "ai": "no"})
