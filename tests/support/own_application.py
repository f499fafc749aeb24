"""A small application of one's own, for tests of external systems: its release is a file, and v2 answers with errors.

Run as a script with the path of the release's file; it prints its port.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SCENARIO = """\
apiVersion: gameday/v1
kind: Scenario
name: own-bad-deploy
title: A bad deploy of our own application
story: Version 2 answers with errors.
system:
  external: {target: "http://127.0.0.1:PORT", services: [web], release: v1}
  ready: {probe: /, within: 10s}
  deploy: [sh, -c, "echo ${release} > release"]
  rollback: [sh, -c, "sleep 2; echo ${release} > release"]
journeys:
  look:
    steps:
      - {name: page, path: /, save: {id: body.id}, expect: {status: 200, that: body.ok}}
      - {name: item, path: "/item/${id}"}
audit: {command: [sh, -c, "echo 3; echo 4; echo 4"], journey: look}
load: {rate: 60/s, warmup: 1s}
slos:
  - {name: availability, sli: availability, objective: 99%, window: 5s}
steadyState: {for: 5s}
timeline:
  - {at: 0s, deploy: {release: v2, defect: answers 500}}
hold: 5s
expect: [effect, detect, recovered, restored, "ended_by == 'responder'"]
"""


class Answers(BaseHTTPRequestHandler):
    """Answers 200 with JSON, or 500 while the release is v2."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        bad = Path(sys.argv[1]).read_text(encoding="utf-8").strip() == "v2"
        body = json.dumps({"ok": not bad, "id": 3}).encode()
        self.send_response(500 if bad else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Write no log."""


@contextmanager
def application(folder: Path) -> Iterator[tuple[int, Path]]:
    """Run the application; yield its port and the file of its release, which is v1 at first."""
    release = folder / "release"
    release.write_text("v1\n", encoding="utf-8")
    command = [sys.executable, __file__, str(release)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline()), release
    finally:
        process.kill()
        process.communicate()


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    print(server.server_port, flush=True)  # noqa: T201  (read by the test)
    server.serve_forever()
