"""Runs whose runner is killed at a random moment: within ten seconds nothing of them may be left, nor at the end.

    python benchmarks/survive.py --process 50 --docker 20 [--seed 1] [--scenario NAME ...] [--keep FOLDER]

A first run of each scenario and substrate is left alone and says how long one takes; the others get a SIGKILL at a
moment drawn evenly from that time. Looked for, by the benchmark's own eyes: processes (the load's worker, guard and
reaper included), containers, networks, volumes, images, listening sockets, the work folder, lock and list entries, and
all shared memory that wasn't there before; so nothing else may make any meanwhile. Printed is each run with the time
until nothing was left, and the bound: with 0 failures of N, at most about 3/N at 95 %. Exit status 1 where anything was
left, or a journal can't be judged.
"""

from __future__ import annotations

import argparse
import functools
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from benchmarks import eyes
from gameday.analysis import measure
from gameday.recording.journal import read_journal

LIMIT_S = 10.0
CALM_S = 2.0
"""How long nothing must be seen before a run counts as clean; all are looked at once more at the very end."""
LOOK_S = 0.25
RUN_S = 400.0
SCENARIOS = ("bad-deploy-pricing", "region-lost")
SHORT = ("--set", "steadyState.for=3s", "--set", "hold=3s")
KINDS = ("containers", "networks", "volumes", "images")
DOUBT = 0.05


@dataclass
class Held:
    """What a run had at the moment of the kill, by ids that are nobody else's."""

    processes: list[psutil.Process] = field(default_factory=list)
    sockets: set[str] = field(default_factory=set)  # inodes; those of the engine's proxies too


@dataclass(frozen=True)
class Trial:
    """`clean_s`: seconds until nothing was left; None where something was at the end. `again` looks once more."""

    scenario: str
    substrate: str
    at: float
    phase: str
    clean_s: float | None
    left: Sequence[str]
    again: Callable[[], list[str]]

    def said(self) -> str:
        clean = (
            f"clean after {self.clean_s or 0:.1f} s"
            if not self.left
            else "NOT CLEAN: " + "; ".join(self.left)
        )
        return f"{self.substrate:8} {self.scenario:24} killed at {self.at:5.1f} s in {self.phase:7} {clean}"


@dataclass(frozen=True)
class Room:
    """One folder for runs and their list; `engine` where containers are looked at too."""

    folder: Path
    engine: bool

    def start(self, scenario: str, substrate: str, out: Path) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "gameday", "run", scenario, "--substrate", substrate, *SHORT]
        with (self.folder / "screen.log").open("ab") as log:
            return subprocess.Popen(
                [*command, "--out", str(out)],
                env={**os.environ, "XDG_STATE_HOME": str(self.folder / "state")},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def held(self, runner: int, run: str) -> Held:
        own = psutil.Process(runner)
        parts = [*own.children(recursive=True), *(p for p in psutil.process_iter() if eyes.marked(p, run))]
        listening = eyes.listening()
        sockets = {inode for process in parts for inode in eyes.sockets(process)} & set(listening)
        if self.engine:
            ports = {
                Port.get("PublicPort") for made in self.labelled("containers", run) for Port in made["Ports"]
            }
            sockets |= {inode for inode, port in listening.items() if port in ports}
        return Held(parts, sockets)

    def left(self, run: str, out: Path, held: Held) -> list[str]:
        lines = [f"process {p.pid} {eyes.line(p)[:80]}" for p in held.processes if eyes.runs(p)]
        lines += [
            f"process {p.pid}"
            for p in psutil.process_iter()
            if eyes.marked(p, run) or str(out) in eyes.line(p)
        ]
        lines += [f"listening socket {inode}" for inode in held.sockets & set(eyes.listening())]
        lines += [str(path) for path in out.glob("*/work")]
        lines += [str(path) for path in self.folder.glob("state/gameday/active/*")]
        lines += [name for name in eyes.abstract() if run and name.endswith(run)]
        if self.engine:
            lines += [f"{kind} {each['Id']}" for kind in KINDS for each in self.labelled(kind, run)]
        return lines

    def labelled(self, kind: str, run: str) -> list[dict[str, Any]]:
        import docker

        with closing(docker.APIClient(timeout=30)) as client:
            wanted = {"label": f"gameday.run={run}"}
            if kind == "containers":
                return list(client.containers(all=True, filters=wanted))
            found: Any = getattr(client, kind)(filters=wanted)
            return (
                [{"Id": Volume["Name"]} for Volume in found["Volumes"] or ()]
                if kind == "volumes"
                else list(found)
            )


def undisturbed(room: Room, scenario: str, substrate: str) -> float:
    """Seconds that a run takes from the first to the last."""
    begun, before = time.monotonic(), eyes.shared()
    process = room.start(scenario, substrate, room.folder / f"{scenario}-{substrate}")
    status, took = process.wait(RUN_S), time.monotonic() - begun
    if status not in (0, 1, 3) or not list(room.folder.glob(f"{scenario}-{substrate}/*/outcome.json")):
        sys.exit(f"{scenario} can't be run on {substrate}: see {room.folder / 'screen.log'} (--keep)")
    if kept := eyes.shared() - before:
        sys.exit(
            f"{scenario} on {substrate} leaves shared memory also where nobody kills it: {'; '.join(kept)}"
        )
    print(f"{scenario} on {substrate}: {took:.1f} s undisturbed, exit status {status}", flush=True)
    return took


def killed(room: Room, scenario: str, substrate: str, at: float, number: int) -> Trial | None:
    """A run whose runner gets a SIGKILL `at` seconds after its start, and what is left of it. None: it was over."""
    out, before = room.folder / f"{number:03}-{scenario}-{substrate}-{at:.2f}", eyes.shared()
    process = room.start(scenario, substrate, out)
    with suppress(subprocess.TimeoutExpired):
        process.wait(at)
    run = next((path.name for path in out.glob("*")), "")
    if process.returncode is not None:
        return None
    try:
        held = room.held(process.pid, run)
    finally:
        process.kill()
        process.wait()
    begun = time.monotonic()
    clean: float | None = None
    while (passed := time.monotonic() - begun) < LIMIT_S:
        left = [*room.left(run, out, held), *(eyes.shared() - before)]
        clean = None if left else clean or passed
        if clean is not None and passed > clean + CALM_S:
            break
        time.sleep(LOOK_S)
    left = [*room.left(run, out, held), *(eyes.shared() - before), *unfit(out / run)]
    again = functools.partial(room.left, run, out, held)
    return Trial(scenario, substrate, at, (["before", *_phases(out / run)])[-1], clean, left, again)


def disturbed(
    room: Room, scenario: str, substrate: str, takes: dict[str, float], draw: random.Random, number: int
) -> Trial:
    """Killed at a moment that it lived to see: `takes` is corrected where a run was over sooner."""
    while True:
        at = draw.uniform(0, takes[scenario])
        if trial := killed(room, scenario, substrate, at, number):
            return trial
        takes[scenario] = min(takes[scenario], at)


def _phases(folder: Path) -> list[str]:
    """Those that the runner itself came to."""
    results: list[str] = []
    with suppress(OSError):
        for event in read_journal(folder / "journal.jsonl"):
            if event.kind == "run.error" and event.data.get("where") == "runner":
                break
            results += [event.subject] if event.kind == "phase" else []
    return results


def unfit(folder: Path) -> list[str]:
    """Why the run can't be judged; nothing where it is an error with everything cleaned up, or was judged before."""
    if not (folder / "journal.jsonl").is_file():
        return []
    try:
        outcome = measure(folder)
    except Exception as error:
        return [f"{folder.name} can't be measured: {type(error).__name__}: {error}"]
    if not outcome.cleanup.clean or outcome.cleanup.left:
        return [f"its clean-up says {outcome.cleanup}"]
    holds = _phases(folder)[-1:] == ["done"] or outcome.steady_state.met is False
    return [] if holds or outcome.exit_status == 4 else [f"exit status {outcome.exit_status}"]


def at_most(failed: int, of: int) -> float:
    """The largest share of failures that these leave credible at 95 %, one-sided (Clopper and Pearson)."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        chance = sum(math.comb(of, k) * middle**k * (1 - middle) ** (of - k) for k in range(failed + 1))
        low, high = (middle, high) if chance > DOUBT else (low, middle)
    return high


def conclude(trials: Sequence[Trial], before: set[str]) -> int:
    """The bounds; a run that was clean and isn't any more counts as one that left something. `before`: see `shared`."""
    for trial in trials:
        if late := trial.again():
            print(f"{trial.said()}, but in the end: {'; '.join(late)}")
    bad = [trial for trial in trials if trial.left or trial.clean_s is None or trial.again()]
    for substrate in dict.fromkeys(trial.substrate for trial in trials):
        own = [trial for trial in trials if trial.substrate == substrate]
        failed = sum(trial in bad for trial in own)
        times = sorted(trial.clean_s for trial in own if trial.clean_s is not None)
        slowest = (
            f"; nothing left after {times[len(times) // 2]:.1f} s in the middle, {times[-1]:.1f} s at most"
        )
        bound = at_most(failed, len(own))
        print(
            f"{substrate}: {failed} of {len(own)} left something: at most {bound:.1%} at 95 %{slowest if times else ''}"
        )
    kept = eyes.shared() - before
    if kept:
        print(f"shared memory that was left: {'; '.join(sorted(kept))}")
    return 1 if bad or kept else 0


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--process", type=int, default=50)
    parser.add_argument("--docker", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scenario", action="append", help="several are taken in turn")
    parser.add_argument("--keep", type=Path, help="where the runs stay; else they are removed")
    arguments = parser.parse_args()
    draw = random.Random(arguments.seed)
    scenarios = arguments.scenario or SCENARIOS
    trials: list[Trial] = []
    before = eyes.shared()
    with tempfile.TemporaryDirectory(prefix="gameday-survive-", dir="/var/tmp") as made:
        folder = arguments.keep.resolve() if arguments.keep else Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        for substrate, count in (("process", arguments.process), ("docker", arguments.docker)):
            room = Room(folder, engine=substrate == "docker")
            takes = {each: undisturbed(room, each, substrate) for each in scenarios[:count]}
            for number in range(count):
                scenario = scenarios[number % len(scenarios)]
                trial = disturbed(room, scenario, substrate, takes, draw, number)
                trials.append(trial)
                print(f"{number + 1:3} {trial.said()}", flush=True)
        return conclude(trials, before)


if __name__ == "__main__":
    sys.exit(main())
