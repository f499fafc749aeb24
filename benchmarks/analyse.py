"""Time and memory that outcome and report of ten million samples take.

    python benchmarks/analyse.py [--samples 10000000] [--folder /var/tmp/gameday-analyse] [--keep]

The script writes the folder of one long run at 1,000 requests/s as load and runner would have left
it (samples in the order of their answers, a poll in the journal every 20 ms, an audit row for every
order, a bad deploy in the middle). A fresh process then computes outcome and report. For
comparison, numpy computes the minimum from the same samples: count, errors, p50, p95 and p99 of
every second. `--keep` keeps the folder (0.7 GB) and reuses an existing one. The exit status is 1 if
it took over 10 s or 600 MB, or if the verdict isn't that of a sound run.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gameday.analysis.evidence.schedule import Schedule
from gameday.recording.journal import Event
from gameday.recording.samples import COUNT, COUNT_AT, HEADER_BYTES, MAGIC, RECORD, ErrorKind, names_path

MOST_S, MOST_MB = 10.0, 600.0
ROOT = Path(__file__).parent.parent
RATE, BEGIN, STEADY, USERS, THINK_S = 1000.0, 6.0, 9.0, 20_000, 0.2
RUN = "20260101-000000-abcd"
POLL_S, OUTAGE_S, SHARE = 0.02, 60.0, 0.05
JOURNEYS = {"browse": 6.0, "buy": 2.0, "login": 1.0, "history": 1.0}
FIRST_STEP = np.array([0, 0, 2, 4], np.uint8)
NAMES = {
    "journey": list(JOURNEYS),
    "step": ["product", "checkout", "login", "account", "orders"],
    "region": ["us-east", "eu-west"],
    "release": [f"edge-1.0.0 gateway-1.0.0 catalog-1.0.0 pricing-1.{minor}.0" for minor in (0, 1)],
}
SLOS = [
    {"name": "checkout", "sli": "availability", "objective": "99.5%", "journey": "buy"},
    {"name": "browse", "sli": "availability", "objective": "99.5%", "journey": "browse"},
    {"name": "browse-speed", "sli": "latency", "objective": "99%", "journey": "browse", "under": "300ms"},
    {"name": "prices", "sli": "correctness", "objective": "99.9%"},
]
SCENARIO = {
    "apiVersion": "gameday/v1",
    "kind": "Scenario",
    "name": "long",
    "title": "A bad deploy in the midst of a long run",
    "story": "Ten million requests.",
    "load": {"rate": "1000/s", "journeys": JOURNEYS},
    "slos": SLOS,
    "timeline": [{"at": "0s", "deploy": {"service": "pricing", "release": "pricing-1.1.0"}}],
    "expect": ["ttr < 90s"],
}
CHILD = """
import json, sys, time
from pathlib import Path
began = time.perf_counter()
from gameday.analysis import write_outcome
outcome = write_outcome(Path(sys.argv[1])).document()
measured = time.perf_counter()
from gameday_reports.run_page.render import render_run
render_run(Path(sys.argv[1]))
rendered = time.perf_counter()
# Not getrusage: at exec the kernel includes the memory of the parent, which has just made ten million samples.
(peak,) = (int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
about = {key: outcome[key] for key in ("verdict", "reasons", "load", "ttr_s")}
print(json.dumps({"outcome_s": measured - began, "report_s": rendered - measured, "peak_mb": peak, **about}))
"""
PEER = """
import sys
import numpy as np
from gameday.recording.samples import HEADER_BYTES, RECORD
records = np.memmap(sys.argv[1], RECORD, "r", HEADER_BYTES)
second = records["planned"].astype(np.int32)
n = np.bincount(second)
errors = np.bincount(second, records["error"] != 0)
order = np.argsort(second, kind="stable")
taken = (records["end"] - records["planned"])[order]
last = np.cumsum(n)
for first, end in zip(last - n, last):
    if end > first:
        np.percentile(taken[first:end], (50, 95, 99))
"""


def draw(
    planned: npt.NDArray[np.float64], outage: tuple[float, float], random: np.random.Generator
) -> np.ndarray:
    """Return the first requests of journeys that begin at these times."""
    records = np.zeros(len(planned), RECORD)
    share = np.array(list(JOURNEYS.values())) / sum(JOURNEYS.values())
    records["planned"] = planned
    records["journey"] = np.searchsorted(np.cumsum(share)[:-1], random.random(len(planned)), side="right")
    records["step"] = FIRST_STEP[records["journey"]]
    records["user"] = random.integers(1, USERS + 1, len(planned))
    return answered(records, outage, random)


def answered(records: np.ndarray, outage: tuple[float, float], random: np.random.Generator) -> np.ndarray:
    """Fill in the result of each request."""
    n, planned = len(records), records["planned"]
    hurt = (planned >= outage[0]) & (planned < outage[1])
    failed = random.random(n) < np.where(hurt, SHARE, 0.0002)
    records["start"] = planned + random.exponential(0.0005, n)
    records["end"] = records["start"] + random.lognormal(-3.5, 0.5, n)
    records["total"] = -1
    records["region"], records["release"] = records["user"] % 2, hurt
    records["status"] = np.where(failed, 500, 200)
    records["error"] = np.where(failed, ErrorKind.STATUS, ErrorKind.NONE)
    records["correct"] = np.where(failed, 2, 1)
    return records


def follow(
    first: np.ndarray, until: float, outage: tuple[float, float], random: np.random.Generator
) -> np.ndarray:
    """Return the second requests of journeys that buy or log in, if the first was answered."""
    goes_on = (first["error"] == ErrorKind.NONE) & ((first["journey"] == 1) | (first["journey"] == 2))
    goes_on &= first["end"] + THINK_S <= until
    second = first[goes_on]
    second["planned"] = second["end"] + THINK_S
    second["step"] += 1
    second = answered(second, outage, random)
    buys = np.flatnonzero(second["journey"] == 1)
    second["order"][buys] = np.arange(1, len(buys) + 1)
    paid = buys[second["error"][buys] == ErrorKind.NONE]
    second["total"][paid] = random.integers(500, 20_000, len(paid))
    return second


def write_samples(folder: Path, count: int) -> tuple[float, tuple[float, float]]:
    """Write shard, names and plan of at least `count` requests; return (end, outage) in seconds
    since the run's start."""
    until = BEGIN + count / RATE * 1.001
    outage = ((BEGIN + until) / 2, (BEGIN + until) / 2 + OUTAGE_S)
    plan = {
        "seed": 7,
        "begin": BEGIN,
        "rate": RATE,
        "journeys": JOURNEYS,
        "users": USERS,
        "think_time": THINK_S,
    }
    (folder / "load.json").write_text(json.dumps(plan), encoding="utf-8")
    schedule = Schedule.read(folder / "load.json")
    assert schedule is not None
    random = np.random.default_rng(7)
    first = draw(schedule.begins(until), outage, random)
    records = np.concatenate((first, follow(first, until, outage, random)))
    del first
    records = records[np.argsort(records["end"])]
    with (folder / "0.shard").open("wb") as file:
        head = bytearray(HEADER_BYTES)
        head[: len(MAGIC)] = MAGIC
        COUNT.pack_into(head, COUNT_AT, len(records))
        file.write(head)
        records.tofile(file)
    lines = [json.dumps([table, name]) for table, names in NAMES.items() for name in names]
    names_path(folder / "0.shard").write_text("\n".join(lines) + "\n", encoding="utf-8")
    write_audit(folder.parent / "audit.jsonl", records)
    write_journal(folder.parent / "journal.jsonl", np.sort(records["end"]), until, outage)
    return until, outage


def write_audit(path: Path, records: np.ndarray) -> None:
    """Write a row for every paid order, in the order in which a database sorts their ids."""
    sold = records[records["total"] > 0]
    rows = sorted(
        (f"{RUN}-{n}", total) for n, total in zip(sold["order"].tolist(), sold["total"].tolist(), strict=True)
    )
    with path.open("w", encoding="utf-8") as file:
        for order, total in rows:
            file.write(f'{{"id": "{order}", "status": "paid", "total_cents": {total}}}\n')


def write_journal(
    path: Path, ends: npt.NDArray[np.float64], until: float, outage: tuple[float, float]
) -> None:
    """Write the runner's events, with every poll of the shard."""
    events = [*story(until, outage)]
    polls = np.arange(BEGIN, until + 2.0, POLL_S)
    counts = np.searchsorted(ends, polls, side="right")
    for t, count, before in zip(polls.tolist(), counts.tolist(), [0, *counts.tolist()], strict=False):
        if count > before:
            events.append(Event(t, "poll", "", {"shard": "0.shard", "count": count}))
    events.sort(key=lambda event: event.t)
    path.write_text("".join(event.line() + "\n" for event in events), encoding="utf-8")


def story(until: float, outage: tuple[float, float]) -> Iterator[Event]:
    began, over = outage
    place = {"service": "pricing", "region": "us-east", "release": "pricing-1.0.0"}
    deploy = {
        "service": "pricing",
        "release": "pricing-1.1.0",
        "kind": "code",
        "by": "timeline",
        "rollback_of": None,
    }
    back = {**deploy, "release": "pricing-1.0.0", "by": "auto", "rollback_of": "c1"}
    yield Event(
        0.0, "run.started", RUN, {"substrate": "process", "seed": 7, "responder": "auto", "policy": None}
    )
    yield Event(1.0, "instance.ready", "us-east.pricing.1", place)
    yield Event(5.0, "phase", "warm")
    yield Event(5.5, "load.started", "", {"planned_rate": RATE})
    yield Event(STEADY, "phase", "steady")
    yield Event(STEADY + 10, "steady", "", {"met": True, "why": ""})
    for slo in SLOS:
        normal = {"since": STEADY, "n": 4000, "errors": 1, "p0": 0.001, "rate": 400.0, "streams": len(SLOS)}
        yield Event(STEADY + 10, "stream.calibrated", slo["name"], normal)
    yield Event(STEADY + 10, "phase", "fault")
    yield Event(
        began, "fault.intended", "f1", {"kind": "bad-deploy", "target": "pricing", "change": "c1", "entry": 0}
    )
    yield Event(began, "change.started", "c1", deploy)
    yield Event(began + 3, "change.done", "c1")
    yield Event(began + 3, "fault.injected", "f1")
    alert = {"detector": "cusum", "side": "client", "pages": True, "slo": "browse", "summary": "errors"}
    yield Event(began + 2, "alert.raised", "a1", alert)
    yield Event(began + 2.01, "page.delivered", "a1")
    rollback = {"name": "rollback", "target": "pricing", "by": "auto", "change": "c1"}
    yield Event(over - 5, "operation.intended", "o1", rollback)
    yield Event(over - 5, "change.started", "c2", back)
    yield Event(over, "change.done", "c2")
    yield Event(over, "operation.done", "o1")
    yield Event(over, "fault.reverted", "f1", {"by": "responder"})
    yield Event(until, "run.ended", "", {"reason": "held"})
    yield Event(until, "phase", "down")
    yield Event(until + 3, "load.stopped", "", {"clean": True, "why": ""})
    yield Event(until + 4, "cleanup", "", {"clean": True, "left": []})
    yield Event(until + 5, "phase", "done")


@contextmanager
def run_folder(wanted: Path | None, count: int, keep: bool) -> Iterator[Path]:
    """Yield a folder with the run: an existing one, or a new one, which is removed afterwards
    unless kept."""
    folder = wanted or Path(tempfile.mkdtemp(prefix="gameday-analyse-", dir="/var/tmp"))
    done = folder / "scenario.yaml"
    try:
        if not done.exists():
            (folder / "samples").mkdir(parents=True, exist_ok=True)
            began = time.perf_counter()
            write_samples(folder / "samples", count)
            done.write_text(json.dumps(SCENARIO), encoding="utf-8")  # JSON is YAML
            print(f"made {folder} in {time.perf_counter() - began:.0f} s")
        yield folder
    finally:
        if not keep:
            shutil.rmtree(folder)


def child(script: str, argument: Path) -> tuple[str, float, float]:
    """Run the script in a fresh process; return its output, its elapsed seconds and its CPU seconds."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", script, str(argument)]
    done = subprocess.run(
        command, env=environment, check=True, stdout=subprocess.PIPE, text=True, timeout=600
    )
    took, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return done.stdout, took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=int, default=10_000_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--keep", action="store_true")
    given = parser.parse_args()
    with run_folder(given.folder, given.samples, given.keep) as folder:
        _, peer, _ = child(PEER, folder / "samples" / "0.shard")
        printed, took, busy = child(CHILD, folder)
    result = json.loads(printed)
    print(
        f"{result['load']['planned']:,} samples: {result['verdict']}, TTR {result['ttr_s']} s {result['reasons']}"
    )
    print(f"  outcome {result['outcome_s']:6.2f} s\n  report  {result['report_s']:6.2f} s")
    print(f"  in all  {took:6.2f} s, of which {busy:.2f} s on a processor (at most {MOST_S:g} s)")
    print(f"  peak    {result['peak_mb']:6.0f} MB (at most {MOST_MB:g} MB)")
    print(f"  numpy, per second: {peer:.2f} s; that is 1 : {took / peer:.1f}")
    sound = result["verdict"] == "pass" and not result["load"]["missing"]
    return 0 if sound and took <= MOST_S and result["peak_mb"] <= MOST_MB else 1


if __name__ == "__main__":
    sys.exit(main())
