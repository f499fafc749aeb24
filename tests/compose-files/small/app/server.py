"""A service of the small project: answers by itself, or what its backend answers; FAIL makes it answer 500."""

import os
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        backend, status, body = os.environ.get("BACKEND"), 200, b'{"ok": true}'
        if os.environ.get("FAIL"):
            status, body = 500, b"failing"
        elif backend and self.path != "/health":
            try:
                body = urllib.request.urlopen(backend, timeout=1).read()
            except OSError as error:
                status, body = 502, str(error).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


sys.stderr.write("listening\n")
ThreadingHTTPServer(("", 8000), Answers).serve_forever()
