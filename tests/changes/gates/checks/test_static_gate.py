"""Tests of the gate `static`: errors and weaknesses in added lines of Python."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gameday.changes.changed_files import ChangedFile, Line
from gameday.changes.gates.checks import static_gate
from gameday.ports import PortError
from tests.support.proposals import findings, proposal


def test_an_error_and_a_weakness_are_found_at_their_lines() -> None:
    """ruff finds the name that isn't there, bandit the shell, each in the file's own line."""
    change = proposal(
        "shop/app.py", "import subprocess", "print(nowhere)", "subprocess.run(f'ls {subprocess}', shell=True)"
    )
    found = [(finding.file, finding.line, finding.message[-6:]) for finding in findings("static", change)]
    assert found == [("shop/app.py", 2, " F821)"), ("shop/app.py", 3, " B602)")]


def test_clean_code_and_old_errors_pass() -> None:
    """A line that the change didn't add is no finding of it; files that aren't Python aren't looked at."""
    change = proposal("shop/app.py", "x = 1", "print(nowhere)")
    assert findings("static", replace(change, files=(ChangedFile("shop/app.py", (Line(1, "x = 1"),)),))) == []
    assert findings("static", proposal("shop/app.sql", "print(nowhere)")) == []


def test_a_missing_program_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without ruff the gate never passes."""
    monkeypatch.setattr(static_gate, "find_spec", lambda program: None)
    with pytest.raises(PortError, match="needs ruff: pip install"):
        findings("static", proposal("shop/app.py", "x = 1"))
