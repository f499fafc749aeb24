"""Service that the contract suite runs everywhere: a few lines of asyncio, so that a start is
cheap.

/healthz returns its identity; /environment its variables; /hold answers only once the service is
stopped, /holding counts those requests; /fork starts a process that leaves the session and outlives
its parent; /tick starts one that notes the time again and again, /ticks returns its notes; /last
ends the service; /write and /read keep a note in its data, /fill?<bytes> sets the note's size;
/grow?<MiB> allocates memory; /work?<seconds> computes, and returns the share of the time that it
got; /dial?<upstream> acts as a link server: it asks every address behind a name for its identity;
/listen?<host:port> listens there too.
The release `*-broken` ends at once, `*-deaf` never listens, `*-stubborn` ignores its stop signal.
"""

import argparse
import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ENVIRONMENT = os.environ
RELEASE = ENVIRONMENT.get("RELEASE", "")
# In a container nothing but /tmp can be written; a process has a folder of its own.
TICKS = Path("ticks" if os.access(".", os.W_OK) else "/tmp/ticks")
TICKER = f"""import time
with open("{TICKS}", "w", buffering=1) as notes:
    while True:
        print(time.monotonic(), file=notes)
        time.sleep(0.01)
"""


def addresses(upstream: str, names: Path | None) -> list[str]:
    """Return every `host:port` behind a name: from the names table if there is one, else from DNS."""
    if names:
        return list(json.loads(names.read_text()).get(upstream, []))
    host, port = upstream.rsplit(":", 1)
    try:
        entries = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)
    except socket.gaierror:
        return []
    return sorted({f"{entry[4][0]}:{port}" for entry in entries})


def dial(upstream: str, names: Path | None) -> list[str]:
    """Return the instances behind a name that answer."""
    answered = []
    for address in addresses(upstream, names):
        try:
            with urllib.request.urlopen(f"http://{address}/healthz", timeout=3) as answer:
                answered.append(json.load(answer)["instance"])
        except (OSError, urllib.error.URLError):
            continue
    return answered


def work(seconds: float) -> float:
    """Compute for this long; return processor time over elapsed time."""
    begun, used = time.monotonic(), time.thread_time()
    while time.monotonic() - begun < seconds:
        sum(range(1000))
    return (time.thread_time() - used) / (time.monotonic() - begun)


def fill(size: int) -> str:
    """Set the note's size; return the result."""
    try:
        with (Path(ENVIRONMENT["DATA_DIR"]) / "note").open("wb") as note:
            note.write(b"x" * size)
    except OSError as error:
        return str(error.strerror)
    return "written"


class Service:
    """A service that answers one request per connection."""

    def __init__(self, names: Path | None) -> None:
        self.names = names
        self.stopped = asyncio.Event()
        self.held = 0
        self.taken: list[bytes] = []
        self.others: list[asyncio.Server] = []

    def stop(self) -> None:
        if not RELEASE.endswith("-stubborn"):
            self.stopped.set()

    async def answer(self, path: str) -> object:
        route, _, query = path.partition("?")
        if route == "/hold":
            self.held += 1
            await self.stopped.wait()
        if route == "/last":
            sys.stderr.write("these are my last words\n")
            os._exit(3)
        if route == "/fork":
            return subprocess.Popen(["sleep", "300"], start_new_session=True).pid
        if route == "/tick":
            return subprocess.call(["sh", "-c", f"{sys.executable} -c '{TICKER}' &"], start_new_session=True)
        if route == "/ticks":
            return [float(line) for line in TICKS.read_text().split("\n")[:-1]] if TICKS.exists() else []
        if route == "/grow":
            self.taken.append(b"x" * (int(query) << 20))
            return sum(map(len, self.taken))
        if route == "/work":
            return work(float(query))
        if route == "/fill":
            return fill(int(query))
        if route == "/dial":
            return await asyncio.to_thread(dial, query, self.names)
        if route == "/listen":
            host, port = query.rsplit(":", 1)
            self.others.append(await asyncio.start_server(self.serve, host, int(port)))
            return query
        if route == "/write":
            return (Path(ENVIRONMENT["DATA_DIR"]) / "note").write_text(query)
        if route == "/read":
            return (Path(ENVIRONMENT["DATA_DIR"]) / "note").read_text()
        facts = {"/holding": self.held, "/environment": dict(ENVIRONMENT)}
        return facts.get(route, {"instance": ENVIRONMENT.get("INSTANCE"), "release": RELEASE})

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = (await reader.readuntil(b"\r\n\r\n")).decode()
            body = json.dumps(await self.answer(request.split(" ")[1])).encode()
            writer.write(
                b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
            )
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


async def run(options: argparse.Namespace) -> None:
    service = Service(options.names)
    loop = asyncio.get_running_loop()
    if RELEASE.endswith("-deaf"):
        await service.stopped.wait()
    server = await asyncio.start_server(service.serve, options.host, options.port)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, service.stop)
    sys.stderr.write(f"{ENVIRONMENT.get('INSTANCE')} listens\n")
    await service.stopped.wait()
    server.close()
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    if rest:
        await asyncio.wait(rest, timeout=5)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--names", type=Path)
    if RELEASE.endswith("-broken"):
        sys.stderr.write("".join(f"line {number}\n" for number in range(40)))
        sys.exit("no price list in this release")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
