"""A link server as a child process, upstreams in threads, and proxies between them, for the tests
of links."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import requests

from gameday.links.toxiproxy_client import LinkServer
from tests.support.waiting import until

# No wait in these tests is longer; none is expected to take nearly as long.
PATIENCE_S = 10.0

Talk = Callable[[socket.socket], None]

_names = itertools.count(1)
_WITHOUT_UVLOOP = "import sys; sys.modules['uvloop'] = None; from gameday.links.server.__main__ import main; sys.exit(main())"


class Server:
    """A running link server: its API and its log."""

    def __init__(self, process: subprocess.Popen[str], log: list[str], port: int, secret: str = "") -> None:
        self.process = process
        self.log = log
        self.port = port
        self.secret = secret

    def ask(self, method: str, path: str, body: object = None, **arguments: Any) -> requests.Response:
        url = f"http://127.0.0.1:{self.port}{path}"
        return requests.request(method, url, json=body, timeout=PATIENCE_S, **arguments)

    def send(self, method: str, path: str, body: bytes) -> requests.Response:
        return requests.request(method, f"http://127.0.0.1:{self.port}{path}", data=body, timeout=PATIENCE_S)

    @property
    def client(self) -> LinkServer:
        return LinkServer("127.0.0.1", self.port, secret=self.secret)

    def proxy(self, upstream: int | str, **fields: object) -> Proxy:
        name = f"proxy-{next(_names)}"
        upstream = upstream if isinstance(upstream, str) else f"127.0.0.1:{upstream}"
        answer = self.ask("POST", "/proxies", {"name": name, "upstream": upstream, **fields})
        assert answer.status_code == 201, answer.text
        return Proxy(self, name, answer.json()["listen"])

    def await_log(self, text: str) -> None:
        """Wait until the log has a line with this text."""
        until(lambda: any(text in line for line in self.log), f"{text!r} is logged", PATIENCE_S)

    def errors(self) -> list[str]:
        return [line for line in self.log if " ERROR " in line or line.startswith("Traceback")]


class Proxy:
    def __init__(self, server: Server, name: str, listen: str) -> None:
        self.server = server
        self.name = name
        self.listen = listen
        self.path = f"/proxies/{name}"

    @property
    def port(self) -> int:
        return int(self.listen.rpartition(":")[2])

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE_S)

    def add(self, type: str, stream: str = "downstream", toxicity: float = 1, **attributes: int) -> str:
        """Add a toxic; return its name."""
        body = {"type": type, "stream": stream, "toxicity": toxicity, "attributes": attributes}
        answer = self.server.ask("POST", f"{self.path}/toxics", body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["name"])

    def change(self, toxic: str, **body: object) -> None:
        assert self.server.ask("PATCH", f"{self.path}/toxics/{toxic}", body).status_code == 200

    def remove(self, toxic: str) -> None:
        assert self.server.ask("DELETE", f"{self.path}/toxics/{toxic}").status_code == 204

    def update(self, **body: object) -> None:
        assert self.server.ask("PATCH", self.path, body).status_code == 200


@contextlib.contextmanager
def running(*options: str, with_uvloop: bool = True, secret: str = "") -> Iterator[Server]:
    """Run a link server on a free port. Its log must hold no error, and SIGTERM must end it with
    status 0."""
    start = ["-m", "gameday.links.server"] if with_uvloop else ["-c", _WITHOUT_UVLOOP]
    argv = [sys.executable, *start, "--port", "0", *options]
    environment = {**os.environ, "LINKS_SECRET": secret}
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            log: list[str] = []
            port = _announced_port(process, log)
            reader = threading.Thread(target=_drain, args=(process, log), daemon=True)
            reader.start()
            server = Server(process, log, port, secret)
            yield server
        finally:
            process.terminate()
            status = process.wait(PATIENCE_S)
        reader.join(PATIENCE_S)
    assert server.errors() == []
    assert status == 0


def _announced_port(process: subprocess.Popen[str], log: list[str]) -> int:
    assert process.stderr is not None
    for line in process.stderr:
        log.append(line)
        if "API on " in line:
            return int(line.rpartition(":")[2])
    raise AssertionError("".join(log))


def _drain(process: subprocess.Popen[str], log: list[str]) -> None:
    assert process.stderr is not None
    log.extend(process.stderr)


class Upstream:
    """A listener that passes every connection to `talk` in its own thread."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._connections: list[socket.socket] = []
        self.accepted = 0
        self.port = int(self._listener.getsockname()[1])
        self.address = f"127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # Wakes the accepting thread up.
        self._thread.join(PATIENCE_S)
        self._listener.close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            connection.settimeout(PATIENCE_S)
            self._connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            self._talk(connection)


def echo(connection: socket.socket) -> None:
    """Send back all data; end once the other side has ended."""
    while data := connection.recv(65536):
        connection.sendall(data)
    connection.close()


def read_all(connection: socket.socket) -> bytes:
    """Return all data until the other side ends."""
    parts = []
    while data := connection.recv(65536):
        parts.append(data)
    return b"".join(parts)


def read_exactly(connection: socket.socket, size: int) -> bytes:
    """Return `size` bytes, or fewer if the other side ends first."""
    data = bytearray()
    while len(data) < size and (part := connection.recv(size - len(data))):
        data += part
    return bytes(data)


def echo_of(connection: socket.socket, message: bytes) -> bytes:
    """Send a message and return its echo."""
    connection.sendall(message)
    return read_exactly(connection, len(message))
