"""The worker: Locust, headless, one FastHttpUser that runs the plan's schedule. The only importer of gevent and Locust.

Run as `python -m runner.load.locustfile samples/load.json`. It writes `ready` to its output, is sent `begin <seconds>`
on its input, and ends on SIGTERM or when its input ends, which happens too when its parent dies: no new arrivals, the
answers in flight awaited up to the time-out, the shard closed. Where it ends by itself its last words are why. Every
finished request is one record of the shard; Locust's own statistics, which count from the send and not from the plan,
are not fed. What is sent and what is right is in `journeys`.
"""

from __future__ import annotations

import locust  # isort: skip  # first of all, for it patches the standard library

import gc
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from weakref import WeakSet

import gevent
from gevent.event import AsyncResult, Event
from gevent.os import make_nonblocking, nb_read
from gevent.pool import Pool
from geventhttpclient.client import HTTPClient, HTTPClientPool
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError, HTTPSocketPoolResponse
from locust.contrib.fasthttp import FastHttpUser
from locust.env import Environment
from locust.exception import StopUser

from runner.load.journeys import JOURNEYS, Step, Visit
from runner.load.oracle import Finding, Oracle, judge
from runner.load.plan import STEPS, Arrival, LoadPlan, arrivals
from runner.samples import ErrorKind, ShardWriter

NAN = float("nan")
NOT_CHECKED = 2
EXIT_USAGE = 64  # the plan can't be used
EXIT_BROKE = 70  # an error in the worker
EXIT_IO = 74  # the samples can't be written
DRAIN_MARGIN_S = 0.5
LAST_WORDS = 8000  # characters, well within what a pipe holds without a reader
PRIORITY = -10  # nice value


class Client(HTTPClient):
    """Sends a request once more only where a kept-alive connection was closed before any byte of the answer.

    That is what a server being replaced does, and safe: every POST carries its key or can be repeated.
    geventhttpclient by itself would send a GET as often as its pool has places, and a POST never again.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._new: WeakSet[Any] = WeakSet()
        setattr(self._connection_pool, "after_connect", self._new.add)  # noqa: B010

    def request(self, method: str, request_uri: str, body: Any = b"", headers: Any = None) -> HTTPSocketPoolResponse:
        """The answer, headers read. OSError or HTTPParseError where there is none."""
        data = self._build_request(method, request_uri, body=body, headers=headers).encode("latin-1") + body
        connection, kept = self._take()
        try:
            return self._exchange(connection, method, data)
        except HTTPConnectionClosed:
            if not kept:
                raise
        while kept:
            connection, kept = self._take()
            if kept:
                self._connection_pool.release_socket(connection)
        return self._exchange(connection, method, data)

    def _take(self) -> tuple[Any, bool]:
        """A connection, and whether it was used before."""
        connection = self._connection_pool.get_socket()
        kept = connection not in self._new
        self._new.discard(connection)
        return connection, kept

    def _exchange(self, connection: Any, method: str, data: bytes) -> HTTPSocketPoolResponse:
        try:
            connection.sendall(data)
        except (ConnectionResetError, BrokenPipeError) as error:
            self._connection_pool.release_socket(connection)
            raise HTTPConnectionClosed("connection closed while sending") from error
        except BaseException:
            self._connection_pool.release_socket(connection)
            raise
        return HTTPSocketPoolResponse(connection, self._connection_pool, method=method)


class Clients(HTTPClientPool):
    """Hands the FastHttpUser our kind of client."""

    def get_client(self, url: Any) -> HTTPClient:
        return Client.from_url(url, **self.client_args)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one request. `content` decoded, None where the request failed; `status` 0 without an answer."""

    start: float
    end: float
    error: ErrorKind
    status: int = 0
    region: str = ""
    release: str = ""
    finding: Finding | None = None
    content: Any = None


class Worker:
    """Runs the schedule of one plan and records every request."""

    def __init__(self, plan: LoadPlan) -> None:
        self.plan = plan
        self.oracle = Oracle.read(plan.products)
        self.shard = ShardWriter(plan.shard, grow=plan.grow)
        self.pool = Pool(plan.pool)
        self.begun: AsyncResult = AsyncResult()
        self.stopping = Event()
        self.failure: tuple[int, str] | None = None
        self._client: HTTPClient

    def now(self) -> float:
        return time.monotonic() - self.plan.origin

    def listen(self) -> None:
        """Follows standard input: `begin <seconds>`, then its end."""
        make_nonblocking(0)
        heard = b""
        while chunk := nb_read(0, 1024):
            heard += chunk
            if heard.endswith(b"\n") and not self.begun.ready():
                self.begun.set(float(heard.split()[1]))
        self.stopping.set()

    def run(self, client: HTTPClient) -> None:
        """Begins each journey at its planned time, until stopped."""
        self._client = client
        for arrival in arrivals(self.plan):
            # A sleep of 0 when late lets the answers in between two sends.
            gevent.sleep(0) if arrival.planned <= self.now() else self.stopping.wait(arrival.planned - self.now())
            if self.stopping.is_set():
                return
            if self.pool.full() or self.now() >= arrival.planned + self.plan.timeout:
                self._skip(arrival, STEPS[arrival.journey][0], arrival.planned)
            else:
                self.pool.spawn(self.guard, self._journey, arrival)

    def drain(self) -> None:
        """Waits for the answers in flight; none takes longer than the time-out."""
        self.pool.join(self.plan.timeout + DRAIN_MARGIN_S)
        self.pool.kill()

    def guard(self, act: Callable[..., None], *args: Any) -> None:
        """Acts; an error ends the worker, for it is never to be a gap in the samples that nobody sees."""
        try:
            act(*args)
        except OSError as error:
            why = f"the samples can't be written: {error.strerror or error}: {self.plan.shard}"
            self.failure = self.failure or (EXIT_IO, why)
            self.stopping.set()
        except Exception as error:
            self.failure = self.failure or (EXIT_BROKE, "".join(traceback.format_exception(error)))
            self.stopping.set()

    def _journey(self, arrival: Arrival) -> None:
        journey = JOURNEYS[arrival.journey](Visit(self.plan, self.oracle, arrival))
        planned, step = arrival.planned, next(journey)
        while True:
            if self.now() >= planned + self.plan.timeout:
                return self._skip(arrival, step.name, planned)
            answer = self._ask(arrival, step, planned)
            self._record(arrival, step, planned, answer)
            if answer.content is None:
                return None
            try:
                step = journey.send(answer.content)
            except StopIteration:
                return None
            planned = answer.end + self.plan.think_time
            if self.stopping.wait(max(0.0, planned - self.now())):
                return None

    def _ask(self, arrival: Arrival, step: Step, planned: float) -> Answer:
        """One request, over by the time-out after its planned time."""
        headers = {"X-Home-Region": self.plan.home(arrival.user), **step.headers}
        start = self.now()
        try:
            with gevent.Timeout(planned + self.plan.timeout - start):
                response = self._client.request(step.method, step.path, step.body, headers)
                content = response.read()
        except (gevent.Timeout, TimeoutError):
            return Answer(start, self.now(), ErrorKind.TIMEOUT)
        except (OSError, HTTPParseError):
            return Answer(start, self.now(), ErrorKind.CONNECTION)
        end, status = self.now(), response.get_code()
        served = status, str(response.get("X-Region", "")), str(response.get("X-Release", ""))
        if status not in step.expected:
            return Answer(start, end, ErrorKind.STATUS, *served)
        finding, decoded = judge(step.check, content)
        return Answer(start, end, ErrorKind.NONE if finding.right else ErrorKind.WRONG, *served, finding, decoded)

    def _record(self, arrival: Arrival, step: Step, planned: float, answer: Answer) -> None:
        finding = answer.finding
        self.shard.append(
            planned,
            answer.start,
            answer.end,
            arrival.user,
            step.order,
            finding.total if finding else -1,
            self.shard.intern("release", answer.release),
            answer.status,
            self.shard.intern("journey", arrival.journey),
            self.shard.intern("step", step.name),
            self.shard.intern("region", answer.region),
            answer.error,
            int(finding.right) if finding else NOT_CHECKED,
        )

    def _skip(self, arrival: Arrival, name: str, planned: float) -> None:
        """Records a request that couldn't be sent in its time: never silent."""
        journey, step = self.shard.intern("journey", arrival.journey), self.shard.intern("step", name)
        nowhere, none = self.shard.intern("region", ""), self.shard.intern("release", "")
        self.shard.append(
            planned, NAN, NAN, arrival.user, 0, -1, none, 0, journey, step, nowhere, ErrorKind.NOT_SENT, NOT_CHECKED
        )


class Shopper(FastHttpUser):
    """Locust's one user; its task is the whole schedule."""

    worker: ClassVar[Worker]

    @locust.task
    def shop(self) -> None:
        worker = self.worker
        worker.guard(worker.run, self.client.client.clientpool.get_client(worker.plan.target))
        raise StopUser


def work(worker: Worker) -> None:
    """From ready to drained."""
    plan = worker.plan
    Shopper.worker = worker
    Shopper.client_pool = Clients(
        concurrency=plan.pool, connection_timeout=plan.timeout, network_timeout=plan.timeout, disable_ipv6=True
    )
    runner = Environment(user_classes=[Shopper], host=plan.target).create_local_runner()
    gevent.signal_handler(signal.SIGTERM, worker.stopping.set)
    gevent.spawn(worker.guard, worker.listen)
    with suppress(OSError):
        # Where that is allowed: a worker that waits for its turn sends late, and measures its own waiting.
        os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)
    gc.freeze()
    print("ready", flush=True)  # noqa: T201
    gevent.wait([worker.begun, worker.stopping], count=1)
    if not worker.stopping.is_set():
        worker.plan = plan.model_copy(update={"begin": worker.begun.get()})
        runner.start(1, spawn_rate=1)
        worker.stopping.wait()
        worker.drain()
    runner.quit()


def tell(why: str) -> None:
    """The reason of a failure, to the log and to the parent: a log on a disk that is full says nothing."""
    for stream in (sys.stderr, sys.stdout):
        with suppress(OSError):
            print(why[-LAST_WORDS:], file=stream, flush=True)


def main(path: Path) -> int:
    """Exit status: 0 ended as told, else one of EXIT_… and the reason told."""
    try:
        worker = Worker(LoadPlan.read(path))
    except (OSError, ValueError, LookupError) as error:
        tell(f"the load can't begin: {path}: {error}")
        return EXIT_IO if isinstance(error, OSError) else EXIT_USAGE
    try:
        work(worker)
    finally:
        worker.shard.close()
    status, why = worker.failure or (0, "")
    if status:
        tell(why)
    return status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
