"""Detection of two sides compared on the same streams: what each side's detectors would have paged on the other's runs.

A run's own page came from its own detectors, by the code that it ran with; the other side's detectors are replayed on its
stream, by the code that runs now. So both a changed configuration and changed code show, without the luck of the streams.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gameday.scenario.scenario_model import Detection
from gameday.scenario.yaml_document import Invalid
from gameday.telemetry.outcome_stream import MakeDetector
from gameday.telemetry.replay import Recording, read_recording, replay


@dataclass(frozen=True)
class DetectedRun:
    """A recorded run: `effect`, the page that detected it (None if none did), and the end of what can be detected."""

    folder: Path
    effect: float
    detect: float | None
    until: float = math.inf


def detection_pairs(
    base: Sequence[DetectedRun], new: Sequence[DetectedRun], make: MakeDetector
) -> list[tuple[float, float]]:
    """Return (TTD of base's detectors, TTD of new's) on the stream of each run of both sides; infinite without a page.

    Return nothing if a side's page may come from other streams than the requests, such as services' counters, or a recording is missing.
    """
    try:
        recordings = [[(run, read_recording(run.folder)) for run in side] for side in (base, new)]
    except (OSError, ValueError, LookupError, Invalid):
        return []
    if not all(recordings):
        return []
    configured = [_paging(side[0][1]) for side in recordings]
    if any(detection.side != "client" for own in configured for detection in own):
        return []
    with_new = [
        (_seconds(run, run.detect), _replayed(run, recording, configured[1], make))
        for run, recording in recordings[0]
    ]
    with_base = [
        (_replayed(run, recording, configured[0], make), _seconds(run, run.detect))
        for run, recording in recordings[1]
    ]
    return [*with_new, *with_base]


def _paging(recording: Recording) -> list[Detection]:
    return [detection for detection in recording.scenario.detectors if detection.pages]


def _replayed(
    run: DetectedRun, recording: Recording, detections: Sequence[Detection], make: MakeDetector
) -> float:
    since = run.effect if run.detect is None else min(run.effect, run.detect)
    raised = (alert.t for alert in replay(recording, make, detections) if since <= alert.t <= run.until)
    return _seconds(run, min(raised, default=None))


def _seconds(run: DetectedRun, page: float | None) -> float:
    return math.inf if page is None else max(0.0, page - run.effect)
