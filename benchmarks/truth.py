"""Outages made from outside a run, with stamps of their own, against the run's clocks.

    python benchmarks/truth.py [--kinds reject,stop-edge] [--outages 6] [--rate 60] [--keep FOLDER]

Needs root, iptables and util-linux: the benchmark and the run share a network namespace that is made for them. While a run
without faults of its own is under load, outages begin and end at random moments: the users' port refuses or drops packets, processes
are stopped (SIGSTOP), a table is locked. Nothing of gameday is imported. The stamps are CLOCK_REALTIME around the system call
that makes the outage, and the run's clock begins at `started` of its journal. Each outage is matched with the one
of `outages[]` in `outcome.json` whose `effect` is nearest, at most 3 s away. Printed are, by kind, how many were found,
median, p95, maximum and bias of `effect` and `recovered`, and how often the stated half-width covered the truth.

A hang lasts 2.3 to 5 s, longer than the clients' time-out of 2 s. What caused it is gone before users are well: the kernel
repeats a dropped packet 1 s and 3 s after it was first sent, and a process that goes on works through its backlog first. So
a hang of the whole shop ends when the last request of a client of this benchmark, 50 a second with the same time-out, failed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import asyncpg
import numpy as np

PORT, TIMEOUT_S = 18_300, 2.0
UP_S, RUN_S, NEAR_S = 120.0, 900.0, 3.0
REFUSED_S, HANG_S, QUIET_S = (1.0, 4.0), (2.3, 5.0), (11.0, 14.0)
"""How long refusals, hangs and the time between outages last: an outage ends if the SLO holds for its window, 5 s."""
ALL = "  - {name: all, sli: availability, objective: 99.5%, window: 5s}\n"
THREE = (
    ALL
    + """\
  - {name: buy, journey: buy, sli: availability, objective: 99.5%, window: 5s}
  - {name: browse, journey: browse, sli: availability, objective: 99.5%, window: 5s}
"""
)
SCENARIO = """
apiVersion: gameday/v1
kind: Scenario
name: truth
title: Outages from outside
story: Somebody else breaks the shop, with a clock of their own.
system: {{regions: [us-east, eu-west], port: {port}}}
load: {{rate: {rate}/s, timeout: 2s, journeys: {{browse: 6, buy: 3, login: 1}}}}
slos:
{slos}steadyState: {{for: 10s}}
timeline:
  - {{at: 0s, instance.pause: {{service: costs, for: 1s}}}}
  - {{at: {last}s, instance.pause: {{service: costs, for: 1s}}}}
respond: {{by: none}}
allowResidual: true
hold: 8s
giveUp: 60s
expect: [impact.requests > 0]
"""
Act = Callable[[], None]
Outage = tuple[Act, Act]
"""What begins an outage, and what ends it."""


def firewall(target: str) -> Outage:
    """Return an outage of the users' port: packets to it are refused or dropped."""
    rule = ["INPUT", "-p", "tcp", "--dport", str(PORT), "-j", *target.split()]
    return (
        lambda: _iptables("-I", *rule),
        lambda: _iptables("-D", *rule),
    )


def _iptables(*arguments: str) -> None:
    subprocess.run(["iptables", "-w", *arguments], check=True, capture_output=True)


def stopped(prefix: str) -> Outage:
    """Return an outage in which the run's instances whose names begin so are stopped by SIGSTOP."""
    pids = [pid for pid, environment in processes() if environment["GAMEDAY_INSTANCE"].startswith(prefix)]
    if not pids:
        raise SystemExit(f"no instance's name begins with {prefix!r}")

    def send(number: int) -> None:
        for pid in pids:
            os.kill(pid, number)

    return lambda: send(signal.SIGSTOP), lambda: send(signal.SIGCONT)


def locked(table: str) -> Outage:
    """Return an outage in which another session holds the table's lock."""
    environment = next(values for _, values in processes() if "DATABASE_URL" in values)
    url = environment["DATABASE_URL"].split("=", 1)[1].split(",")[0]
    loop = asyncio.new_event_loop()
    sessions: list[asyncpg.Connection] = []

    async def begin() -> None:
        connection = await asyncpg.connect(url, password=environment["PGPASSWORD"])
        sessions.append(connection)
        await connection.execute(f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")

    async def end() -> None:
        connection = sessions.pop()
        await connection.execute("ROLLBACK")
        await connection.close()

    return lambda: loop.run_until_complete(begin()), lambda: loop.run_until_complete(end())


KINDS: dict[str, tuple[str, str, Callable[[], Outage], tuple[float, float]]] = {
    "reject": ("refusals", ALL, lambda: firewall("REJECT --reject-with tcp-reset"), REFUSED_S),
    "reject-three-slos": ("refusals", THREE, lambda: firewall("REJECT --reject-with tcp-reset"), REFUSED_S),
    "drop": ("hangs", ALL, lambda: firewall("DROP"), HANG_S),
    "stop-edge": ("hangs", ALL, lambda: stopped("edge."), HANG_S),
    "stop-edge-links": ("hangs", ALL, lambda: stopped("edge-links."), HANG_S),
    "stop-checkout": ("partial hangs", THREE, lambda: stopped("us-east.checkout."), HANG_S),
    "stop-region-links": ("partial hangs", ALL, lambda: stopped("us-east.links."), HANG_S),
    "lock-table": ("partial hangs", THREE, lambda: locked("orders"), HANG_S),
}
"""By kind: its group, the SLOs of its run, what makes it, and how long it may last."""


def processes() -> Iterator[tuple[int, dict[str, str]]]:
    """Yield pid and environment of each instance of a run in this network namespace."""
    own = Path("/proc/self/ns/net").readlink()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            text = (entry / "environ").read_bytes().decode(errors="replace")
            if "GAMEDAY_INSTANCE=" not in text or (entry / "ns/net").readlink() != own:
                continue
        except OSError:
            continue
        yield int(entry.name), dict(pair.split("=", 1) for pair in text.split("\0") if "=" in pair)


@contextmanager
def run_under_way(folder: Path, slos: str, rate: float, last: float) -> Iterator[Path]:
    """Yield the folder of a run whose timeline has begun; wait for the run's end afterwards."""
    scenario = folder / "truth.yaml"
    text = SCENARIO.format(port=PORT, rate=rate, slos=slos, last=round(last))
    scenario.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "gameday", "run", str(scenario), "--substrate", "process"]
    with (folder / "output").open("w", encoding="utf-8") as output:
        run = subprocess.Popen([*command, "--out", str(folder / "runs")], stdout=output, stderr=output)
    try:
        until = time.monotonic() + UP_S
        while not (journals := list(folder.glob("runs/*/journal.jsonl"))) or not _reverted(journals[0]):
            if run.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"the run didn't begin: see {folder / 'output'}")
            time.sleep(0.1)
        yield journals[0].parent
        run.wait(RUN_S)
    finally:
        if run.poll() is None:
            run.terminate()
            run.wait(60)


def _reverted(journal: Path) -> bool:
    return '"fault.reverted"' in journal.read_text(encoding="utf-8")


def witnessed() -> float:
    """Return when the last request failed: send 50 a second from now on, until none has failed for longer than the time-out."""
    failures = [time.time()]

    def ask() -> None:
        begin = time.time()
        try:
            with socket.create_connection(("127.0.0.1", PORT), TIMEOUT_S) as connection:
                connection.settimeout(max(begin + TIMEOUT_S - time.time(), 0.001))
                connection.sendall(b"GET /products/1 HTTP/1.0\r\nHost: shop\r\n\r\n")
                if connection.recv(12).endswith(b"200"):
                    return
        except OSError:
            pass
        failures.append(time.time())

    askers = []
    while time.time() < max(failures) + TIMEOUT_S + 1:
        askers.append(threading.Thread(target=ask))
        askers[-1].start()
        time.sleep(0.02)
    for asker in askers:
        asker.join()
    return max(failures)


def make_outages(kind: str, count: int, choice: random.Random) -> list[tuple[float, float]]:
    """Make outages at random moments, and return when each began and ended, in seconds of CLOCK_REALTIME."""
    group, _, prepare, lasts = KINDS[kind]
    begin, end = prepare()
    truths = []
    for _ in range(count):
        time.sleep(choice.uniform(*QUIET_S))
        began = stamp(begin)
        if group == "hangs":
            time.sleep(choice.uniform(*lasts) - TIMEOUT_S)
            threading.Timer(TIMEOUT_S, end).start()
            truths.append((began, witnessed()))
        else:
            time.sleep(choice.uniform(*lasts))
            truths.append((began, stamp(end)))
    return truths


def stamp(act: Act) -> float:
    """Do it, and return the middle of the time that it took."""
    before = time.time()
    act()
    return (before + time.time()) / 2


def compare(run: Path, truths: list[tuple[float, float]]) -> list[tuple[float, float, bool, bool] | None]:
    """Return the errors of `effect` and `recovered`, measured minus true, and whether their bounds cover it; by outage."""
    first = json.loads((run / "journal.jsonl").read_text(encoding="utf-8").split("\n", 1)[0])
    zero = datetime.fromisoformat(first["data"]["started"]).timestamp()
    outages = json.loads((run / "outcome.json").read_text(encoding="utf-8"))["outages"]
    errors: list[tuple[float, float, bool, bool] | None] = []
    for began, ended in truths:
        near = [each for each in outages if abs(each["effect"] + zero - began) < NEAR_S]
        if not near or near[0]["recovered"] is None:
            errors.append(None)
            continue
        effect, recovered = near[0]["effect"] + zero - began, near[0]["recovered"] + zero - ended
        spacing = near[0]["spacing_s"]
        errors.append(
            (effect, recovered, abs(effect) <= spacing["effect"], abs(recovered) <= spacing["recovered"])
        )
    return errors


def row(name: str, errors: list[tuple[float, float, bool, bool] | None]) -> str:
    """Return the line of a kind or a group."""
    whole = [each for each in errors if each is not None]
    if not whole:
        return f"{name:<20} {0:>3} of {len(errors):<3}"
    cells = []
    for column in (0, 1):
        error = np.array([each[column] for each in whole]) * 1000
        size = np.abs(error)
        covered = np.mean([each[column + 2] for each in whole])
        cells.append(
            f"{np.median(size):>7.0f} {np.percentile(size, 95):>6.0f} {size.max():>6.0f} {error.mean():>+6.0f} {covered:>8.0%}"
        )
    return f"{name:<20} {len(whole):>3} of {len(errors):<3} " + "   ".join(cells)


def main() -> None:
    """Make the outages of each kind in a run of its own, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kinds", default=",".join(KINDS), help=", ".join(KINDS))
    parser.add_argument("--outages", type=int, default=6, help="of each kind")
    parser.add_argument("--rate", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="keep the runs in this folder")
    options = parser.parse_args()
    if os.environ.get("TRUTH_NAMESPACE") != "1":
        os.environ["TRUTH_NAMESPACE"] = "1"
        again = [sys.executable, *sys.argv]
        os.execvp("unshare", ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *again])
    chosen = [kind for kind in KINDS if kind in options.kinds.split(",")]
    root = options.keep or Path(tempfile.mkdtemp(prefix="gameday-truth-"))
    choice = random.Random(options.seed)
    groups: dict[str, list[tuple[float, float, bool, bool] | None]] = {}
    print(
        f"{'':<31} effect, ms: median p95    max   bias  covered   recovered, ms: median p95 max bias covered"
    )
    try:
        for kind in chosen:
            group, slos, _, _ = KINDS[kind]
            folder = root / kind
            folder.mkdir(parents=True)
            with run_under_way(folder, slos, options.rate, options.outages * (QUIET_S[1] + HANG_S[1])) as run:
                truths = make_outages(kind, options.outages, choice)
            errors = compare(run, truths)
            groups.setdefault(group, []).extend(errors)
            print(row(kind, errors), flush=True)
        for group, errors in groups.items():
            print(row(f"all {group}", errors))
    finally:
        if not options.keep:
            shutil.rmtree(root)


if __name__ == "__main__":
    main()
