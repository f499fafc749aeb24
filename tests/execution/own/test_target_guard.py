"""Load goes to private addresses only, unless a host is allowed by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from gameday.execution.own.target_guard import VARIABLE, refuse_public_target
from gameday.scenario.yaml_document import Invalid
from tests.support.own_application import SCENARIO
from tests.support.scenarios import read

TEXT = SCENARIO.replace("127.0.0.1:PORT", "HOST")


@pytest.mark.parametrize("host", ["127.0.0.1:80", "10.1.2.3", "192.168.0.7:8080", "[::1]:80", "localhost"])
def test_private_targets_are_taken(tmp_path: Path, host: str) -> None:
    """This machine and private networks need no permission."""
    refuse_public_target(read(TEXT.replace("HOST", host), tmp_path), tmp_path / "s.yaml", ())


@pytest.mark.parametrize("host", ["93.184.215.14", "8.8.8.8:8080", "[2606:4700::1111]", "[::ffff:8.8.8.8]"])
def test_public_targets_are_refused_at_their_line(tmp_path: Path, host: str) -> None:
    """A public address is refused with the option that allows it."""
    scenario = read(TEXT.replace("HOST", host), tmp_path)
    with pytest.raises(Invalid, match="is a public address") as error:
        refuse_public_target(scenario, tmp_path / "s.yaml", ())
    assert (error.value.problems[0].line, "--allow-target" in error.value.problems[0].hint) == (7, True)


def test_a_host_is_allowed_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the option or by the environment; another host's permission doesn't count."""
    scenario = read(TEXT.replace("HOST", "8.8.8.8"), tmp_path)
    refuse_public_target(scenario, tmp_path / "s.yaml", ("8.8.8.8",))
    monkeypatch.setenv(VARIABLE, "9.9.9.9,8.8.8.8")
    refuse_public_target(scenario, tmp_path / "s.yaml", ())
    monkeypatch.setenv(VARIABLE, "9.9.9.9")
    with pytest.raises(Invalid, match="is a public address"):
        refuse_public_target(scenario, tmp_path / "s.yaml", ())


def test_an_unresolvable_host_is_refused(tmp_path: Path) -> None:
    """A name that can't be resolved might be public later."""
    scenario = read(TEXT.replace("HOST", "nowhere.invalid"), tmp_path)
    with pytest.raises(Invalid, match="can't be resolved"):
        refuse_public_target(scenario, tmp_path / "s.yaml", ())
