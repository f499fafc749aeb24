"""Replay of recorded watches through detectors."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from gameday import detect
from gameday.operations import Alert
from gameday.recording.journal_events import PhaseStarted
from gameday.scenario.scenario_model import Detection
from gameday.telemetry.replay import Look, read_recording, replay, replay_quiet
from gameday.telemetry.watch import Watch
from tests.support.journals import typed_event
from tests.support.telemetry_bench import OK, STATUS, WRONG, Bench, scenario

EVERY: list[dict[str, Any]] = [
    {"detector": "cusum", "pages": True},
    {"detector": "silence", "pages": True},
    {"detector": "hang", "pages": True},
    {"detector": "bank", "pages": True},
    *({"detector": name} for name in ("threshold", "burn-rate", "ewma", "page-hinkley", "adwin")),
]


class Story(Bench):
    """A watched run, on disk like a run's folder, and the alerts that its watch raised."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        load = {"rate": "20/s", "journeys": {"buy": 1}}
        super().__init__(folder, scenario(**({"detectors": EVERY, "load": load} | changes)))
        (folder / "scenario.yaml").write_text(json.dumps(self.scenario.document()), encoding="utf-8")
        self.raised: list[Alert] = []

    def steady(self) -> None:
        """Run the warm-up, then the steady state up to its calibration."""
        self.run(100)
        self.phase("steady")
        self.watch.rearm(self.clock.t)
        self.live(200)
        self.clock.t += 0.0123456789
        self.watch.calibrate(self.clock.t - 10)

    def phase(self, name: str) -> None:
        self.journal.append(PhaseStarted(name, t=self.clock.t))

    def live(self, n: int, **request: Any) -> None:
        self.raised += self.run(n, gap=0.0503, **request)

    def hush(self, seconds: float) -> None:
        """Poll every 20 ms without any record."""
        end = self.clock.t + seconds
        while self.clock.t < end:
            self.clock.t += 0.0200007
            self.raised += self.watch.poll(self.clock.t)


@pytest.fixture
def quiet(tmp_path: Path) -> Path:
    """Return a control run of a minute."""
    story = Story(tmp_path)
    story.steady()
    story.live(1200)
    story.phase("down")
    story.close()
    assert story.raised == []
    return tmp_path


def test_a_run_replays_exactly(tmp_path: Path) -> None:
    """The run's own detectors raise the same alerts on replay, with equal fields and times, over
    all kinds of events."""
    story = Story(tmp_path)
    story.steady()
    story.live(60, error=STATUS, region="eu-west")
    story.hush(3.0)
    story.watch.rearm(story.clock.t + 1.0)
    story.live(100)
    story.live(60, error=WRONG)
    story.watch.rearm(story.clock.t)
    story.hush(4.0)
    story.live(40, error=STATUS)
    story.watch.rearm(story.clock.t)
    story.live(40)
    story.raised += story.freeze(4.0)
    story.watch.rearm(story.clock.t)
    story.raised += story.freeze(1.0)
    story.close()
    assert {alert.detector for alert in story.raised} == {detection["detector"] for detection in EVERY}
    assert len(story.raised) > 15
    assert replay(read_recording(tmp_path), detect.make) == story.raised


def test_two_shards_replay_exactly(tmp_path: Path) -> None:
    """Records of two shards are fed shard by shard, as in the run."""
    (tmp_path / "b").mkdir()
    story, other = Story(tmp_path), Bench(tmp_path / "b")
    second = other.shard.path.rename(tmp_path / "samples" / "other.shard")
    other.shard.path.with_suffix(".names").rename(second.with_suffix(".names"))
    story.watch = Watch(story.scenario, detect.make, story.clock, story.journal)
    story.watch.start(sorted((tmp_path / "samples").glob("*.shard")), dict)
    for n in range(300):
        story.clock.t += 0.04
        other.clock.t = story.clock.t - 0.01
        story.put(STATUS if n > 250 else WRONG if n > 200 else OK, "buy" if n % 3 else "browse")
        other.put(STATUS if n > 240 else OK, "browse" if n % 2 else "buy")
        if n % 5 == 0:
            story.raised += story.watch.poll(story.clock.t + 0.033)
        if n == 150:
            story.watch.calibrate(1.0)
    for bench in (story, other):
        bench.close()
    assert {alert.slo for alert in story.raised} == {"checkout", "prices"}
    assert replay(read_recording(tmp_path), detect.make) == story.raised


def test_the_warm_up_raises_nothing(tmp_path: Path) -> None:
    """Alerts before the steady state are dropped, as in the engine; the numbering continues."""
    story = Story(tmp_path)
    warm = story.run(40, error=STATUS)
    story.steady()
    story.live(40, error=STATUS)
    story.close()
    assert warm
    assert story.raised[0].id == f"a{len(warm) + 1}"
    assert replay(read_recording(tmp_path), detect.make) == story.raised


def test_other_detectors_see_the_same_stream(tmp_path: Path) -> None:
    """A slower detector raises later on the same stream; a watching detector may page, and keeps
    its share of the budget."""
    story = Story(tmp_path)
    story.steady()
    story.live(100, error=STATUS)
    story.close()
    recording = read_recording(tmp_path)
    slow = Detection.model_validate({"detector": "threshold", "pages": True, "params": {"least": 20}})
    (alert,) = replay(recording, detect.make, [slow])
    own = next(one for one in story.raised if one.detector == "threshold")
    assert (alert.detector, alert.pages, alert.slo) == ("threshold", True, "checkout")
    assert alert.t - own.t == pytest.approx(10 * 0.0503)


def test_quiet_hours(quiet: Path) -> None:
    """A quiet minute repeated for an hour raises no alert: neither for errors nor for silence at
    the seams."""
    recording = read_recording(quiet)
    assert replay_quiet([recording, recording], detect.make, 3600.0) == []


def test_false_alarms_go_on_being_counted(tmp_path: Path) -> None:
    """A false alarm in the quiet part recurs in each repetition, since detectors are rearmed; times
    increase over all repetitions."""
    story = Story(tmp_path, detectors=[{"detector": "threshold", "params": {"least": 3, "window": "1s"}}])
    story.steady()
    story.live(400)
    story.live(3, error=STATUS)
    story.live(397)
    story.phase("down")
    story.close()
    (alone,) = story.raised
    turn = 800 * 0.0503
    alerts = replay_quiet([read_recording(tmp_path)], detect.make, 10 * turn - 1)
    gaps = [after.t - before.t for before, after in pairwise(alerts)]
    assert len(alerts) == 10
    assert gaps == pytest.approx([turn] * 9, abs=0.1)
    assert alerts[0].summary == alone.summary


def test_a_quiet_part_ends_at_the_fault(tmp_path: Path) -> None:
    """The quiet part ends at the fault; a run has none if its fault came at once or it never was
    steady."""
    for name, before in (("later", 300), ("at once", 0)):
        (tmp_path / name).mkdir()
        story = Story(tmp_path / name)
        story.steady()
        story.live(before)
        story.journal.append(typed_event(story.clock.t, "fault.intended", "f1"))
        story.live(100, error=STATUS)
        story.close()
    assert replay_quiet([read_recording(tmp_path / "later")], detect.make, 600.0) == []
    with pytest.raises(ValueError, match="fault came at once"):
        replay_quiet([read_recording(tmp_path / "at once")], detect.make, 600.0)
    (tmp_path / "never").mkdir()
    story = Story(tmp_path / "never")
    story.run(50)
    story.close()
    with pytest.raises(ValueError, match="never was in steady state"):
        replay_quiet([read_recording(tmp_path / "never")], detect.make, 600.0)


def test_runs_that_watch_different_slos_are_not_mixed(tmp_path: Path, quiet: Path) -> None:
    """Recordings of runs with different SLOs can't be joined."""
    (tmp_path / "other").mkdir()
    slos = [{"name": "checkout", "journey": "buy", "sli": "availability", "objective": "99%"}]
    story = Story(tmp_path / "other", slos=slos)
    story.close()
    with pytest.raises(ValueError, match="different SLOs"):
        replay_quiet([read_recording(quiet), read_recording(tmp_path / "other")], detect.make, 60.0)


def test_records_that_are_gone_are_an_error(quiet: Path) -> None:
    """A journal that counts more records than the shard has is an error."""
    looks = [step for step in read_recording(quiet).steps if isinstance(step, Look)]
    assert sum(len(look.seen[0]) for look in looks) == 1500
    (quiet / "samples" / "load.shard").unlink()
    with pytest.raises(ValueError, match=r"counts 1 records of load\.shard, which has 0"):
        read_recording(quiet)
