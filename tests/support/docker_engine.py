"""Requirement of a Docker engine: without one a test is skipped, in CI it fails."""

from __future__ import annotations

import os

import pytest

from gameday.substrates.docker import docker_kind


def require_docker() -> None:
    """Skip the test if no engine answers or there is no base image; fail it if GAMEDAY_REQUIRE_DOCKER is set."""
    able, why = docker_kind.available()
    if not able:
        (pytest.fail if os.environ.get("GAMEDAY_REQUIRE_DOCKER") else pytest.skip)(why)
