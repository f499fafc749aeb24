"""Reliability of the gate: draws from recorded trials, compared as `gameday compare` does.

    gameday run bad-deploy-pricing --repeat 20 --substrate process --out recorded
    python benchmarks/gate.py recorded [--draws 50] [--side 10] [--seed 1]

Same code on both sides: the recorded trials are shuffled into two sides repeatedly; at most 2 of 50
comparisons may fail. TTR 30 % longer on one side: at least 80 % of the draws detect it. A slower
detector: both are replayed on the same recorded streams, and an exact sign test detects the
difference. A trial that never recovered: exit status 1. Three trials a side: exit status 3. The
script's own exit status is 1 if any of these doesn't hold.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from gameday import detect
from gameday.analysis import Outcome
from gameday.analysis.trials.comparison import compare, load_side
from gameday.scenario import Detection
from gameday.telemetry.replay import Recording, read_recording, replay

LONGER = 1.3
ALPHA = 0.01


def verdict(base: Sequence[Outcome], new: Sequence[Outcome]) -> int:
    return compare({"s": list(base)}, {"s": list(new)}, alpha=ALPHA).exit_status


def slowed(outcome: Outcome) -> Outcome:
    if outcome.ttr_s is None:
        return outcome
    return outcome.model_copy(update={"ttr_s": outcome.ttr_s * LONGER})


def never(outcome: Outcome) -> Outcome:
    return outcome.model_copy(update={"ttr_s": None, "ttr_state": "censored", "ttr_censored_at": 99.0})


def detected(recording: Recording, outcome: Outcome, detection: Detection) -> float:
    """Return the TTD of one detector on a recorded stream; infinite if it has no alarm."""
    effect = outcome.clocks.effect or 0.0
    until = outcome.clocks.recovered or math.inf
    raised = [
        alert.t for alert in replay(recording, detect.make, [detection]) if effect <= alert.t <= until + 2
    ]
    return float(min(raised, default=math.inf) - effect)


def signs(slower: int, n: int) -> float:
    """Return P(at least `slower` of `n` differences are positive) if both signs are equally likely."""
    return float(sum(math.comb(n, k) for k in range(slower, n + 1)) / 2**n)


def paired(folders: Sequence[Path], outcomes: Mapping[str, Outcome], slow: str) -> bool:
    """Replay the default detector and a slower one on the same streams; return True if the
    difference is significant."""
    base, other = (
        Detection(detector="cusum", pages=True),
        Detection.model_validate({"detector": slow, "pages": True}),
    )
    pairs = []
    for folder in folders:
        recording, outcome = read_recording(folder), outcomes[folder.name]
        pairs.append((detected(recording, outcome, base), detected(recording, outcome, other)))
    unlike = [(a, b) for a, b in pairs if a != b]
    p = signs(sum(b > a for a, b in unlike), len(unlike))
    middle = [sorted(side)[len(pairs) // 2] for side in zip(*pairs, strict=True)]
    print(
        f"paired replay, cusum against {slow}: medians {middle[0]:.2f} s and {middle[1]:.2f} s, p = {p:.2g}"
    )
    return p < ALPHA


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recorded", type=Path)
    parser.add_argument("--draws", type=int, default=50)
    parser.add_argument("--side", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    (name, trials), *_ = load_side(arguments.recorded).items()
    if len(trials) < 2 * arguments.side:
        sys.exit(f"{len(trials)} trials of {name}; {2 * arguments.side} are needed")
    measured = [trial.ttr_s for trial in trials if trial.ttr_s is not None]
    mean = sum(measured) / len(measured)
    spread = math.sqrt(sum((x - mean) ** 2 for x in measured) / (len(measured) - 1)) / mean
    print(f"{len(trials)} trials of {name}: TTR {mean:.2f} s, CV {spread:.0%}")
    draw = random.Random(arguments.seed)
    same = longer = 0
    for _ in range(arguments.draws):
        drawn = draw.sample(trials, 2 * arguments.side)
        base, new = drawn[: arguments.side], drawn[arguments.side :]
        same += verdict(base, new) == 1
        longer += verdict(base, [slowed(outcome) for outcome in new]) == 1
    side = trials[: arguments.side]
    lost = verdict(side, [*side[1:], never(side[0])])
    few = verdict(side[:3], side[3:6])
    print(f"against itself: {same} of {arguments.draws} fail (at most 2 may, of 50)")
    print(f"TTR +{LONGER - 1:.0%}: found in {longer} of {arguments.draws} (80 % wanted)")
    print(f"one that never recovers: exit {lost}; three a side: exit {few}")
    runs = {trial.run.id: trial for trial in trials}
    folders = sorted(
        path.parent for path in arguments.recorded.rglob("outcome.json") if path.parent.name in runs
    )
    detects = paired(folders, runs, "ewma")
    good = same <= 2 and longer >= 0.8 * arguments.draws and (lost, few) == (1, 3) and detects
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
