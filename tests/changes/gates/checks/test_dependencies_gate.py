"""Tests of the gate `dependencies`: manifests without their lock file, requirements without a version."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gameday.changes.changed_files import ChangedFile
from tests.support.proposals import findings, proposal


@pytest.mark.parametrize(
    ("path", "line", "lock"),
    [
        ("pyproject.toml", '  "httpx>=0.27",', "uv.lock"),
        ("web/package.json", '    "left-pad": "^1.3.0",', "web/package-lock.json"),
        ("go.mod", "require example.com/x v1.2.3", "go.sum"),
        ("Cargo.toml", 'serde = "1.0"', "Cargo.lock"),
        ("Gemfile", "gem 'rails'", "Gemfile.lock"),
    ],
)
def test_a_lock_file_changes_with_its_manifest(path: str, line: str, lock: str) -> None:
    """A dependency without its lock is found at its line; with it, or without a dependency, the change passes."""
    change = proposal(path, "", line)
    (finding,) = findings("dependencies", change)
    assert (finding.file, finding.line) == (path, 2)
    assert findings("dependencies", replace(change, files=(*change.files, ChangedFile(lock)))) == []
    assert findings("dependencies", proposal(path, "# a comment")) == []


def test_requirements_are_pinned() -> None:
    """Each requirement without an exact version is found; comments and options aren't requirements."""
    change = proposal("requirements-dev.txt", "httpx==0.27.0", "rich>=13", "# x", "-r base.txt", "attrs")
    assert [finding.line for finding in findings("dependencies", change)] == [2, 5]
