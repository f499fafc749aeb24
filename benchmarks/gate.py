"""Size and power of the gate by phase, from recorded trials.

    gameday run door-closed --repeat 12 --substrate process --out recorded
    python benchmarks/gate.py recorded [--draws 400] [--quiet 0.07] [--noisy 0.14] [--seed 1]

Effect, page, operation and recovery of each trial are read from its outcome as numbers; nothing of the code that measures
them is imported, only the gate under test. Trials are drawn from the recorded ones with replacement, each phase apart and
spread to a given coefficient of variation for the operation, so that a few recorded trials give many sets.

Printed: how often the same code fails against itself, with everything counted (trials that never recovered by chance
included), and how often a phase that takes longer by so much is found, with five trials a side, with five and then up to
twelve, and with ten. The exit status is 1 if the same code fails in over 1 %, or if an operation slower by 30 % is found in
under 90 % (five, then up to twelve, quiet) or under 80 % (the same, noisy).
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gameday.analysis.trials.comparison import compare_times
from gameday.analysis.trials.gate.outage_phases import TrialTimes

Floats = npt.NDArray[np.float64]
PHASES = ("ttd_s", "decide_s", "operate_s", "settle_s")
ALPHA, OPEN_BELOW = 0.01, 0.35
FIRST, LAST = 5, 12
BLIP = 0.02
"""The share of trials that never recover, by chance, on either side."""


@dataclass(frozen=True)
class Recorded:
    """Seconds of each phase: a row for each recorded trial."""

    phases: Floats

    def draw(
        self, n: int, cv: float, random: np.random.Generator, slower: dict[str, float], blip: float
    ) -> list[TrialTimes]:
        """Return n trials: phases drawn independently, the operation with the coefficient of variation `cv`."""
        rows = np.column_stack([random.choice(column, n) for column in self.phases.T])
        sigma = math.sqrt(math.log1p(cv * cv))
        operate = PHASES.index("operate_s")
        rows[:, operate] = np.median(self.phases[:, operate]) * random.lognormal(0.0, sigma, n)
        for phase, factor in slower.items():
            rows[:, PHASES.index(phase)] *= factor
        lost = random.random(n) < blip
        return [_trial(i, row, bool(gone)) for i, (row, gone) in enumerate(zip(rows, lost, strict=True))]


def _trial(number: int, row: Floats, lost: bool) -> TrialTimes:
    times = dict(zip(PHASES, map(float, row), strict=True))
    times["ttr_s"] = sum(times.values())
    if lost:
        times = {"ttd_s": times["ttd_s"], "ttr_s": math.inf}
    return TrialTimes(f"r{number}", None, times, True, not lost, "rollback")


def read(folder: Path) -> Recorded:
    """Return the phases of every trial below a folder that was measured from effect to recovery."""
    rows = []
    for file in sorted(folder.rglob("outcome.json")):
        outcome = json.loads(file.read_text(encoding="utf-8"))
        clocks = outcome["clocks"]
        stamps = [clocks[name] for name in ("effect", "detect", "act", "acted", "recovered")]
        if outcome["exit_status"] in (0, 1) and None not in stamps:
            rows.append(np.diff(stamps))
    if len(rows) < FIRST:
        sys.exit(f"{len(rows)} trials with all clocks below {folder}; {FIRST} are needed")
    return Recorded(np.array(rows))


def fails(base: Sequence[TrialTimes], new: Sequence[TrialTimes], alpha: float) -> tuple[int, float]:
    """Return the exit status of a comparison, and its least p."""
    comparison = compare_times({"s": base}, {"s": new}, alpha=alpha)
    return comparison.exit_status, comparison.scenarios[0].p_holm or 1.0


def one_stage(base: Sequence[TrialTimes], new: Sequence[TrialTimes], n: int) -> bool:
    return fails(base[:n], new[:n], ALPHA)[0] == 1


def two_stages(base: Sequence[TrialTimes], new: Sequence[TrialTimes]) -> bool:
    """Compare five trials a side, and up to twelve if that leaves it open; each stage has half of α."""
    status, p = fails(base[:FIRST], new[:FIRST], ALPHA / 2)
    if status or p >= OPEN_BELOW:
        return status == 1
    return fails(base, new, ALPHA / 2)[0] == 1


def rates(
    recorded: Recorded, cv: float, slower: dict[str, float], draws: int, seed: int, blip: float = 0.0
) -> tuple[float, float, float]:
    """Return how often the gate fails: with five a side, five and up to twelve, and ten."""
    random = np.random.default_rng(seed)
    counts = np.zeros(3)
    for _ in range(draws):
        base, new = recorded.draw(LAST, cv, random, {}, blip), recorded.draw(LAST, cv, random, slower, blip)
        counts += (one_stage(base, new, FIRST), two_stages(base, new), one_stage(base, new, 10))
    five, staged, ten = counts / draws
    return float(five), float(staged), float(ten)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recorded", type=Path)
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--quiet", type=float, default=0.07)
    parser.add_argument("--noisy", type=float, default=0.14)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    recorded = read(arguments.recorded)
    medians = ", ".join(
        f"{name[:-2]} {value:.2f} s"
        for name, value in zip(PHASES, np.median(recorded.phases, axis=0), strict=True)
    )
    print(f"{len(recorded.phases)} recorded trials; medians: {medians}")
    print(f"{'fails in':<44} {'5':>7} {'5 to 12':>8} {'10':>7}")
    good = True
    for kind, cv in (("quiet", arguments.quiet), ("noisy", arguments.noisy)):
        rows = [
            (f"{kind}, CV {cv:.0%}: the same code", {}, 0.0),
            (f"{kind}: the same, {BLIP:.0%} never recover", {}, BLIP),
            *((f"{kind}: {phase[:-2]} +30 %", {phase: 1.3}, 0.0) for phase in PHASES),
            (f"{kind}: operate +95 %", {"operate_s": 1.95}, 0.0),
        ]
        for label, slower, blip in rows:
            found = rates(recorded, cv, slower, arguments.draws, arguments.seed, blip)
            print(f"{label:<44} {found[0]:>7.1%} {found[1]:>8.1%} {found[2]:>7.1%}")
            if not slower:
                chance = 3 * math.sqrt(ALPHA * (1 - ALPHA) / arguments.draws)
                good = good and max(found) <= ALPHA + chance
            elif slower == {"operate_s": 1.3}:
                good = good and found[1] >= (0.9 if kind == "quiet" else 0.8)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
