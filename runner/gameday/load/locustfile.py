"""Load worker: Locust, headless, one FastHttpUser that runs the plan's schedule. The sole importer of gevent and Locust.

Run as `python -m gameday.load.locustfile samples/load.json`. The worker reports that it is ready, begins and changes on
command (`worker_protocol`), and ends on SIGTERM or when its input ends, as it does if its parent dies: no new arrivals
begin, the answers in flight are awaited up to the time-out, the shard is closed. Every request is one record of the
shard, however often it was sent. Locust's own statistics aren't fed: they count from the send, not from the plan. What
is sent and which answers are right is in `journeys`.
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
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar

import gevent
from gevent.event import AsyncResult, Event
from gevent.os import make_nonblocking, nb_read
from gevent.pool import Pool
from locust.contrib.fasthttp import FastHttpUser
from locust.env import Environment
from locust.exception import StopUser

from gameday.load.journeys import JOURNEYS, Step, Visit
from gameday.load.keepalive_client import HTTPParseError, KeepaliveClient, KeepaliveClients
from gameday.load.load_plan import Arrival, LoadPlan, Pace, Surge, even_arrivals
from gameday.load.oracle import Finding, Oracle, judge
from gameday.load.own_steps import CompiledJourney, OwnRequest, saved_line
from gameday.load.request_recorder import Answer, Recorder
from gameday.load.worker_protocol import EXIT_BROKE, EXIT_IO, EXIT_USAGE, report_failure, say
from gameday.recording.atomic_file import advice
from gameday.recording.samples import ErrorKind, PendingWriter, ShardWriter

DRAIN_MARGIN_S = 0.5
PRIORITY = -10  # nice value


class Worker:
    """Runs the schedule of one plan and records every request."""

    def __init__(self, plan: LoadPlan) -> None:
        self.plan = plan
        self.steps = plan.steps
        self.oracle = Oracle.read(plan.products) if plan.products and not plan.own else None
        self.only_region = next(iter(plan.regions)) if len(plan.regions) == 1 else ""
        self.saved = plan.shard.with_name("saved.jsonl").open("a", 1, "utf-8") if plan.own else StringIO()
        self.own = {
            name: CompiledJourney(journey, plan.rows.get(name, ())) for name, journey in plan.own.items()
        }
        self.shard = ShardWriter(plan.shard, grow=plan.grow)
        self.recorder = Recorder(self.shard)
        self.pending = PendingWriter(plan.shard, plan.pool)
        self.pool = Pool(plan.pool)
        self.pace = Pace(plan.surges)
        self.retries = 0
        self.begun: AsyncResult = AsyncResult()
        self.stopping = Event()
        self.wake = Event()  # the next arrival's time may have changed
        self.failure: tuple[int, str] | None = None
        self._client: KeepaliveClient

    def now(self) -> float:
        """Return seconds since the run's start."""
        return time.monotonic() - self.plan.origin

    def stop(self) -> None:
        """Begin no further journeys or steps."""
        self.stopping.set()
        self.wake.set()

    def listen(self) -> None:
        """Obey commands from standard input until it ends, then stop."""
        make_nonblocking(0)
        rest = b""
        while chunk := nb_read(0, 1024):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._obey(line.decode().split())
        self.stop()

    def _obey(self, command: list[str]) -> None:
        match command:
            case ["begin", when]:
                self.begun.set(float(when))
            case ["surge", when, factor]:
                # Never before now: the planned times of what was sent stay as they were.
                surge = Surge(since=max(float(when), self.now()), factor=float(factor))
                self.pace.bend(surge)
                self.wake.set()
                say(f"surged {when} {surge.since!r}")
            case ["retry", attempts]:
                self.retries = int(attempts)
                say(f"retrying {attempts}")
            case _:
                raise ValueError(f"unknown command: {' '.join(command)}")

    def run(self, client: KeepaliveClient) -> None:
        """Begin each journey at its planned time, until stopped."""
        self._client = client
        for even in even_arrivals(self.plan):
            arrival = replace(even, planned=self._await(even.planned))
            if self.stopping.is_set():
                return
            if self.pool.full() or self.now() >= arrival.planned + self.plan.timeout:
                self.recorder.skipped(arrival, self.steps[arrival.journey][0], arrival.planned)
            else:
                self.pool.spawn(self.guard, self._journey, arrival)

    def _await(self, even: float) -> float:
        """Wait until the arrival of time `even` is due; return its planned time, which a surge may change meanwhile."""
        if self.pace.at(even) <= self.now():
            gevent.sleep(0)  # late: let the answers in between two sends
        while (planned := self.pace.at(even)) > (now := self.now()) and not self.stopping.is_set():
            self.wake.clear()
            self.wake.wait(planned - now)
        return planned

    def drain(self) -> None:
        """Await the answers in flight, up to the time-out."""
        self.pool.join(self.plan.timeout + DRAIN_MARGIN_S)
        self.pool.kill()

    def guard(self, act: Callable[..., None], *args: Any) -> None:
        """Call `act`; an error stops the worker, so that it can't become a gap in the samples."""
        try:
            act(*args)
        except OSError as error:
            reason = f"the samples can't be written: {error.strerror or error}: {self.plan.shard}"
            reason += advice(error)
            self.failure = self.failure or (EXIT_IO, reason)
            self.stop()
        except Exception as error:
            self.failure = self.failure or (EXIT_BROKE, "".join(traceback.format_exception(error)))
            self.stop()

    def _journey(self, arrival: Arrival) -> None:
        journey = self._visit(arrival)
        planned, step = arrival.planned, next(journey)
        while True:
            if self.now() >= planned + self.plan.timeout:
                return self.recorder.skipped(arrival, step.name, planned)
            slot = self.pending.begin(planned, self.shard.intern("journey", arrival.journey))
            answer = self._send_with_retries(arrival, step, planned)
            self.pending.end(slot)
            self.recorder.answered(arrival, step, planned, answer)
            if answer.content is None:
                return None
            try:
                step = journey.send(answer.content)
            except StopIteration:
                return None
            planned = answer.end + self.plan.think_time
            if self.stopping.wait(max(0.0, planned - self.now())):
                return None

    def _keep(self, journey: str, saved: Mapping[str, Any]) -> None:
        """Append what a step of a visit saved to `saved.jsonl`, for the audit."""
        self.saved.write(saved_line(self.now(), journey, saved))

    def _visit(self, arrival: Arrival) -> Generator[Step | OwnRequest, Any, None]:
        """Return the steps of one journey of one user."""
        if self.oracle:
            return JOURNEYS[arrival.journey](Visit(self.plan, self.oracle, arrival))
        own = self.own[arrival.journey]
        return own.visit(
            user=arrival.user, n=arrival.order, run=self.plan.run, save=partial(self._keep, arrival.journey)
        )

    def _send_with_retries(self, arrival: Arrival, step: Step | OwnRequest, planned: float) -> Answer:
        """Send the request again at once, as often as the clients retry, while it fails and there is time left."""
        answer = self._send(arrival, step, planned)
        while answer.is_retriable() and answer.attempts <= self.retries:
            if self.now() >= planned + self.plan.timeout or self.stopping.is_set():
                break
            again = self._send(arrival, step, planned, answer.attempts + 1)
            answer = replace(again, start=answer.start, attempts=answer.attempts + 1)
        return answer

    def _client_headers(self, arrival: Arrival, attempt: int) -> dict[str, str]:
        return {
            "X-Home-Region": self.plan.home(arrival.user),
            "X-Client": str(arrival.user),
            "X-Attempt": str(attempt),
        }

    def _send(self, arrival: Arrival, step: Step | OwnRequest, planned: float, attempt: int = 1) -> Answer:
        """Send one request, given up at the time-out after its planned time.

        The storefront's requests have headers that name client and attempt.
        """
        own = isinstance(step, OwnRequest)
        headers = {**({} if own else self._client_headers(arrival, attempt)), **step.headers}
        start = self.now()
        try:
            with gevent.Timeout(planned + self.plan.timeout - start):
                response = self._client.request(
                    step.method, step.path, step.body, headers, again=getattr(step, "repeatable", True)
                )
                content = response.read()
        except (gevent.Timeout, TimeoutError):
            return Answer(start, self.now(), ErrorKind.TIMEOUT)
        except (OSError, HTTPParseError):
            return Answer(start, self.now(), ErrorKind.CONNECTION)
        end, status = self.now(), response.get_code()
        region, release, primary = (
            str(response.get(name, "")) for name in ("X-Region", "X-Release", "X-Primary")
        )
        region = region or (self.only_region if own else "")
        served = status, region, release, primary
        if status not in step.expected:
            return Answer(start, end, ErrorKind.STATUS, *served)
        finding: Finding | None
        if isinstance(step, OwnRequest):
            names = {name.lower(): str(value) for name, value in response.headers}
            finding, decoded = step.read(status, names, content)
        else:
            finding, decoded = judge(step.check, content)
        wrong = finding is not None and not finding.right
        return Answer(start, end, ErrorKind.WRONG if wrong else ErrorKind.NONE, *served, finding, decoded)


class Shopper(FastHttpUser):
    """Locust's one user; its task is the whole schedule."""

    worker: ClassVar[Worker]

    @locust.task
    def shop(self) -> None:
        """Run the schedule."""
        worker = self.worker
        worker.guard(worker.run, self.client.client.clientpool.get_client(worker.plan.target))
        raise StopUser


def work(worker: Worker) -> None:
    """Report that the worker is ready, await `begin`, run the schedule until stopped, drain."""
    plan = worker.plan
    Shopper.worker = worker
    Shopper.client_pool = KeepaliveClients(
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
        # Allowed for root. A worker that waits for a processor sends late, and measures its own waiting.
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
    """Run the plan in the file `path`; return 0 if the worker ended as told, else one of EXIT_…, with a reason."""
    try:
        worker = Worker(LoadPlan.read(path))
    except (OSError, ValueError, LookupError) as error:
        report_failure(f"the load can't begin: {path}: {error}")
        return EXIT_IO if isinstance(error, OSError) else EXIT_USAGE
    try:
        work(worker)
    finally:
        worker.pending.close()
        worker.saved.close()
        worker.shard.close()
    status, reason = worker.failure or (0, "")
    if status:
        report_failure(reason)
    return status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
