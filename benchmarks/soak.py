"""Runs back to back in one process, for as long as asked: what grows, and what stays behind.

    python benchmarks/soak.py --for 1h
    python benchmarks/soak.py --for 24h --substrate docker --scenario region-lost --out /tmp/soak

After each run it samples the runner's memory, file handles and threads, and the size of the run's folder. At the end it
prints each figure's slope by run with its 95 % interval (least squares), and what is left of the runs: processes, shared
memory, temporary folders, containers. Exit status: 0 nothing is left and no interval lies above its bound, 1 otherwise.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import psutil
from scipy import stats

from gameday.scenario.units import seconds

POLL_S = 0.5
STOP_S = 180.0
BOUNDS = {"memory_mb": 0.5, "handles": 0.05, "threads": 0.05, "folder_mb": 0.5}
"""What a run may add at most, by the lower end of the interval of its slope."""


@dataclass(frozen=True)
class Sample:
    """The runner after one of its runs: `memory_mb` is resident, `folder_mb` the run's folder on disk."""

    run: str
    at_s: float
    verdict: str
    memory_mb: float
    handles: int
    threads: int
    folder_mb: float


@dataclass(frozen=True)
class Slope:
    """Growth by run, with its 95 % interval; NaN with fewer than three runs."""

    name: str
    mean: float
    slope: float
    low: float
    high: float

    @property
    def grows(self) -> bool:
        """Return True if the figure certainly grows by more than its bound."""
        return self.low > BOUNDS[self.name]


def slope(name: str, values: Sequence[float]) -> Slope:
    """Return the least-squares slope of values in order. The first run, which loads modules, is left out if there are more."""
    kept = np.asarray(values[1:] if len(values) > 3 else values, dtype=float)
    mean = float(kept.mean()) if len(kept) else math.nan
    if len(kept) < 3:
        return Slope(name, mean, math.nan, math.nan, math.nan)
    if np.ptp(kept) == 0:
        return Slope(name, mean, 0.0, 0.0, 0.0)
    fit = stats.linregress(np.arange(len(kept)), kept)
    half = float(stats.t.ppf(0.975, len(kept) - 2) * fit.stderr)
    return Slope(name, mean, float(fit.slope), float(fit.slope) - half, float(fit.slope) + half)


def sample(process: psutil.Process, folder: Path, began: float) -> Sample:
    """Return the figures of the runner after the run of this folder."""
    verdict = json.loads((folder / "outcome.json").read_text(encoding="utf-8"))["verdict"]
    size = sum(path.lstat().st_blocks * 512 for path in folder.rglob("*"))
    with process.oneshot():
        return Sample(
            folder.name,
            round(time.monotonic() - began, 1),
            verdict,
            process.memory_info().rss / 1e6,
            process.num_fds(),
            process.num_threads(),
            size / 1e6,
        )


def leftovers(runs: Sequence[str]) -> list[str]:
    """Return what is left of these runs: processes, temporary folders, shared memory without a process, containers."""
    left = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            run = process.environ().get("GAMEDAY_RUN", "")
            if run in runs:
                left.append(f"process {process.pid} {process.name()} of {run}")
    for base in {Path(tempfile.gettempdir()), Path("/var/tmp")}:
        left += [str(path) for run in runs for path in base.glob(f"*{run}*")]
    with contextlib.suppress(OSError):
        rows = Path("/proc/sysvipc/shm").read_text(encoding="ascii").splitlines()[1:]
        dead = {row.split()[4] for row in rows if row.split()[6] == "0"}
        left += [f"shared memory of process {pid}" for pid in sorted(dead) if not psutil.pid_exists(int(pid))]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        listed = subprocess.run(
            ["docker", "ps", "-a", "--format", '{{.Label "gameday.run"}} {{.Names}}'],
            capture_output=True, text=True, check=True, timeout=30,
        ).stdout.splitlines()  # fmt: skip
        left += [f"container {line}" for line in listed if line.split(" ")[0] in runs]
    return left


def soak(command: Sequence[str], out: Path, duration_s: float) -> Iterator[Sample]:
    """Run the command for so long, then end it by SIGTERM; yield a sample after each of its runs."""
    began, seen = time.monotonic(), set[Path]()
    with (out / "soak.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    watched = psutil.Process(process.pid)
    try:
        while time.monotonic() - began < duration_s and process.poll() is None:
            for path in sorted(set(out.glob("*/*/outcome.json")) | set(out.glob("*/outcome.json"))):
                if path not in seen:
                    seen.add(path)
                    with contextlib.suppress(psutil.NoSuchProcess):
                        yield sample(watched, path.parent, began)
            time.sleep(POLL_S)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)  # SIGINT may be ignored, as in a background job
        process.wait(STOP_S)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--for", dest="duration", type=seconds, default=3600.0, help="how long: 1h, 24h")
    parser.add_argument("--scenario", default="bad-deploy-pricing")
    parser.add_argument("--substrate", default="process")
    parser.add_argument(
        "--out", type=Path, default=None, help="folder of the runs, kept; by default a temporary one"
    )
    options = parser.parse_args()
    out = options.out or Path(tempfile.mkdtemp(prefix="soak-", dir="/var/tmp"))
    out.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-P", "-m", "gameday", "run", options.scenario, "--repeat", "1000"]
    command += ["--substrate", options.substrate, "--out", str(out)]
    shared = {entry.name for entry in os.scandir("/dev/shm")}
    samples = []
    for one in soak(command, out, options.duration):
        samples.append(one)
        print(
            f"{one.at_s:8.1f} s  {one.run}  {one.verdict:<12} {one.memory_mb:7.1f} MB  {one.handles:4d} handles  "
            f"{one.threads:3d} threads  {one.folder_mb:6.1f} MB on disk",
            flush=True,
        )
    slopes = [slope(name, [getattr(one, name) for one in samples]) for name in BOUNDS]
    runs = sorted({path.parent.name for path in out.rglob("journal.jsonl")})
    left = leftovers(runs) + sorted(
        f"/dev/shm/{entry.name}"
        for entry in os.scandir("/dev/shm")
        if entry.name not in shared and "Postgre" in entry.name
    )
    for one_slope in slopes:
        print(
            f"{one_slope.name:<10} mean {one_slope.mean:8.2f}, by run {one_slope.slope:+.3f} "
            f"[{one_slope.low:+.3f}, {one_slope.high:+.3f}]" + ("  GROWS" if one_slope.grows else "")
        )
    print(f"{len(samples)} runs, {len(left)} left behind" + "".join(f"\n  {thing}" for thing in left))
    document = {
        "samples": [asdict(one) for one in samples],
        "slopes": [asdict(one) for one in slopes],
        "left": left,
    }
    (out / "soak.json").write_text(json.dumps(document, indent=1), encoding="utf-8")
    return int(bool(left) or any(one.grows for one in slopes) or not samples)


if __name__ == "__main__":
    sys.exit(main())
