"""Choice of a substrate that can run here, against a stub engine on a socket."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from gameday.ports import PortError
from gameday.substrates.docker import docker_kind as module
from gameday.substrates.docker.docker_kind import base_image_available, engine_available
from gameday.substrates.substrate_choice import choose

VERSION = {"Version": "99.1", "ApiVersion": "1.41"}


@contextmanager
def engine(socket: Path, answers: Mapping[str, tuple[int, Any]]) -> Iterator[None]:
    """Answer GETs whose path ends with a key with its (status, JSON), all others with 404."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            matches = [answer for end, answer in answers.items() if self.path.endswith(end)]
            status, body = matches[0] if matches else (404, {"message": "no such thing"})
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *words: object) -> None:
            pass

        def address_string(self) -> str:
            return "local"

    with socketserver.ThreadingUnixStreamServer(str(socket), Answer) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join(10)


@pytest.fixture
def socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "engine.sock"
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    monkeypatch.setenv("GAMEDAY_BASE_IMAGE", "my-base:1")
    return path


def test_no_engine(socket: Path) -> None:
    """Without an engine `auto` chooses processes and says why; choosing docker is a clear error."""
    name, why = choose("auto")
    assert name == "process"
    assert why.startswith("no Docker engine answers: ")
    assert str(socket) in why
    with pytest.raises(PortError, match="no Docker engine answers"):
        choose("docker")


def test_choosing_processes_asks_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Choosing processes makes no request to an engine."""
    monkeypatch.setenv("DOCKER_HOST", "nonsense")
    assert choose("process") == ("process", "asked for")


def test_engine_and_image(socket: Path) -> None:
    """If the engine has the base image, `auto` chooses docker and names the engine."""
    with engine(socket, {"/version": (200, VERSION), "/images/my-base:1/json": (200, {"Id": "x"})}):
        assert choose("auto") == ("docker", "Docker engine 99.1 answers (API 1.41), by DOCKER_HOST")
        assert choose("docker") == ("docker", "asked for")
        assert base_image_available() == (True, "base image my-base:1 is here")


def test_image_in_registry(socket: Path) -> None:
    """An image in the engine's registry counts as available."""
    with engine(
        socket, {"/version": (200, VERSION), "/distribution/my-base:1/json": (200, {"Descriptor": {}})}
    ):
        assert base_image_available() == (True, "base image my-base:1 can be pulled")
        assert choose("auto")[0] == "docker"


def test_no_image(socket: Path) -> None:
    """If the image is neither present nor in the registry, `auto` chooses processes, and docker's
    error says what to do."""
    with engine(socket, {"/version": (200, VERSION)}):
        assert engine_available()[0]
        assert choose("auto")[0] == "process"
        with pytest.raises(
            PortError, match=r"my-base:1 is not here.*GAMEDAY_BASE_IMAGE.*scripts/docker-base"
        ):
            choose("docker")


def test_silent_engine(socket: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that accepts connections and never answers doesn't block the choice."""
    monkeypatch.setattr(module, "ASK_S", 0.2)
    with socketserver.UnixStreamServer(str(socket), socketserver.BaseRequestHandler):
        able, why = engine_available()
    assert not able
    assert why.startswith("no Docker engine answers")
