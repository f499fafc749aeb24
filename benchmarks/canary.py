"""How often a good release would be aborted: canaries without a defect, replayed on recorded control samples.

    python benchmarks/canary.py RUN… [--draws 200] [--false-abort 1%]

Each draw takes a recorded run without an effect, a service, a release's name, which draws its own users, and a moment at
which the canary begins. The judge sees the samples as they came and is asked every half second, as in a run.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import numpy as np

from gameday.analysis.evidence.recorded_run import Run, read_run
from gameday.analysis.trials.binomial import upper_bound
from gameday.detect import make as make_detector
from gameday.ports import CanaryPlan
from gameday.recording.samples import Samples
from gameday.scenario.units import ratio
from gameday.telemetry.canary_judge import Judge

SERVICES = ("pricing", "catalog", "checkout", "gateway")
EVERY_S = 0.5
NORMAL_S = 5.0
"""How much of a run must lie before the canary."""


def result(run: Run, plan: CanaryPlan, seed: int) -> str:
    """Return how one canary ends: `promoted`, or the first verdict that isn't healthy."""
    random = np.random.default_rng(seed)
    records = np.array(run.samples.records)
    steady = run.steady_from or 0.0
    last = run.end - plan.bake * len(plan.watched)
    if last <= steady + NORMAL_S:
        return "too short"
    began = float(random.uniform(steady + NORMAL_S, last))
    service = str(random.choice(SERVICES))
    now = began

    def samples() -> Samples:
        return run.samples.part(records[(records["end"] <= now) & (records["planned"] >= steady)])

    judge = Judge(run.scenario.slos, samples, make_detector, service, f"{service}-9.{seed}.0", plan)
    for share in plan.watched:
        judge.step(share, now)
        until = now + plan.bake
        while now < until:
            now = min(until, now + EVERY_S)
            verdict = judge.verdict(now, ending=now >= until)
            if verdict.state == "worse":
                return "worse"
            if verdict.state != "healthy":
                break
        if verdict.state != "healthy" and verdict.state != "no-data":
            return verdict.state
    return "promoted"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--false-abort", type=ratio, default=0.01)
    parser.add_argument("--bake", type=float, default=4.0)
    options = parser.parse_args()
    plan = CanaryPlan((0.05, 0.25, 1.0), options.bake, options.false_abort)
    ends: Counter[str] = Counter()
    runs = [run for run in map(read_run, options.runs) if run.judged and not run.broken_before]
    for seed in range(options.draws):
        ends[result(runs[seed % len(runs)], plan, seed)] += 1
    judged = sum(ends.values()) - ends["too short"]
    most = upper_bound(ends["worse"], judged) if judged else 1.0
    print(dict(ends))
    print(
        f"aborted {ends['worse']} of {judged}: at most {100 * most:.2f} % (95 %), {100 * plan.false_abort:.2g} % is stated"
    )


if __name__ == "__main__":
    main()
