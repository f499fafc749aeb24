"""Coverage of the clocks' bounds: random outages of every severity, written as runs and measured by a child process.

`python benchmarks/weak.py [--runs 300] [--rate 60] [--lasts 60] [--shares 0.03 …]`. A share of the requests is bad from a random moment on,
and no longer after `--lasts` seconds. This file writes the runs' folders by the documented formats and imports nothing of
gameday; the child measures each folder as `gameday report` does. Printed are, by share, the p95 of the error of `effect`
and `recovered`, its median with sign, and how often `spacing_s` covered the truth, with the Clopper–Pearson interval of
that coverage at 95 %: with 300 runs it is 6 points wide, with 2,000 runs 2 points.
"""

from __future__ import annotations

import argparse
import json
import struct
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import stats

SHARES = (0.01, 0.015, 0.02, 0.03, 0.05, 0.25, 1.0)
BEGIN, STEADY, QUIET_S, AFTER_S, ANSWER_S = 3.0, 5.0, 12.0, 30.0, 0.01
MAGIC, HEADER_BYTES = b"GDSHARD1", 4096
RECORD = np.dtype(
    [
        *((name, "<f8") for name in ("planned", "start", "end")),
        *(("user", "<u4"), ("order", "<u4"), ("total", "<i4"), ("release", "<u2"), ("status", "<u2")),
        *((name, "u1") for name in ("journey", "step", "region", "error", "correct")),
        *((name, "u1") for name in ("attempts", "primary", "basket")),
    ]
)
CHILD = """
import json, sys
from pathlib import Path
from gameday.analysis.outcome.outcome_file import measure
for folder in sys.stdin.read().splitlines():
    outcome = measure(Path(folder))
    clocks, spacing = outcome.clocks, outcome.spacing_s
    print(json.dumps([clocks.effect, clocks.recovered, spacing.effect, spacing.recovered, len(outcome.relapses)]))
"""
SCENARIO = """
apiVersion: gameday/v1
kind: Scenario
name: weak
title: A weak fault
story: A share of the requests is bad.
system: {{topology: storefront, regions: [us-east]}}
load: {{rate: {rate}/s, journeys: {{browse: 1}}}}
slos:
  - {{name: shop, sli: availability, objective: 99.5%}}
steadyState: {{for: 10s}}
timeline:
  - {{at: 0s, deploy: {{release: pricing-1.1.0, strategy: all-at-once}}}}
hold: 10s
expect:
  - ttd < 500s
"""


@dataclass(frozen=True)
class Truth:
    begin: float
    end: float


def write_run(folder: Path, share: float, rate: float, lasts: float, random: np.random.Generator) -> Truth:
    """Write a run with one outage; its moments are random, as is which requests are bad."""
    begin = STEADY + QUIET_S + 1.0 + float(random.random())
    truth = Truth(begin, begin + lasts)
    until = truth.end + AFTER_S
    planned = np.sort(random.uniform(BEGIN, until, round(rate * (until - BEGIN))))
    hit = (planned >= truth.begin) & (planned < truth.end) & (random.random(len(planned)) < share)
    records = np.zeros(len(planned), RECORD)
    records["planned"] = records["start"] = planned
    records["end"] = planned + ANSWER_S
    records["user"], records["total"], records["attempts"] = np.arange(len(planned)), -1, 1
    records["status"] = np.where(hit, 500, 200)
    records["error"], records["correct"] = hit, np.where(hit, 2, 1)
    (folder / "samples").mkdir(parents=True)
    header = MAGIC.ljust(16, b"\0") + struct.pack("<Q", len(records))
    (folder / "samples" / "0.shard").write_bytes(header.ljust(HEADER_BYTES, b"\0") + records.tobytes())
    names = (("release", "x"), ("journey", "browse"), ("step", "s"), ("region", "us-east"), ("primary", ""))
    text = "".join(json.dumps(name) + "\n" for name in names)
    (folder / "samples" / "0.names").write_text(text, encoding="utf-8")
    (folder / "scenario.yaml").write_text(SCENARIO.format(rate=rate), encoding="utf-8")
    _write_journal(folder / "journal.jsonl", until)
    return truth


def _write_journal(path: Path, until: float) -> None:
    met = STEADY + QUIET_S
    change = {"service": "pricing", "release": "pricing-1.1.0", "kind": "code", "by": "timeline"}
    fault = {"kind": "bad-deploy", "target": "pricing", "change": "c1", "entry": 0}
    events = [
        (0.0, "run.started", "20260101-000000-weak", {"substrate": "process", "seed": 1}),
        (2.0, "phase", "warm", {}),
        (STEADY, "phase", "steady", {}),
        (met, "steady", "", {"met": True, "why": ""}),
        (met, "phase", "fault", {}),
        (met + 0.1, "fault.intended", "f1", fault),
        (met + 0.1, "change.started", "c1", change),
        (until, "run.ended", "", {"reason": "held"}),
        (until, "phase", "down", {}),
        (until + 1, "cleanup", "", {"clean": True, "left": []}),
    ]
    lines = [
        json.dumps({"t": t, "kind": kind, "subject": subject, "data": data})
        for t, kind, subject, data in events
    ]
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def measured(folders: list[Path]) -> list[list[float | None]]:
    """Return (effect, recovered, ± effect, ± recovered, relapses) of each run, as a child process measures it."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", CHILD],
        input="\n".join(map(str, folders)),
        capture_output=True,
        text=True,
        check=True,
        timeout=3600,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def coverage(inside: int, runs: int) -> str:
    """Return the share of covered truths with its Clopper–Pearson interval at 95 %."""
    low, high = stats.binomtest(inside, runs).proportion_ci(0.95, "exact")
    return f"{inside / runs:.1%} ({low:.1%}–{high:.1%})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--rate", type=float, default=60)
    parser.add_argument("--lasts", type=float, default=60)
    parser.add_argument("--shares", type=float, nargs="+", default=SHARES)
    parser.add_argument("--seed", type=int, default=11)
    options = parser.parse_args()
    random = np.random.default_rng(options.seed)
    print(f"{'share':>5} {'seen':>9}{'effect: p95, s':>16}{'median':>8}{'covered':>21}", end="")
    print(f"{'recovered: p95, s':>20}{'median':>8}{'covered':>21}")
    for share in options.shares:
        with tempfile.TemporaryDirectory() as root:
            folders = [Path(root) / str(number) for number in range(options.runs)]
            truths = [write_run(each, share, options.rate, options.lasts, random) for each in folders]
            pairs = list(zip(truths, measured(folders), strict=True))
        whole = [(t, row) for t, row in pairs if row[0] is not None and row[1] is not None and row[4] == 0]
        columns = []
        for clock, bound, true in ((0, 2, "begin"), (1, 3, "end")):
            off = np.array([(row[clock] or 0.0) - getattr(truth, true) for truth, row in whole])
            inside = np.abs(off) <= np.array([row[bound] or 0.0 for _, row in whole]) + ANSWER_S * clock
            columns.append(
                (np.quantile(np.abs(off), 0.95), np.median(off), coverage(int(inside.sum()), len(off)))
            )
        (e95, e50, ein), (r95, r50, rin) = columns
        print(
            f"{share:5.1%} {len(whole):4}/{options.runs:<4}{e95:16.3f}{e50:+8.3f}{ein:>21}"
            f"{r95:20.3f}{r50:+8.3f}{rin:>21}",
            flush=True,
        )


if __name__ == "__main__":
    main()
