"""Credentials of the operators' API: the file's mode and lifetime, and the secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from gameday.operator_api.credentials import Credentials, credentials_file, read_credentials

KEY = Credentials("r1", "127.0.0.1", 4711, "secret-token")


def test_only_its_owner_can_read_the_file(tmp_path: Path) -> None:
    """It has mode 600 from the start, in a folder of mode 700, and is removed at the end."""
    folder = tmp_path / "doors"
    with credentials_file(KEY, folder) as path:
        assert path.stat().st_mode & 0o777 == 0o600
        assert folder.stat().st_mode & 0o777 == 0o700
        assert read_credentials(path) == KEY
    assert list(folder.iterdir()) == []


def test_the_token_is_in_no_representation() -> None:
    """A log that holds the object doesn't hold the token."""
    assert "secret-token" not in f"{KEY} {KEY!r}"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"run": "r"}', "null"])
def test_a_damaged_file_is_an_error(tmp_path: Path, text: str) -> None:
    """It is a ValueError, whatever the file holds."""
    path = tmp_path / "r1.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="credentials of an operators' API"):
        read_credentials(path)
