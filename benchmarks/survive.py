"""Runs whose runner is killed at a random moment: what is left after ten seconds and at the end.

    python benchmarks/survive.py --process 50 --docker 20 [--seed 1] [--scenario NAME ...]
        [--reaper] [--keep FOLDER]

A first run of each scenario and substrate is undisturbed and gives the duration of a run; the
others get a SIGKILL at a moment drawn uniformly from it. The benchmark looks, without the runner's
code, for processes (with the load's worker, guard and reaper), containers, networks, volumes,
images, listening sockets, abstract sockets, the work folder, the file with the operators' token,
lock and list entries, children that init took over, and all shared memory that is new, so no other
program may create any meanwhile. With --reaper the reaper gets its SIGKILL in the same moment,
and `gameday heal` cleans up; its exit status has to be 0. It prints each run with the time until nothing
was left, and the bound: with 0 failures of N, at most about 3/N at 95 %. The exit status is 1 if
anything was left, or if a journal can't be judged.
"""

from __future__ import annotations

import argparse
import functools
import math
import os
import random
import signal
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
LISTS = ("active", "doors")
"""Folders of the state: entries of runs under way, and the files with their operators' tokens."""
KINDS = ("containers", "networks", "volumes", "images")
DOUBT = 0.05


@dataclass
class Resources:
    """What a run had at the moment of the kill, by ids that are unique to it."""

    processes: list[psutil.Process] = field(default_factory=list)
    sockets: set[str] = field(default_factory=set)  # inodes, with those of the engine's proxies


@dataclass(frozen=True)
class Trial:
    """`clean_s`: seconds until nothing was left; None if something was left at the end. `again`
    looks once more."""

    scenario: str
    substrate: str
    at: float
    phase: str
    clean_s: float | None
    left: Sequence[str]
    again: Callable[[], list[str]]

    def line(self) -> str:
        clean = (
            f"clean after {self.clean_s or 0:.1f} s"
            if not self.left
            else "NOT CLEAN: " + "; ".join(self.left)
        )
        return f"{self.substrate:8} {self.scenario:24} killed at {self.at:5.1f} s in {self.phase:7} {clean}"


@dataclass(frozen=True)
class Room:
    """One folder for runs and their list; `engine` if containers are checked too."""

    folder: Path
    engine: bool
    reaper: bool = False

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "XDG_STATE_HOME": str(self.folder / "state")}

    def heal(self) -> list[str]:
        """Clean up as a person does after a restart of the machine; return why it failed, or nothing."""
        command = [sys.executable, "-m", "gameday", "heal"]
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=RUN_S, check=False
        )
        return [f"heal: exit status {done.returncode}: {done.stdout[-300:]}"] if done.returncode else []

    def start(self, scenario: str, substrate: str, out: Path) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "gameday", "run", scenario, "--substrate", substrate, *SHORT]
        with (self.folder / "screen.log").open("ab") as log:
            return subprocess.Popen(
                [*command, "--out", str(out)],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def resources(self, runner: int, run: str) -> Resources:
        own = psutil.Process(runner)
        parts = [*own.children(recursive=True), *(p for p in psutil.process_iter() if eyes.marked(p, run))]
        listening = eyes.listening()
        sockets = {inode for process in parts for inode in eyes.sockets(process)} & set(listening)
        if self.engine:
            ports = {
                port.get("PublicPort")
                for container in self.labelled("containers", run)
                for port in container["Ports"]
            }
            sockets |= {inode for inode, port in listening.items() if port in ports}
        return Resources(parts, sockets)

    def left(self, run: str, out: Path, resources: Resources) -> list[str]:
        lines = [f"process {p.pid} {eyes.line(p)[:80]}" for p in resources.processes if eyes.runs(p)]
        lines += [
            f"process {p.pid}"
            for p in psutil.process_iter()
            if eyes.marked(p, run) or str(out) in eyes.line(p)
        ]
        lines += [f"listening socket {inode}" for inode in resources.sockets & set(eyes.listening())]
        lines += [str(path) for path in out.glob("*/work")]
        lines += [str(path) for name in LISTS for path in self.folder.glob(f"state/gameday/{name}/*")]
        lines += [name for name in eyes.abstract() if run and name.endswith(run)]
        if self.engine:
            lines += [f"{kind} {item['Id']}" for kind in KINDS for item in self.labelled(kind, run)]
        return lines

    def labelled(self, kind: str, run: str) -> list[dict[str, Any]]:
        import docker

        with closing(docker.APIClient(timeout=30)) as client:
            wanted = {"label": f"gameday.run={run}"}
            if kind == "containers":
                return list(client.containers(all=True, filters=wanted))
            objects: Any = getattr(client, kind)(filters=wanted)
            return (
                [{"Id": volume["Name"]} for volume in objects["Volumes"] or ()]
                if kind == "volumes"
                else list(objects)
            )


def undisturbed(room: Room, scenario: str, substrate: str) -> float:
    """Return the seconds that an undisturbed run takes."""
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
    """Kill a run's runner `at` seconds after its start; return the trial, None if the run had ended
    before."""
    out, before = room.folder / f"{number:03}-{scenario}-{substrate}-{at:.2f}", eyes.shared()
    process = room.start(scenario, substrate, out)
    with suppress(subprocess.TimeoutExpired):
        process.wait(at)
    run = next((path.name for path in out.glob("*")), "")
    if process.returncode is not None:
        return None
    try:
        resources = room.resources(process.pid, run)
    finally:
        reapers = eyes.reapers(process.pid) if room.reaper else []
        process.send_signal(signal.SIGSTOP)  # so that it can't replace its reaper
        for reaper in reapers:
            with suppress(psutil.NoSuchProcess):
                reaper.kill()
        process.kill()
        process.wait()
    begun = time.monotonic()
    unhealed = room.heal() if reapers else []
    limit = LIMIT_S + (time.monotonic() - begun)
    clean: float | None = None
    while (passed := time.monotonic() - begun) < limit:
        left = [*room.left(run, out, resources), *(eyes.shared() - before)]
        clean = None if left else clean or passed
        if clean is not None and passed > clean + CALM_S:
            break
        time.sleep(LOOK_S)
    left = [*room.left(run, out, resources), *(eyes.shared() - before), *unfit(out / run), *unhealed]
    again = functools.partial(room.left, run, out, resources)
    return Trial(scenario, substrate, at, (["before", *_phases(out / run)])[-1], clean, left, again)


def disturbed(
    room: Room, scenario: str, substrate: str, takes: dict[str, float], draw: random.Random, number: int
) -> Trial:
    """Kill a run at a moment before its end; correct `takes` if a run ended sooner."""
    while True:
        at = draw.uniform(0, takes[scenario])
        if trial := killed(room, scenario, substrate, at, number):
            return trial
        takes[scenario] = min(takes[scenario], at)


def _phases(folder: Path) -> list[str]:
    """Return the phases that the runner itself reached."""
    results: list[str] = []
    with suppress(OSError):
        for event in read_journal(folder / "journal.jsonl"):
            if event.kind == "run.error" and event.data.get("where") == "runner":
                break
            results += [event.subject] if event.kind == "phase" else []
    return results


def unfit(folder: Path) -> list[str]:
    """Return why the run can't be judged; nothing if it is an error with a clean clean-up, or was
    judged before."""
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
    """Return the 95 % upper bound of the failure rate, one-sided (Clopper and Pearson)."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        chance = sum(math.comb(of, k) * middle**k * (1 - middle) ** (of - k) for k in range(failed + 1))
        low, high = (middle, high) if chance > DOUBT else (low, middle)
    return high


def conclude(trials: Sequence[Trial], before: set[str]) -> int:
    """Print the bounds; a clean run with late leftovers counts as a failure. `before`: see `shared`."""
    for trial in trials:
        if late := trial.again():
            print(f"{trial.line()}, but in the end: {'; '.join(late)}")
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
    parser.add_argument("--reaper", action="store_true", help="kill the reaper too, then run gameday heal")
    parser.add_argument("--keep", type=Path, help="where the runs stay; else they are removed")
    arguments = parser.parse_args()
    draw = random.Random(arguments.seed)
    scenarios = arguments.scenario or SCENARIOS
    trials: list[Trial] = []
    before = eyes.shared()
    with tempfile.TemporaryDirectory(prefix="gameday-survive-", dir="/var/tmp") as temporary:
        folder = arguments.keep.resolve() if arguments.keep else Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        for substrate, count in (("process", arguments.process), ("docker", arguments.docker)):
            room = Room(folder, substrate == "docker", arguments.reaper)
            takes = {scenario: undisturbed(room, scenario, substrate) for scenario in scenarios[:count]}
            for number in range(count):
                scenario = scenarios[number % len(scenarios)]
                trial = disturbed(room, scenario, substrate, takes, draw, number)
                trials.append(trial)
                print(f"{number + 1:3} {trial.line()}", flush=True)
        return conclude(trials, before)


if __name__ == "__main__":
    sys.exit(main())
