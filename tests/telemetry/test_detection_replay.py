"""Detection of two sides, compared on the same recorded streams."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from gameday import detect
from gameday.recording.journal_events import PhaseStarted
from gameday.telemetry.detection_replay import DetectedRun, detection_pairs
from tests.support.telemetry_bench import STATUS, Bench, scenario


def recorded(folder: Path, detector: str, *, failing: int = 200) -> DetectedRun:
    """Return a run on disk in which every request fails after the steady state, watched by one detector that pages."""
    folder.mkdir(parents=True)
    load = {"rate": "20/s", "journeys": {"buy": 1}}
    detectors: list[dict[str, Any]] = [{"detector": detector, "pages": True}]
    bench = Bench(folder, scenario(detectors=detectors, load=load))
    (folder / "scenario.yaml").write_text(json.dumps(bench.scenario.document()), encoding="utf-8")
    bench.run(100)
    bench.journal.append(PhaseStarted("steady", t=bench.clock.t))
    bench.watch.rearm(bench.clock.t)
    bench.run(200, gap=0.0503)
    bench.watch.calibrate(bench.clock.t - 10)
    effect = bench.clock.t
    raised = bench.run(failing, gap=0.0503, error=STATUS)
    bench.close()
    return DetectedRun(folder, effect, min((alert.t for alert in raised), default=None))


def test_equal_detectors_page_at_equal_times(tmp_path: Path) -> None:
    """The replay of a run's own detectors gives exactly the page that it had, on both sides."""
    base, new = ([recorded(tmp_path / f"{side}{i}", "cusum") for i in range(2)] for side in ("base", "new"))
    pairs = detection_pairs(base, new, detect.make)
    assert len(pairs) == 4
    assert [new - base for base, new in pairs] == [0.0] * 4
    assert [base for base, _ in pairs if not 0 < base < 1] == []


def test_a_slower_detector_is_slower_on_every_stream(tmp_path: Path) -> None:
    """New's burn rate pages later than base's CUSUM on the streams of both sides, whoever recorded them."""
    base, new = recorded(tmp_path / "base", "cusum"), recorded(tmp_path / "new", "burn-rate")
    pairs = detection_pairs([base], [new], detect.make)
    assert [later > sooner for sooner, later in pairs] == [True, True]


def test_a_stream_without_a_page_is_infinite(tmp_path: Path) -> None:
    """A detector that sees nothing takes for ever."""
    runs = [recorded(tmp_path / side, "cusum", failing=1) for side in ("base", "new")]
    assert detection_pairs([runs[0]], [runs[1]], detect.make) == [(math.inf, math.inf)] * 2


@pytest.mark.parametrize("detector", ["scrape", "missing"])
def test_what_is_not_recorded_is_not_compared(detector: str, tmp_path: Path) -> None:
    """Counters of services aren't recorded, and neither is a run whose folder is gone: there are no pairs."""
    run = recorded(tmp_path / "run", "cusum")
    if detector == "missing":
        assert detection_pairs([run], [DetectedRun(tmp_path / "gone", 1.0, 2.0)], detect.make) == []
        return
    document = json.loads((run.folder / "scenario.yaml").read_text())
    document["detectors"] = [{"detector": "scrape", "pages": True}]
    (run.folder / "scenario.yaml").write_text(json.dumps(document), encoding="utf-8")
    assert detection_pairs([run], [run], detect.make) == []
