from __future__ import annotations

import pathlib
import sys

import pytest

from gameday.links.server_command import find_real, follows_names, server_command


def test_the_embedded_server_is_this_python(tmp_path: pathlib.Path) -> None:
    """Without a real server's path the command runs the package, with the names table if there is one."""
    common = [sys.executable, "-P", "-m", "gameday.links.server", "--host", "127.0.0.1", "--port", "8474"]
    assert server_command(None, "127.0.0.1", 8474, None) == common
    names = tmp_path / "names.json"
    assert server_command(None, "127.0.0.1", 8474, names) == [*common, "--names", str(names)]


def test_a_real_server_gets_its_own_options(tmp_path: pathlib.Path) -> None:
    """A real server gets single-dash options and no names table."""
    assert server_command("/opt/toxiproxy-server", "127.0.0.1", 8474, tmp_path / "names.json") == [
        "/opt/toxiproxy-server",
        "-host",
        "127.0.0.1",
        "-port",
        "8474",
    ]


def test_only_the_embedded_server_follows_names() -> None:
    """With a real server a deploy must change upstreams, which drops connections."""
    assert follows_names(None)
    assert not follows_names("/opt/toxiproxy-server")


def test_a_real_server_is_found_on_path(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server is the executable of that name on PATH, or None."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_real() is None
    binary = tmp_path / "toxiproxy-server"
    binary.write_text("#!/bin/sh\n")
    binary.chmod(0o755)
    assert find_real() == str(binary)
