"""A stub Docker engine on a Unix socket: labelled objects that can be listed and removed, and ways
to fail."""

from __future__ import annotations

import json
import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

PATIENCE_S = 20.0


class Stub:
    """`containers`: id → networks; `networks` are ids. The stub hangs while `answers` is cleared."""

    def __init__(self) -> None:
        self.containers: dict[str, list[str]] = {}
        self.networks: list[str] = []
        self.created: set[str] = set()
        """Of the containers those that were never started."""
        self.starting: set[str] = set()
        """Those that are listed as created, and run once they are looked at."""
        self.calls: list[str] = []
        self.lock = threading.Lock()
        self.answers = threading.Event()
        self.answers.set()
        self.leaving: list[str] = []
        self.together: set[str] = set()
        """Networks that two left at once."""
        self.misses: int | None = None
        """How many calls hang before the engine answers again."""
        self.hangs_at = ""
        """End of the path of the call that starts the hang."""

    def answer(self, method: str, path: str, content: bytes) -> tuple[int, Any]:
        """Return status and body; wait if the engine hangs."""
        with self.lock:
            self.calls.append(f"{method} {path}")
            if self.hangs_at and path.endswith(self.hangs_at):
                self.answers.clear()
            if self.misses is not None and not self.answers.is_set():
                self.misses -= 1
                if self.misses < 0:
                    self.answers.set()
        self.answers.wait(PATIENCE_S)
        path = re.sub(r"^/v[\d.]+", "", path.partition("?")[0])
        match method, path.strip("/").split("/"):
            case _, ["version"]:
                return 200, {"ApiVersion": "1.41", "Version": "stub"}
            case "GET", ["containers", "json"]:
                return 200, [
                    {
                        "Id": container,
                        "State": "created" if container in self.created | self.starting else "running",
                        "Labels": {"gameday.run": "run"},
                        "NetworkSettings": {"Networks": {network: {} for network in on}},
                    }
                    for container, on in self.containers.items()
                ]
            case "GET", ["containers", name, "json"]:
                return 200, {"State": {"Status": "created" if name in self.created else "running"}}
            case "GET", ["networks"]:
                return 200, [{"Id": network} for network in self.networks]
            case "GET", ["volumes"]:
                return 200, {"Volumes": None}
            case "GET", ["images", "json"]:
                return 200, []
            case "POST", ["networks", network, "disconnect"]:
                self.containers[json.loads(content)["Container"]].remove(network)
                return self._leave([network])
            case "POST", ["containers", name, "kill"] if name in self.created:
                return 409, {"message": f"container {name} is not running"}
            case "POST", ["containers", name, "kill"]:
                return self._leave(self.containers[name])
            case "DELETE", ["containers", name]:
                self.containers.pop(name, None)
                return 204, None
            case "POST", ["networks", "create"]:
                return 201, {"Id": "made"}
            case "GET", ["networks", _]:
                return 200, {"IPAM": {"Config": [{"Subnet": "10.9.0.0/24"}]}}
            case "DELETE", ["networks", "made"]:
                return 204, None
            case "DELETE", ["networks", name]:
                self.networks.remove(name)
                return 204, None
        return 200, {}

    def _leave(self, own: list[str]) -> tuple[int, Any]:
        """Take a moment, so that concurrent calls overlap."""
        with self.lock:
            self.together |= set(own) & set(self.leaving)
            self.leaving += own
        threading.Event().wait(0.002)
        with self.lock:
            for network in own:
                self.leaving.remove(network)
        return 204, None


@contextmanager
def serving(path: Path) -> Iterator[Stub]:
    """Serve the stub at a Unix socket while the block lasts."""
    stub = Stub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            scenario = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, body = stub.answer(self.command, self.path, scenario)
            content = b"" if body is None else json.dumps(body).encode()
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except OSError:  # who asked has given up
                self.close_connection = True

        do_GET = do_POST = do_DELETE = _any  # noqa: N815

        def address_string(self) -> str:
            return "stub"

        def log_message(self, format: str, *args: Any) -> None: ...

    class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
        daemon_threads = True
        block_on_close = False
        request_queue_size = 64

    with Server(str(path), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield stub
        finally:
            stub.answers.set()
            server.shutdown()
