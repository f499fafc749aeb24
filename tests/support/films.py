"""The golden run as a film: the picture of any of its moments."""

from __future__ import annotations

from pathlib import Path

from gameday.recording.journal import read_journal
from gameday.recording.samples import read_samples
from gameday.scenario import read_resolved
from gameday.topology import bundled, read_topology
from gameday_reports.live.picture import RecordedRun
from gameday_reports.live.system_layout import SystemLayout
from tests.support.paths import GOLDEN


def film(folder: Path = GOLDEN) -> RecordedRun:
    """Return the film of a run's folder, on the map of the storefront: the golden run kept no topology."""
    events = list(read_journal(folder / "journal.jsonl"))
    layout = SystemLayout.of_topology(read_topology(bundled.compose(), ("us-east", "eu-west")))
    slos = read_resolved(folder / "scenario.yaml").slos
    return RecordedRun(layout, slos, events, read_samples(folder / "samples"))
