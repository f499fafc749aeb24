"""The worker: Locust, headless, one FastHttpUser that runs the plan's schedule. The only importer of gevent and Locust.

Run as `python -m gameday.load.locustfile samples/load.json`. It says that it is ready, begins when told, does as it is
told (`words`), and ends on SIGTERM or when its input ends, which happens too when its parent dies: no new arrivals, the
answers in flight awaited up to the time-out, the shard closed. Every request is one record of the shard, however often
it was sent; Locust's own statistics, which count from the send and not from the plan, are not fed. What is sent and
what is right is in `journeys`.
"""

from __future__ import annotations

import locust  # isort: skip  # first of all, for it patches the standard library

import gc
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
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

from gameday.load.journeys import JOURNEYS, Step, Visit
from gameday.load.load_plan import STEPS, Arrival, LoadPlan, Pace, Surge, drawn
from gameday.load.oracle import Oracle, judge
from gameday.load.request_recorder import Answer, Recorder
from gameday.load.worker_protocol import EXIT_BROKE, EXIT_IO, EXIT_USAGE, say, tell
from gameday.recording.atomic_file import advice
from gameday.recording.samples import ErrorKind, ShardWriter

DRAIN_MARGIN_S = 0.5
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

    def request(
        self, method: str, request_uri: str, body: Any = b"", headers: Any = None
    ) -> HTTPSocketPoolResponse:
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


class Worker:
    """Runs the schedule of one plan and records every request."""

    def __init__(self, plan: LoadPlan) -> None:
        self.plan = plan
        self.oracle = Oracle.read(plan.products)
        self.shard = ShardWriter(plan.shard, grow=plan.grow)
        self.recorder = Recorder(self.shard)
        self.pool = Pool(plan.pool)
        self.pace = Pace(plan.surges)
        self.retries = 0
        self.begun: AsyncResult = AsyncResult()
        self.stopping = Event()
        self.wake = Event()  # the next arrival's time may be another now
        self.failure: tuple[int, str] | None = None
        self._client: HTTPClient

    def now(self) -> float:
        return time.monotonic() - self.plan.origin

    def stop(self) -> None:
        self.stopping.set()
        self.wake.set()

    def listen(self) -> None:
        """Follows standard input to its end, line by line."""
        make_nonblocking(0)
        heard = b""
        while chunk := nb_read(0, 1024):
            *lines, heard = (heard + chunk).split(b"\n")
            for line in lines:
                self._obey(line.decode().split())
        self.stop()

    def _obey(self, words: list[str]) -> None:
        match words:
            case ["begin", when]:
                self.begun.set(float(when))
            case ["surge", when, factor]:
                # Never before now: what was sent already was sent as it was planned, and stays so.
                surge = Surge(since=max(float(when), self.now()), factor=float(factor))
                self.pace.bend(surge)
                self.wake.set()
                say(f"surged {when} {surge.since!r}")
            case ["retry", attempts]:
                self.retries = int(attempts)
                say(f"retrying {attempts}")
            case _:
                raise ValueError(f"told what it doesn't know: {words}")

    def run(self, client: HTTPClient) -> None:
        """Begins each journey at its planned time, until stopped."""
        self._client = client
        for one in drawn(self.plan):
            arrival = replace(one, planned=self._await(one.planned))
            if self.stopping.is_set():
                return
            if self.pool.full() or self.now() >= arrival.planned + self.plan.timeout:
                self.recorder.skipped(arrival, STEPS[arrival.journey][0], arrival.planned)
            else:
                self.pool.spawn(self.guard, self._journey, arrival)

    def _await(self, even: float) -> float:
        """Waits until what was drawn for `even` is due; when that was. A surge may come while it waits."""
        if self.pace.at(even) <= self.now():
            gevent.sleep(0)  # late: let the answers in between two sends
        while (planned := self.pace.at(even)) > (now := self.now()) and not self.stopping.is_set():
            self.wake.clear()
            self.wake.wait(planned - now)
        return planned

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
            why += advice(error)
            self.failure = self.failure or (EXIT_IO, why)
            self.stop()
        except Exception as error:
            self.failure = self.failure or (EXIT_BROKE, "".join(traceback.format_exception(error)))
            self.stop()

    def _journey(self, arrival: Arrival) -> None:
        journey = JOURNEYS[arrival.journey](Visit(self.plan, self.oracle, arrival))
        planned, step = arrival.planned, next(journey)
        while True:
            if self.now() >= planned + self.plan.timeout:
                return self.recorder.skipped(arrival, step.name, planned)
            answer = self._insist(arrival, step, planned)
            self.recorder.answered(arrival, step.name, step.order, planned, answer)
            if answer.content is None:
                return None
            try:
                step = journey.send(answer.content)
            except StopIteration:
                return None
            planned = answer.end + self.plan.think_time
            if self.stopping.wait(max(0.0, planned - self.now())):
                return None

    def _insist(self, arrival: Arrival, step: Step, planned: float) -> Answer:
        """The request, sent again at once as often as clients do, while it fails and there is time left."""
        answer = self._ask(arrival, step, planned)
        while answer.is_worth_another() and answer.attempts <= self.retries:
            if self.now() >= planned + self.plan.timeout or self.stopping.is_set():
                break
            again = self._ask(arrival, step, planned, answer.attempts + 1)
            answer = replace(again, start=answer.start, attempts=answer.attempts + 1)
        return answer

    def _ask(self, arrival: Arrival, step: Step, planned: float, attempt: int = 1) -> Answer:
        """One request, over by the time-out after its planned time; it says who asks and for which time."""
        who = {
            "X-Home-Region": self.plan.home(arrival.user),
            "X-Client": str(arrival.user),
            "X-Attempt": str(attempt),
        }
        headers = {**who, **step.headers}
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
        return Answer(
            start, end, ErrorKind.NONE if finding.right else ErrorKind.WRONG, *served, finding, decoded
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
        concurrency=plan.pool,
        connection_timeout=plan.timeout,
        network_timeout=plan.timeout,
        disable_ipv6=True,
    )
    runner = Environment(user_classes=[Shopper], host=plan.target).create_local_runner()
    gevent.signal_handler(signal.SIGTERM, worker.stop)
    gevent.spawn(worker.guard, worker.listen)
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (most_files, most_files)
    )  # each place in the pool is a connection
    with suppress(OSError):
        # Where that is allowed: a worker that waits for its turn sends late, and measures its own waiting.
        os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)
    gc.freeze()
    say("ready")
    gevent.wait([worker.begun, worker.stopping], count=1)
    if not worker.stopping.is_set():
        worker.plan = plan.model_copy(update={"begin": worker.begun.get()})
        runner.start(1, spawn_rate=1)
        worker.stopping.wait()
        worker.drain()
    runner.quit()


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
