"""Tests of people and owners: CODEOWNERS syntax, and a located error for whoever doesn't exist."""

from __future__ import annotations

from pathlib import Path

import pytest

from gameday.changes.people import read_people
from gameday.changes.releases import Catalogue
from gameday.scenario.yaml_document import Invalid

PEOPLE = "people:\n  web-owner: {role: code owner, level: senior}\n  dev: {role: engineer, level: mid}\n"
OWNERS = "# who\n* @dev\n/releases/web-*/ @web-owner\n/docs/*  # nobody\n"
SPEC = """\
service: web
version: 1.1.0
kind: code
summary: s
author: {id: dev, role: engineer, level: mid}
approvals:
  - {id: web-owner, role: code owner, level: senior}
"""


def folder(tmp_path: Path, *, owners: str = OWNERS, people: str = PEOPLE, spec: str = SPEC) -> Path:
    (tmp_path / "OWNERS").write_text(owners)
    (tmp_path / "people.yaml").write_text(people)
    (tmp_path / "shop").mkdir()
    release = tmp_path / "releases" / "web-1.1.0"
    release.mkdir(parents=True)
    (release / "release.yaml").write_text(spec)
    return tmp_path


def test_the_last_matching_line_wins(tmp_path: Path) -> None:
    """A service's owners are those of its releases; a path without an owner on its line has none."""
    people = read_people(folder(tmp_path))
    assert people.owners_of_service("web") == ("web-owner",)
    assert people.owners_of_service("other") == people.owners.of("shop/deep/app.py") == ("dev",)
    assert people.owners.of("docs/a.md") == ()
    assert people.owners.line_of("shop/app.py") == 2


@pytest.mark.parametrize(
    ("owners", "where"),
    [
        ("* @dve\n", r"OWNERS:1:3: owner '@dve' doesn't exist.*\n.*did you mean 'dev'"),
        ("* @dev\nx dev\n", r"OWNERS:2:3: 'dev' isn't an owner"),
        ("!x @dev\n", "OWNERS:1:1: CODEOWNERS has no negated patterns"),
        ("[a @dev\nx[ab @dev\n", "OWNERS:2:1: unterminated character class"),
    ],
)
def test_a_wrong_line_of_owners_is_located(owners: str, where: str, tmp_path: Path) -> None:
    """Each wrong line is an error with file, line and column."""
    with pytest.raises(Invalid, match=where):
        read_people(folder(tmp_path, owners=owners))


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("id: dev", "id: dex", "release.yaml:5:14: 'dex' doesn't exist in people.yaml"),
        ("id: web-owner", "id: web-ownr", "release.yaml:7:10: 'web-ownr' doesn't exist"),
        ("level: mid", "level: senior", "release.yaml:5:42: dev is 'mid' in people.yaml, not 'senior'"),
        ("role: code owner", "role: auditor", "release.yaml:7:27: web-owner is 'code owner'"),
    ],
)
def test_a_wrong_identity_of_a_release_is_located(old: str, new: str, where: str, tmp_path: Path) -> None:
    """An unknown id, or a role or level that isn't the directory's, is an error at its place; nobody promotes himself."""
    top = folder(tmp_path, spec=SPEC.replace(old, new))
    (problem,) = Catalogue(top / "releases", top / "shop").check("web-1.1.0")
    assert where in str(problem)


def test_a_folder_without_people_has_none(tmp_path: Path) -> None:
    """Releases of a system without people.yaml and OWNERS are checked as before."""
    assert read_people(tmp_path).by_id == {}
    (tmp_path / "OWNERS").write_text("* @dev\n")
    with pytest.raises(Invalid, match=r"people\.yaml: can't be read"):
        read_people(tmp_path)
