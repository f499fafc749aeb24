"""Tests of the gates on git repositories that the tests make, with good and bad commits."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gameday.changes.repository.git_commands import Repository
from gameday.changes.repository.repository_gates import ALL, Options, Result, check_range, kind_of
from gameday.ports import PortError
from gameday.scenario.yaml_document import Invalid
from tests.support.git_repositories import BY_AI, BY_HAND, commit, git, repository

OWNED = {"approvers": ("@web-owner",)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return repository(tmp_path / "repository")


def check(folder: Path, **options: object) -> Result:
    return check_range(Repository(folder), "main", "change", Options(**{**OWNED, **options}))  # type: ignore[arg-type]


def stopping(result: Result) -> list[str]:
    return [evaluation.gate for evaluation in result.evaluations if evaluation.stops]


@pytest.mark.parametrize("trailers", [BY_HAND, BY_AI], ids=["by hand", "ai"])
def test_a_good_commit_passes_every_gate(trailers: str, folder: Path) -> None:
    """A small change with trailers and the owner's approval passes."""
    commit(folder, {"web/app.py": "x = 2\n"}, f"Change x\n\n{trailers}")
    result = check(folder)
    assert (result.commits, result.files, result.lines) == (1, 1, 2)
    assert stopping(result) == []
    assert [evaluation.gate for evaluation in result.evaluations] == list(ALL)


@pytest.mark.parametrize(
    ("gate", "files", "trailers", "place"),
    [
        ("trailers", {"web/app.py": "x = 2\n"}, "", "web/app.py:1: commit"),
        ("trailers", {"web/app.py": "x = 2\n"}, "AI-Assisted: tool/model", "isn't bound to its prompt"),
        ("trailers", {"web/app.py": "x = 2\n"}, "AI-Assisted: tool\nPrompt-Hash: x", "names no model"),
        (
            "secrets",
            {"web/app.py": 'x = 1\nkey = "AKIA3XPLE7' + 'KLMNOPQRST"\n'},
            BY_HAND,
            "web/app.py:2: AWS",
        ),
        ("static", {"web/app.py": "x = 1\nprint(nowhere)\n"}, BY_HAND, "web/app.py:2: "),
        ("dependencies", {"requirements.txt": "rich>=1\n"}, BY_HAND, "requirements.txt:1: "),
        ("infrastructure", {"main.tf": "a = 1\nforce_destroy = true\n"}, BY_HAND, "main.tf:2: "),
        ("policy", {"a.sql": "SELECT 1;\n", "web/auth/x.txt": "x\n"}, BY_HAND, "schema and auth together"),
        ("size", {"web/long.txt": "x\n" * 1001}, BY_HAND, "web/long.txt:1: 1,001 lines changed"),
    ],
)
def test_a_bad_commit_is_stopped_by_its_gate(
    gate: str, files: dict[str, str], trailers: str, place: str, folder: Path
) -> None:
    """Each planted defect stops one gate alone, with file and line."""
    commit(folder, files, f"Change\n\n{trailers}")
    result = check(folder)
    assert stopping(result) == [gate]
    assert place in str(result.findings[0][1])


def test_control_characters_in_a_message_are_part_of_it(folder: Path) -> None:
    """A separator of files, records or fields in a message neither ends a commit nor adds a trailer."""
    commit(folder, {"web/app.py": "x = 2\n"}, "One\x1e\x1fAI-Assisted: none\x1f \x1cb\n\nBody")
    commit(folder, {"web/app.py": "x = 3\n"}, f"Two\n\n{BY_HAND}\x1eReviewed-By: me")
    first, second = Repository(folder).commits("main", "change")
    assert (first.subject, first.author, first.trailers) == (
        "One\x1e\x1fAI-Assisted: none\x1f \x1cb",
        "dev@example.com",
        {},
    )
    assert second.trailers == {"ai-assisted": ("none\x1eReviewed-By: me",)}
    assert {gate for gate, _ in check(folder).findings} == {"trailers"}


@pytest.mark.parametrize("approvers", [(), ("@someone",), ("dev@example.com",)])
def test_an_owner_other_than_the_author_approves(approvers: tuple[str, ...], folder: Path) -> None:
    """Without an owner's approval the change is stopped; the author's own doesn't count."""
    commit(folder, {"web/app.py": "x = 2\n", "mine/a.txt": "a\n"}, f"Change\n\n{BY_HAND}")
    findings = check(folder, approvers=approvers).findings
    assert {gate for gate, _ in findings} == {"ownership"}
    assert "no owner of mine/a.txt has approved" in str(findings[0][1])


def test_a_change_can_not_weaken_the_rules_that_judge_it(folder: Path) -> None:
    """Owners and policies are those of the base: what the change makes of them counts from the next one on."""
    files = {
        "CODEOWNERS": "* @dev\n",
        "policies/own.yaml": "rules: []\n",
        "a.sql": "x\n",
        "web/auth/x.txt": "x\n",
    }
    commit(folder, files, f"Change\n\n{BY_HAND}")
    result = check(folder, approvers=("@dev",))
    assert stopping(result) == ["ownership", "policy"]


KEY = 'key = "AKIA3XPLE7' + 'KLMNOPQRST"\n'


@pytest.mark.parametrize("attributes", ["*.py -diff", "*.py binary", "* -text -diff", "*.py diff=none"])
def test_attributes_of_the_change_hide_nothing(attributes: str, folder: Path) -> None:
    """A change that calls its files binary is still read line by line, if its attributes are checked out."""
    commit(folder, {".gitattributes": f"{attributes}\n", "web/app.py": f"x = 1\n{KEY}"}, f"A\n\n{BY_HAND}")
    assert [(gate, finding.line) for gate, finding in check(folder).findings] == [("secrets", 2)]


def test_a_binary_file_has_no_lines_to_review(folder: Path) -> None:
    """A file with NUL isn't measured in lines, but what it holds is looked at."""
    commit(folder, {"web/image.bin": "\0x\n" * 2000}, f"Add\n\n{BY_HAND}")
    assert stopping(check(folder)) == []
    commit(folder, {"web/image.bin": f"\0x\n{KEY}"}, f"Change\n\n{BY_HAND}")
    assert stopping(check(folder)) == ["secrets"]


@pytest.mark.parametrize(
    "name", ["image.svg", "poetry.lock", "x.png", "x.PNG", "x.bin", "x.map", "plain", ".env"]
)
def test_a_file_name_hides_no_secret(name: str, folder: Path) -> None:
    """Files that detect-secrets would skip by their names are searched as text."""
    commit(folder, {f"web/{name}": KEY}, f"Add\n\n{BY_HAND}")
    assert stopping(check(folder, gates=("secrets",))) == ["secrets"]


@pytest.mark.parametrize("character", ["\f", "\v", "\x1c", "\x85", "\u2028", "\r", "\0"])
def test_a_control_character_hides_no_line(character: str, folder: Path) -> None:
    """Lines are counted as git counts; the line after the character is judged, at its own number."""
    text = f"# a{character} # b\nx = 1\n{KEY}print(nowhere)\n".replace("\0", "\t")
    with (folder / "web/app.py").open("w", encoding="utf-8", newline="") as file:
        file.write(text)
    commit(folder, {}, f"Change\n\n{BY_HAND}")
    places = [(gate, finding.file, finding.line) for gate, finding in check(folder).findings]
    assert places == [("secrets", "web/app.py", 3), ("static", "web/app.py", 4)]


@pytest.mark.parametrize(
    "name", ["a b.py", 'a"b.py', "a\tb.py", "a\\b.py", "é.py", "a b/x b/y.py", "b/b b.py"]
)
def test_unusual_paths_are_judged(name: str, folder: Path) -> None:
    """A path is that of the repository, whatever characters it has."""
    commit(folder, {f"web/{name}": f"{KEY}print(nowhere)\n"}, f"Add\n\n{BY_HAND}")
    result = check(folder, approvers=())
    assert {(gate, finding.file) for gate, finding in result.findings} == {
        ("ownership", f"web/{name}"),
        ("secrets", f"web/{name}"),
        ("static", f"web/{name}"),
    }


@pytest.mark.parametrize("subject", ["A \x1e b", "A \x1f b", "A \x1e\x1f\x1e b"])
def test_control_characters_of_a_subject_part_no_fields(subject: str, folder: Path) -> None:
    """Commits are told apart whatever their subjects hold."""
    commit(folder, {"web/app.py": "x = 2\n"}, f"{subject}\n\n{BY_HAND}")
    commit(folder, {"web/app.py": "x = 3\n"}, f"Next\n\n{BY_AI}")
    result = check(folder)
    assert (result.commits, stopping(result)) == (2, [])


def test_a_root_commit_in_the_range_is_judged(folder: Path) -> None:
    """A branch that merges another history has a commit without parents."""
    for words in (["checkout", "-q", "--orphan", "other"], ["rm", "-rfq", "."]):
        git(folder, *words)
    commit(folder, {"web/other.py": "y = 1\n"}, "Start elsewhere")
    git(folder, "checkout", "-q", "change")
    git(folder, "merge", "-q", "--allow-unrelated-histories", "-m", "Merge", "other")
    result = check(folder)
    assert stopping(result) == ["trailers"]
    assert "web/other.py:1: commit" in str(result.findings[0][1])


def spoil(folder: Path, path: str, text: str) -> None:
    """Put a wrong file on main, and a change on top of it."""
    subprocess.run(["git", "-C", str(folder), "checkout", "-q", "main"], check=True)
    commit(folder, {path: text}, "Spoil")
    subprocess.run(["git", "-C", str(folder), "checkout", "-q", "-B", "change"], check=True)


@pytest.mark.parametrize(
    ("path", "text", "where"),
    [
        ("CODEOWNERS", "* web-owner\n", "CODEOWNERS:1:3: 'web-owner' isn't an owner"),
        ("policies/own.yaml", "rules: []\n", "policies/own.yaml:1:8: must not be empty"),
    ],
)
def test_a_wrong_rule_of_the_repository_is_located(path: str, text: str, where: str, folder: Path) -> None:
    """A file of the base that can't be used is an error at its place; nothing is judged by half of the rules."""
    spoil(folder, path, text)
    with pytest.raises(Invalid, match=where):
        check(folder)


def test_unknown_revisions_and_folders_are_errors(folder: Path, tmp_path: Path) -> None:
    """The message names the option, and no revision is taken for an option of git."""

    def ask(path: Path, base: str) -> Result:
        return check_range(Repository(path), base, "main", Options())

    with pytest.raises(Invalid, match=r"--base: there is no commit 'gone'"):
        ask(folder, "gone")
    with pytest.raises(Invalid, match=r"there is no commit '--output=x'"):
        ask(folder, "--output=x")
    with pytest.raises((Invalid, PortError), match=r"no commit|can't be run"):
        ask(tmp_path, "main")


def test_paths_say_the_kind_of_a_change() -> None:
    """Infrastructure, schema and auth are told by their paths; everything else is code or config."""
    paths = ("deploy/a.py", "x/migrations/1.py", "web/login.py", "a/b.yaml", "author.py")
    assert [kind_of(path) for path in paths] == ["infra", "schema", "auth", "config", "code"]
