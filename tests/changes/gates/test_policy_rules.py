"""Tests of policy rules: located errors for what doesn't compile, is constant, or judges its own example wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from gameday.changes.gates.policy_rules import read_rules
from gameday.scenario.yaml_document import Invalid

RULE = """\
rules:
  - name: big
    message: too big
    deny: diff.added > 400
    examples:
      - {denied: true, diff: {added: 401}}
      - {denied: false, diff: {added: 4}}
"""


def problems(tmp_path: Path, text: str) -> str:
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    try:
        read_rules([path])
    except Invalid as error:
        return str(error).replace(str(path), "rules.yaml")
    return ""


def test_a_good_rule_is_read_with_its_place(tmp_path: Path) -> None:
    """A rule knows file and line, and judges a change; a value that isn't known leaves it open."""
    path = tmp_path / "rules.yaml"
    path.write_text(RULE)
    (rule,) = read_rules([tmp_path])
    assert (rule.line, rule.needs_state) == (2, False)
    assert [rule.denies({"diff": {"added": value}}) for value in (500.0, 5.0, None)] == [True, False, None]


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("diff.added > 400", "diff.added >", "rules.yaml:4:11: isn't a CEL expression"),
        ("diff.added > 400", "diff.lines > 400", "rules.yaml:4:11: unknown name 'diff.lines'"),
        (
            "diff.added > 400",
            "diff.added > 4 || diff.added <= 4",
            "rules.yaml:4:11: can't fail: it holds whatever",
        ),
        ("diff.added > 400", "diff.added > 4 && diff.added < 3", "rules.yaml:4:11: can't hold"),
        ("diff.added > 400", "change.kind == 'shema'", "rules.yaml:4:11: change.kind is never 'shema'"),
        ("diff.added > 400", "diff.added", "rules.yaml:4:11: isn't true or false"),
        ("added: 401", "added: 4", "rules.yaml:6:9: rule big doesn't deny this example"),
        ("added: 4}", "added: 999}", "rules.yaml:7:9: rule big denies this example"),
        ("added: 401", "lines: 401", "rules.yaml:6:30: unknown name 'lines'"),
        ("denied: false, diff: {added: 4}", "denied: true, diff: {added: 500}", "all have one result"),
        ("    deny: diff.added > 400\n", "", "'deny' is missing"),
        ("message", "mesage", "unknown key 'mesage'"),
    ],
)
def test_a_wrong_rule_is_located(old: str, new: str, where: str, tmp_path: Path) -> None:
    """Each problem of a rule has its file, line and column, before anything ships."""
    assert where in problems(tmp_path, RULE.replace(old, new, 1))


def test_free_texts_and_time_windows_can_be_compared(tmp_path: Path) -> None:
    """Names and paths are free texts; a freeze by time is a rule on weekday and hour."""
    paths = RULE.replace("diff.added > 400", "diff.paths.contains('.tf')").replace(
        "added: 401", "paths: a.tf"
    )
    assert problems(tmp_path, paths) == ""
    friday = RULE.replace("diff.added > 400", 'state.weekday == "fri" && state.hour >= 15')
    friday = friday.replace("diff: {added: 401}", "state: {weekday: fri, hour: 16}")
    assert problems(tmp_path, friday) == ""


def test_a_folder_without_policies_is_an_error(tmp_path: Path) -> None:
    """A misspelt folder doesn't switch the policies off."""
    with pytest.raises(Invalid, match="has no policy file"):
        read_rules([tmp_path])
    with pytest.raises(Invalid, match="can't be read"):
        read_rules([tmp_path / "no.yaml"])
