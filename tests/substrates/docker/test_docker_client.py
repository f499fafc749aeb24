"""Tests of the engine in use: Docker's own rules, from the environment and from contexts on disk."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from gameday.ports import PortError
from gameday.substrates.docker import docker_labels
from gameday.substrates.docker.docker_client import LOCAL, engine_address


@pytest.fixture(autouse=True)
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty configuration of Docker, with the contexts `near` and `far`."""
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, host in (("near", "unix:///run/near.sock"), ("far", "tcp://far.example:2375")):
        folder = tmp_path / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
        folder.mkdir(parents=True)
        meta = {"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": host, "SkipTLSVerify": False}}}
        (folder / "meta.json").write_text(json.dumps(meta))
    return tmp_path


def use(configuration: Path, name: str) -> None:
    (configuration / "config.json").write_text(json.dumps({"currentContext": name}))


def test_without_settings_it_is_the_local_socket() -> None:
    """Neither variable nor context: the socket that Docker's own command uses."""
    assert (engine_address().url, engine_address().source) == (LOCAL, "the local socket")


def test_the_current_context_is_followed(configuration: Path) -> None:
    """`docker context use far` chooses the engine; an engine of another machine isn't local."""
    use(configuration, "far")
    assert (engine_address().url, engine_address().source) == (
        "tcp://far.example:2375",
        "the Docker context far",
    )
    assert not docker_labels.local()
    use(configuration, "near")
    assert engine_address().url == "unix:///run/near.sock"
    assert docker_labels.local()


def test_variables_come_before_the_configuration(
    configuration: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DOCKER_HOST, then DOCKER_CONTEXT, then the current context; the context `default` is none."""
    use(configuration, "far")
    monkeypatch.setenv("DOCKER_CONTEXT", "near")
    assert engine_address().url == "unix:///run/near.sock"
    monkeypatch.setenv("DOCKER_CONTEXT", "default")
    assert engine_address().url == LOCAL
    monkeypatch.setenv("DOCKER_HOST", "unix:///run/host.sock")
    assert (engine_address().url, engine_address().source) == ("unix:///run/host.sock", "DOCKER_HOST")


@pytest.mark.parametrize(
    ("name", "message"),
    [("nowhere", "there is no Docker context 'nowhere'"), ("../x", "there is no Docker context")],
)
def test_a_context_that_does_not_exist_is_an_error(name: str, message: str, configuration: Path) -> None:
    """The engine isn't silently another one."""
    use(configuration, name)
    with pytest.raises(PortError, match=message):
        engine_address()


def test_a_broken_configuration_is_an_error_or_none(configuration: Path) -> None:
    """A file that isn't JSON has no traceback."""
    (configuration / "config.json").write_text("{")
    assert engine_address().url == LOCAL
    (configuration / "config.json").write_text('{"currentContext": 3}')
    with pytest.raises(PortError, match=r"can't be read|no Docker context"):
        engine_address()
