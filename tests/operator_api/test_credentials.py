"""The file that opens a door: its mode, its life, its secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from gameday.operator_api.credentials import Credentials, credentials_file, read_credentials

KEY = Credentials("r1", "127.0.0.1", 4711, "secret-token")


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    """Mode 600 from the first moment, in a folder of mode 700; gone at the end."""
    folder = tmp_path / "doors"
    with credentials_file(KEY, folder) as path:
        assert path.stat().st_mode & 0o777 == 0o600
        assert folder.stat().st_mode & 0o777 == 0o700
        assert read_credentials(path) == KEY
    assert list(folder.iterdir()) == []


def test_the_token_shows_nowhere() -> None:
    """Not in what a log would write of the key."""
    assert "secret-token" not in f"{KEY} {KEY!r}"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"run": "r"}', "null"])
def test_what_is_no_key_is_said(tmp_path: Path, text: str) -> None:
    """A ValueError, whatever the file holds."""
    path = tmp_path / "r1.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="credentials of an operators' API"):
        read_credentials(path)
