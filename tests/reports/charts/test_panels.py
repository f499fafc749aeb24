"""gameday_reports.charts.panels: what the figures of a report count."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gameday.recording.samples import ErrorKind
from gameday_reports.charts import panels
from gameday_reports.run_page.run_data import read
from tests.support import sample_run


def medians(folder: Path, kind: ErrorKind, took: float) -> list[float]:
    """Return the medians of the first journey, with every second request of it having ended so after `took` seconds."""
    run = read(folder)
    records = np.array(run.samples.records)
    which = np.flatnonzero(records["journey"] == 0)[::2]
    records["error"][which] = kind
    records["end"][which] = records["planned"][which] + took
    changed = replace(run, samples=replace(run.samples, records=records))
    over = panels.frame(changed)
    (latency,) = [one for one in panels.figures(changed, over) if one.title == "Latency by journey"]
    return [float(value) for value in latency.panels[0].series[0].values if not np.isnan(value)]


@pytest.mark.parametrize("kind", [ErrorKind.CONNECTION, ErrorKind.STATUS])
def test_refusals_leave_the_latency_alone(tmp_path: Path, kind: ErrorKind) -> None:
    """A refusal or an error answer within 1 ms doesn't lower the median: it falls in no outage."""
    folder = sample_run.no_effect(tmp_path / "run")
    fast, slow = medians(folder, kind, 0.001), medians(folder, kind, 1.9)
    assert fast == slow
    assert min(fast) > 0.001


def test_time_outs_count_as_latency(tmp_path: Path) -> None:
    """A request that timed out took that long."""
    folder = sample_run.no_effect(tmp_path / "run")
    assert max(medians(folder, ErrorKind.TIMEOUT, 2.0)) > 2 * max(medians(folder, ErrorKind.CONNECTION, 2.0))
