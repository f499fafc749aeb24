"""How often the faulty change is the first suspect, beside two innocent changes planted into recorded runs.

    python benchmarks/suspects.py RUN… [--draws 20]

An innocent release has no effect: planting one is a relabelling of which release served a request. Each draw takes two
services other than the faulty one's, each with a change at a random moment from 10 s before the fault to 2 s after it,
which reaches all instances over one second, and ranks the changes by what was known at the first operation after the effect.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from gameday.analysis.clocks.clocks import Analysis, analyse
from gameday.analysis.clocks.operation_results import harmful_changes
from gameday.analysis.evidence.recorded_run import Run, read_run
from gameday.operations import Change, Suspect
from gameday.recording.samples import Samples
from gameday.slo.exposure import service_of
from gameday.slo.suspects import Window, suspects

INNOCENT = "9.9.9"
BEFORE_S, AFTER_S, OVER_S = 10.0, 2.0, 1.0


def planted(samples: Samples, service: str, t: float, random: np.random.Generator) -> Samples:
    """Return the samples with a new release of the service, served to all its requests within OVER_S of `t`."""
    records, releases = np.array(samples.records), list(samples.releases)
    share = np.clip((records["planned"] - t) / OVER_S, 0.0, 1.0)
    chosen = random.random(len(records)) < share
    for number, names in enumerate(samples.releases):
        parts = names.split()
        if any(service_of(part) == service for part in parts):
            new = " ".join(f"{service}-{INNOCENT}" if service_of(part) == service else part for part in parts)
            releases.append(new)
            records["release"][chosen & (records["release"] == number)] = len(releases) - 1
    return replace(samples, records=records, releases=releases)


def services(samples: Samples) -> list[str]:
    return sorted({service_of(name) for names in samples.releases for name in names.split()})


def ranked(run: Run, analysis: Analysis, random: np.random.Generator) -> tuple[Suspect, ...]:
    """Return the ranking of one draw."""
    bad = next(change for change in run.changes if change.id in harmful_changes(run))
    effect = analysis.clocks.effect
    assert effect is not None
    assert run.steady_from is not None
    acts = [one.t for one in analysis.operations if one.t >= effect and one.name not in ("ack", "note")]
    until = min(acts, default=analysis.until)
    others = [name for name in services(run.samples) if name not in (bad.started.service, "")]
    samples, feed = run.samples, [_change(bad.id, bad.t, bad.started.release, bad.started.kind)]
    for number, service in enumerate(random.choice(others, 2, replace=False)):
        t = bad.t + float(random.uniform(-BEFORE_S, min(AFTER_S, until - bad.t)))
        samples = planted(samples, str(service), t, random)
        feed.append(_change(f"i{number}", t, f"{service}-{INNOCENT}", "code"))
    return suspects(feed, run.scenario.slos, samples, Window(run.steady_from, until))


def _change(name: str, t: float, release: str, kind: str) -> Change:
    service = service_of(release)
    return Change(name, t, service, release, f"{service}-1.0.0", kind, "", "timeline", "done")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--draws", type=int, default=20)
    options = parser.parse_args()
    first: dict[str, list[bool]] = defaultdict(list)
    for folder in options.runs:
        run = read_run(folder)
        if not run.judged or not harmful_changes(run):
            continue
        analysis = analyse(run)
        if analysis.clocks.effect is None:
            continue
        draws = [ranked(run, analysis, np.random.default_rng(seed)) for seed in range(options.draws)]
        culprits = harmful_changes(run)
        first[run.scenario.name] += [bool(one) and one[0].change in culprits for one in draws]
    _show(first)


def _show(first: dict[str, Sequence[bool]] | dict[str, list[bool]]) -> None:
    for name, hits in sorted(first.items()):
        print(f"{name:<28} {sum(hits):>4} of {len(hits)}")
    total = [hit for hits in first.values() for hit in hits]
    if total:
        print(f"{'all':<28} {sum(total):>4} of {len(total)} ({100 * sum(total) / len(total):.1f} %)")


if __name__ == "__main__":
    main()
