"""Random faults and operations while orders are placed: is every promise about orders kept?

    python benchmarks/orders.py --runs 10 [--mode sync] [--substrate process] [--seed 1] [--minimise]
        [--keep FOLDER]

In the manner of Jepsen: each run has two to four random faults (a region lost, cut, grey; replication delayed or cut; a
database paused or killed; edge, checkout, payments killed) and, at random moments, operations (promote, failover, rejoin)
by the operators' API. Clients retry. Run n has the seed S + n: plan, arrivals and scenario follow from it, the timing of
processes doesn't. Afterwards the clients' answers, a dump by SQL, the ledger and the journal are checked by code that
knows nothing of the shop (`order_checks`): each acknowledged order is kept, charged once and taken from the stock once,
amounts agree, no two primaries acknowledge in turn, and the audit counts the same.

Every run brings up a system of its own: after a promotion or a lost region none is as at its start. `--minimise` drops
faults and operations of a run with a violation while the violation persists. `--keep` keeps plans, runs and
`results.jsonl`. The exit status is 1 if a promise was broken.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

import gameday
from benchmarks.order_checks import Checked, check, tally
from benchmarks.order_plans import Plan, Step, draw
from gameday.execution import active_runs
from gameday.operator_api.api_client import ApiClient, ApiRejected, ApiUnavailable
from gameday.operator_api.credentials import read_credentials

LOOK_S = 0.05
UP_S = 240.0
ATTEMPTS = 2
"""How often a smaller plan is run before it counts as free of the violation."""


class Operators(threading.Thread):
    """Requests the operations of a plan at their times, once the run in `out` has come to its timeline."""

    def __init__(self, operations: Sequence[Step], out: Path) -> None:
        super().__init__(name="operators", daemon=True)
        self._operations = operations
        self._out = out
        self._over = threading.Event()
        self.requested: list[str] = []
        """What was answered to each operation."""
        self.rejected: list[str] = []
        """Requests that the API didn't understand: a defect of this benchmark."""

    def end(self) -> None:
        """Request nothing more."""
        self._over.set()
        self.join()

    def run(self) -> None:
        """Wait for the timeline, then request each operation when it is due."""
        deadline = time.monotonic() + UP_S
        while not (folder := self._in_timeline()):
            if self._over.wait(LOOK_S) or time.monotonic() > deadline:
                return
        begun = time.monotonic()
        for step in self._operations:
            if self._over.wait(max(0.0, begun + step.at - time.monotonic())):
                return
            self.requested.append(f"{step.words()}: {self._request(folder.name, step)}")

    def _in_timeline(self) -> Path | None:
        """Return the run's folder once its journal says that the timeline has begun."""
        for journal in self._out.glob("*/journal.jsonl"):
            if '"kind":"phase","subject":"fault"' in journal.read_text(encoding="utf-8"):
                return journal.parent
        return None

    def _request(self, run: str, step: Step) -> str:
        fields = {"name": step.name, "target": step.spec["target"] or None, "as": "benchmark"}
        try:
            return ApiClient(read_credentials(active_runs.key_path(run))).request_operation(fields)
        except ApiRejected as error:
            self.rejected.append(f"{step.words()}: {error}")
            return "rejected"
        except (ApiUnavailable, OSError, ValueError) as error:
            return f"the run has ended: {error}"


@dataclass(frozen=True)
class Trial:
    """A plan, the folder of its run, and what the checks found."""

    plan: Plan
    folder: Path
    checked: Checked
    operations: Sequence[str]

    def lines(self) -> list[str]:
        """Return what is printed of the run."""
        checked = self.checked
        state = "" if checked.audited else f"; NOT AUDITED: {checked.why or 'no orders were collected'}"
        kept = f"{checked.kept} kept, {checked.charged} charged, {checked.pending} pending"
        forgiven = [f"{violation.words()} (no promise)" for violation in checked.forgiven]
        violations = [violation.words() for violation in checked.violations]
        return [
            f"seed {self.plan.seed} {self.plan.mode} {self.plan.delay_ms} ms: "
            f"{' | '.join(step.words() for step in self.plan.steps)}",
            f"  {checked.orders} orders, {checked.acknowledged} acknowledged, {kept}{state}",
            f"  operations: {', '.join(checked.operations) or 'none was carried out'}",
            f"  violations: {'; '.join((*violations, *forgiven)) or 'none'}",
        ]


def play(plan: Plan, substrate: str, out: Path) -> Trial:
    """Make one run of the plan in a new folder of `out` and check it."""
    out.mkdir(parents=True)
    (out / "plan.json").write_text(plan.text(), encoding="utf-8")
    path = out / f"orders-{plan.seed}.yaml"
    path.write_text(yaml.safe_dump(plan.scenario(), sort_keys=False), encoding="utf-8")
    operators = Operators(plan.operations(), out)
    operators.start()
    try:
        result = gameday.run_scenario(path, substrate=substrate, out=out, seed=plan.seed)
    finally:
        operators.end()
    if operators.rejected:
        raise RuntimeError(f"operations of {path.name} weren't understood: {'; '.join(operators.rejected)}")
    return Trial(plan, result.folder, check(result.folder, plan.mode), operators.requested)


def minimise(trial: Trial, rerun: Callable[[Plan], Trial]) -> Trial:
    """Drop steps while the violation persists; return the last run that had it."""
    kinds = {violation.kind for violation in trial.checked.violations}
    smallest = trial
    for step in reversed(trial.plan.steps):
        for _ in range(ATTEMPTS):
            smaller = rerun(smallest.plan.without(step))
            if kinds & {violation.kind for violation in smaller.checked.violations}:
                smallest = smaller
                break
    return smallest


def run(arguments: argparse.Namespace, folder: Path) -> int:
    """Make all runs, print each, and return the exit status."""
    trials: list[Trial] = []
    count = 0

    def rerun(plan: Plan) -> Trial:
        nonlocal count
        count += 1
        return play(plan, arguments.substrate, folder / f"{count:03d}-{plan.seed}")

    for number in range(arguments.runs):
        trial = rerun(draw(arguments.seed + number, arguments.mode))
        trials.append(trial)
        _show(trial, folder)
        if trial.checked.violations and arguments.minimise:
            smallest = minimise(trial, rerun)
            print("minimised:", *smallest.lines(), sep="\n", flush=True)
            print(f"  {smallest.folder}", flush=True)
    return _conclude(trials)


def _show(trial: Trial, folder: Path) -> None:
    """Print a run and append it to `results.jsonl`."""
    print(*trial.lines(), sep="\n", flush=True)
    record = {
        "seed": trial.plan.seed,
        "mode": trial.plan.mode,
        "run": trial.folder.name,
        "steps": [step.words() for step in trial.plan.steps],
        "requested": list(trial.operations),
        **asdict(trial.checked),
    }
    with (folder / "results.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def _conclude(trials: Sequence[Trial]) -> int:
    """Print the sums; return 1 if a promise was broken."""
    checked = [trial.checked for trial in trials]
    broken, audited = tally(checked), sum(result.audited for result in checked)
    acknowledged = sum(result.acknowledged for result in checked)
    print(f"{len(trials)} runs, {audited} audited, {acknowledged} acknowledged orders")
    for kind, times in broken.items():
        seeds = [
            trial.plan.seed
            for trial in trials
            if kind in {violation.kind for violation in trial.checked.violations}
        ]
        print(f"  {kind}: {times} runs, seeds {', '.join(map(str, seeds))}")
    if not broken:
        print(f"  no violation; with 0 of {audited} runs, at most {3 / max(1, audited):.0%} of runs at 95 %")
    return 1 if broken else 0


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--mode", choices=("sync", "async"), default="sync")
    parser.add_argument("--substrate", choices=("process", "docker"), default="process")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--minimise", action="store_true")
    parser.add_argument("--keep", type=Path, help="keep the runs in this folder")
    arguments = parser.parse_args(words)
    if arguments.keep:
        arguments.keep.mkdir(parents=True, exist_ok=True)
        return run(arguments, arguments.keep)
    with tempfile.TemporaryDirectory(prefix="gameday-orders-", dir="/var/tmp") as name:
        Path(name).chmod(0o755)
        return run(arguments, Path(name))


if __name__ == "__main__":
    sys.exit(main())
