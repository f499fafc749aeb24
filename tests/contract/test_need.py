"""Requirement of a Docker engine: without one the docker half is skipped by hand and fails in CI."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.docker_engine import require_docker


@pytest.fixture(autouse=True)
def _no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")


def test_it_is_skipped_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Docker the tests are skipped, with the reason."""
    monkeypatch.delenv("GAMEDAY_REQUIRE_DOCKER", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no Docker engine answers"):
        require_docker()


def test_it_fails_if_docker_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    """CI fails if there is no engine or no base image."""
    monkeypatch.setenv("GAMEDAY_REQUIRE_DOCKER", "1")
    with pytest.raises(pytest.fail.Exception, match="no Docker engine answers"):
        require_docker()
