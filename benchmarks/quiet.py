"""Rate of false alarms: recorded control runs, replayed through the detectors for hours of quiet.

    gameday run quiet --set hold=600s --substrate process --out recorded
    python benchmarks/quiet.py recorded [--hours 10]

The script prints the alarms of each client-side detector, and the 95 % upper bound of their rate.
A replay repeats the recorded noise, so the bound holds for *this* noise alone. The exit status is 1
if a paging detector had an alarm.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from gameday import detect
from gameday.analysis.detection.false_alarms import most
from gameday.telemetry.replay import read_recording, replay_quiet


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recorded", type=Path)
    parser.add_argument("--hours", type=float, default=10.0)
    arguments = parser.parse_args()
    recordings = [read_recording(path.parent) for path in sorted(arguments.recorded.rglob("journal.jsonl"))]
    if not recordings:
        sys.exit(f"no run below {arguments.recorded}")
    alerts = replay_quiet(recordings, detect.make, arguments.hours * 3600)
    raised = Counter(alert.detector for alert in alerts)
    pages = sum(alert.pages for alert in alerts)
    print(f"{arguments.hours:g} hours replayed of {len(recordings)} recorded control runs")
    for detection in recordings[0].scenario.detectors:
        if detection.detector != "scrape":
            count = raised[detection.detector]
            bound = most(count) / arguments.hours
            pays = "pages  " if detection.pages else "watches"
            print(f"{detection.detector:12} {pays} {count:4} alarms, at most {bound:.2g} an hour at 95 %")
    return 1 if pages else 0


if __name__ == "__main__":
    sys.exit(main())
