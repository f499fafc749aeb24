"""Effect and cost of the load: a stall in our samples and in Locust's statistics, recording, backlog.

    python benchmarks/load.py [--only stall|cost|backlog]

The server is `stalling`, a process of its own on loopback. Each of three parts takes 10 to 30 s:

- stall: 2 s at 200 requests/s. The true p99 is computed from the schedule and the server's own stamps of the stall;
  it is printed with the p99 of our samples and that of Locust's own statistics at the same rate.
- cost: a closed loop of plain FastHttpUsers in one process, every other tenth of a second with our recording. The
  cost is the process's own CPU time, which bounds its throughput and doesn't depend on the machine's other load.
- backlog: a stall longer than the time-out, and the delay of requests and answers after its end.

The exit status is 1 if our p99 is over 5 % off, if recording costs 10 % or more of the throughput, or if requests are
still late a second after the long stall. The figures hold for this machine only.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

from benchmarks import stalling

PRODUCTS = [{"id": n, "name": f"product {n}", "list_cents": 1000, "discount_bp": 0} for n in range(1, 41)]
RATE = 200.0
STALL_S = 2.0
BEFORE_S, AFTER_S = 5.0, 5.0
LONG_STALL_S, SHORT_TIMEOUT_S = 2.5, 1.0
LOCUST_USERS = 10
COST_USERS, SLICES, SLICE_S = 16, 160, 0.1
MOST_OFF, MOST_COST, MOST_LATE_S = 0.05, 0.10, 0.05


@contextlib.contextmanager
def process(file: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a file as a process of its own while the block runs."""
    command = [sys.executable, file, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as started:
        try:
            yield started
        finally:
            assert started.stdin is not None
            started.stdin.close()
            try:
                started.wait(10)
            except subprocess.TimeoutExpired:
                started.kill()


def plan_for(target: str, folder: Path, origin: float, timeout: float) -> Any:
    from gameday.load.load_plan import LoadPlan, pool_for

    (folder / "products.json").write_text(json.dumps(PRODUCTS), encoding="utf-8")
    return LoadPlan(
        run="benchmark",
        target=target,
        seed=7,
        origin=origin,
        rate=RATE,
        journeys={"browse": 1},
        timeout=timeout,
        think_time=0.0,
        regions={"us-east": 1},
        pool=pool_for(RATE, timeout),
        products=folder / "products.json",
        shard=folder / "samples" / "0.shard",
    )


def shop_through(
    server: stalling.Server, folder: Path, timeout: float, stall: float
) -> tuple[Any, Any, tuple[float, float]]:
    """Run our load with one stall in the middle; return (plan, records, stall's begin and end)."""
    from gameday.load.load_plan import LoadPlan
    from gameday.load.load_process import LocustLoad
    from gameday.recording.clock import RunClock
    from gameday.recording.samples import read_samples

    clock = RunClock()
    load = LocustLoad(
        lambda url: plan_for(url, folder, clock.origin, timeout), clock, folder / "samples", folder / "logs"
    )
    load.start(server.url)
    time.sleep(BEFORE_S)
    begin, end = (t - clock.origin for t in server.stall(stall))
    time.sleep(stall + AFTER_S)
    stopped = load.stop()
    assert stopped.clean, stopped
    return (
        LoadPlan.read(folder / "samples" / "load.json"),
        read_samples(folder / "samples").records,
        (begin, end),
    )


def stall_part(server: stalling.Server) -> bool:
    import numpy as np

    from gameday.load.load_plan import arrivals

    with tempfile.TemporaryDirectory() as folder:
        plan, records, (begin, end) = shop_through(server, Path(folder), 5.0, STALL_S)
        last = end + AFTER_S - 0.5
        planned = np.array(
            [one.planned for one in takewhile(lambda one: one.planned <= last, arrivals(plan))]
        )
    truth = np.where((planned >= begin) & (planned < end), end - planned, 0.0)
    records = records[records["planned"] <= last]
    true, own_latency = np.percentile(truth, 99), np.percentile(records["end"] - records["planned"], 99)
    locust = locusts_own(server)
    print(f"stall of {STALL_S:g} s at {RATE:g}/s, {len(planned)} planned, {len(records)} recorded; p99")
    print(f"  the truth                                       {true * 1000:7.0f} ms")
    print(
        f"  our samples                                     {own_latency * 1000:7.0f} ms  ({own_latency / true - 1:+.1%})"
    )
    print(
        f"  Locust's own, {LOCUST_USERS} users of {RATE / LOCUST_USERS:g}/s each"
        f"               {locust['p99']:7.0f} ms  ({locust['p99'] / true / 1000 - 1:+.1%}, {locust['n']} requests)"
    )
    return bool(abs(own_latency / true - 1) <= MOST_OFF and len(records) == len(planned))


def locusts_own(server: stalling.Server) -> dict[str, float]:
    """Return Locust's own statistics of the same stall, with `constant_throughput` users."""
    with process(__file__, "--role", "locust", server.url, str(BEFORE_S + STALL_S + AFTER_S)) as started:
        assert started.stdout is not None
        assert started.stdout.readline() == "ready\n"
        time.sleep(BEFORE_S)
        server.stall(STALL_S)
        statistics: dict[str, float] = json.loads(started.stdout.readline())
    return statistics


def run_locust(url: str, seconds: float) -> None:
    import locust  # isort: skip
    import gevent
    from locust.contrib.fasthttp import FastHttpUser
    from locust.env import Environment

    class Shopper(FastHttpUser):
        wait_time = locust.constant_throughput(RATE / LOCUST_USERS)

        @locust.task
        def look(self) -> None:
            self.client.get("/products/1")

    environment = Environment(user_classes=[Shopper], host=url)
    runner = environment.create_local_runner()
    runner.start(LOCUST_USERS, spawn_rate=100)
    print("ready", flush=True)
    gevent.sleep(seconds)
    runner.quit()
    total = environment.stats.total
    print(json.dumps({"p99": total.get_response_time_percentile(0.99), "n": total.num_requests}), flush=True)


def run_cost(url: str, folder: Path) -> None:
    from gameday.load.locustfile import Worker  # isort: skip  # it patches the standard library
    import gevent
    import locust
    from locust.contrib.fasthttp import FastHttpUser
    from locust.env import Environment

    from gameday.load.journeys import Step
    from gameday.load.load_plan import Arrival
    from gameday.load.oracle import Finding
    from gameday.load.request_recorder import Answer
    from gameday.recording.samples import ErrorKind

    (folder / "samples").mkdir()
    worker = Worker(plan_for(url, folder, time.monotonic(), 2.0))
    arrival = Arrival(0.0, "browse", 1, 0, 0)
    recording, done = False, 0
    step = Step("product", "GET", "/products/1", lambda _: Finding(right=True))

    class Shopper(FastHttpUser):
        @locust.task
        def look(self) -> None:
            nonlocal done
            if recording:
                start = worker.now()
                response = self.client.get("/products/1")
                headers: Any = response.headers
                served = str(headers.get("X-Region", "")), str(headers.get("X-Release", ""))
                answer = Answer(start, worker.now(), ErrorKind.NONE, response.status_code, *served)
                worker.recorder.answered(arrival, step, start, answer)
            else:
                self.client.get("/products/1")
            done += 1

    runner = Environment(user_classes=[Shopper], host=url).create_local_runner()
    runner.start(COST_USERS, spawn_rate=100)
    gevent.sleep(1.0)
    slices: list[tuple[bool, int, float]] = []
    for n in range(SLICES):
        recording, spent, before = n % 4 in (1, 2), time.process_time(), done
        gevent.sleep(SLICE_S)
        slices.append((recording, done - before, time.process_time() - spent))
    runner.quit()
    worker.shard.close()
    print(json.dumps(slices), flush=True)


def cost_part(server: stalling.Server) -> bool:
    import numpy as np

    with (
        tempfile.TemporaryDirectory() as folder,
        process(__file__, "--role", "cost", server.url, folder) as started,
    ):
        assert started.stdout is not None
        slices = json.loads(started.stdout.readline())
    by_mode = [np.array([(n, cpu) for on, n, cpu in slices if on is which]) for which in (False, True)]
    plain, recorded = (part[:, 0].sum() / part[:, 1].sum() for part in by_mode)
    draw = np.random.default_rng(1).integers(0, SLICES // 2, (1000, SLICES // 2))
    again = [part[draw].sum(axis=1) for part in by_mode]
    error = ((again[1][:, 0] / again[1][:, 1]) / (again[0][:, 0] / again[0][:, 1])).std()
    print(
        f"cost: plain FastHttpUser {plain:,.0f} requests a second of its CPU, with our recording {recorded:,.0f}"
    )
    print(
        f"  ratio {recorded / plain:.3f} ± {error:.3f}, over {SLICES // 2} pairs of {SLICE_S:g} s in one run"
    )
    return bool(1 - recorded / plain < MOST_COST)


def backlog_part(server: stalling.Server) -> bool:
    import numpy as np

    from gameday.recording.samples import ErrorKind

    with tempfile.TemporaryDirectory() as folder:
        _, records, (_, end) = shop_through(server, Path(folder), SHORT_TIMEOUT_S, LONG_STALL_S)
    print(f"backlog: after a stall of {LONG_STALL_S:g} s, longer than the time-out of {SHORT_TIMEOUT_S:g} s")
    late_after: list[float] = []
    for n in range(-5, round(2 * (AFTER_S - 0.5))):
        since = end + n / 2
        part = records[(records["planned"] >= since) & (records["planned"] < since + 0.5)]
        bad, lost = part["error"] != ErrorKind.NONE, part["error"] == ErrorKind.NOT_SENT
        sent, took = (
            np.percentile(part[~lost][key] - part[~lost]["planned"], 99) for key in ("start", "end")
        )
        if n >= 2:
            late_after.append(float(max(sent, took)))
        print(
            f"  from {n / 2:+4.1f} s: {len(part):3} planned, {bad.sum():3} bad, {lost.sum():3} not sent; "
            f"p99 sent {sent * 1000:5.1f} ms late, answered after {took * 1000:6.1f} ms"
        )
    after = records[(records["planned"] >= end) & (records["planned"] < end + AFTER_S - 0.5)]
    return bool((after["error"] == ErrorKind.NONE).all() and np.median(late_after) < MOST_LATE_S)


PARTS = {"stall": stall_part, "cost": cost_part, "backlog": backlog_part}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=PARTS)
    chosen = parser.parse_args().only
    kept = True
    with process(stalling.__file__) as started:
        server = stalling.Server(started)
        for name, part in PARTS.items():
            if chosen in (None, name):
                good = part(server)
                print(f"  {'kept' if good else 'NOT kept'}\n", flush=True)
                kept &= good
    return 0 if kept else 1


def play(name: str, arguments: list[str]) -> None:
    """Run one of this file's own processes."""
    if name == "locust":
        run_locust(arguments[0], float(arguments[1]))
    else:
        run_cost(arguments[0], Path(arguments[1]))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--role"]:
        play(sys.argv[2], sys.argv[3:])
    else:
        sys.exit(main())
