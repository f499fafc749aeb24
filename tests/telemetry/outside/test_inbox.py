"""Inbox: payloads are stamped, bounded, journalled unchanged, and replayed to the same alerts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gameday import detect
from gameday.operations import Alert
from gameday.ports import TooManyAlerts
from gameday.recording.journal import Journal
from gameday.recording.journal_events import PhaseStarted
from gameday.telemetry.outside import inbox as inbox_module
from gameday.telemetry.outside.inbox import Inbox
from gameday.telemetry.outside.monitoring_alerts import OutsideAlerts
from gameday.telemetry.replay import read_recording, replay
from gameday.telemetry.watch import Watch
from tests.support.alert_payloads import alert, webhook
from tests.support.fakes import HandClock
from tests.support.telemetry_bench import Bench, scenario

DETECTORS = [{"detector": "alertmanager", "pages": True}, {"detector": "cusum"}]


class Watched(Bench):
    """A bench whose watch takes alerts from outside."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, scenario(detectors=DETECTORS))
        self.inbox = Inbox(self.scenario.detectors, self.clock, self.journal)
        outside = OutsideAlerts(self.inbox, self.clock, self.journal)  # type: ignore[arg-type]
        self.watch = Watch(self.scenario, detect.make, self.clock, self.journal, outside=outside)
        self.watch.start([self.shard.path], dict)


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    with closing(Journal(tmp_path / "journal.jsonl")) as journal:
        yield Inbox(scenario(detectors=DETECTORS).detectors, HandClock(), journal)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Watched]:
    with closing(Watched(tmp_path)) as watched:
        yield watched
        watched.watch.stop()


def test_the_arrival_is_the_alerts_time(bench: Watched) -> None:
    """An alert that waits for the watch keeps the time at which it came."""
    bench.clock.t = 7.25
    assert bench.inbox.deliver("alertmanager", webhook(alert())) == 1
    bench.clock.t = 7.5
    (raised,) = bench.watch.poll(7.5)
    assert (raised.id, raised.t, raised.side, raised.pages) == ("a1", 7.25, "outside", True)


def test_a_replay_raises_the_same_alerts(bench: Watched, tmp_path: Path) -> None:
    """The journal has the payloads byte for byte, and alerts carried over from the warm-up."""
    raised: list[Alert] = []
    (tmp_path / "scenario.yaml").write_text(json.dumps(bench.scenario.document()), encoding="utf-8")
    payload = webhook(alert(summary="ä \\u0000 \u2028"))
    bench.inbox.deliver("alertmanager", payload)
    bench.clock.t = 2.0
    bench.watch.poll(2.0)  # the warm-up: the engine takes no alert
    bench.journal.append(PhaseStarted("steady", t=3.0))
    bench.clock.t = 13.0
    bench.watch.calibrate(3.0)
    raised += bench.watch.poll(13.1)
    bench.clock.t = 14.0
    bench.inbox.deliver("alertmanager", webhook(alert(fingerprint="z", slo="prices")))
    raised += bench.watch.poll(14.1)
    assert [(one.slo, one.t) for one in raised] == [("checkout", 13.0), ("prices", 14.0)]
    assert bench.events("alerts.received")[0].data["body"].encode() == payload
    again = replay(read_recording(tmp_path), detect.make)
    assert [(one.id[1:], one.t, one.slo, one.summary) for one in again] == [
        (one.id[1:], one.t, one.slo, one.summary) for one in raised
    ]


def test_garbage_is_refused_and_journalled_once(inbox: Inbox, tmp_path: Path) -> None:
    for _ in range(50):
        with pytest.raises(ValueError, match="not JSON"):
            inbox.deliver("alertmanager", b"\xff\xfe")
    lines = (tmp_path / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["alerts.refused"]


def test_an_unknown_detector_takes_nothing(inbox: Inbox) -> None:
    """A detector of the scenario that takes no payloads is unknown here too."""
    for name in ("cusum", "nonsense"):
        with pytest.raises(LookupError, match=name):
            inbox.deliver(name, webhook())


def test_a_flood_is_bounded_in_number_and_bytes(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than fits is refused; the bytes of a run are bounded also if all are folded."""
    for _ in range(inbox_module.MOST_WAITING):
        inbox.deliver("alertmanager", webhook())
    with pytest.raises(TooManyAlerts, match="try again"):
        inbox.deliver("alertmanager", webhook())
    assert list(inbox.folded()) == []
    monkeypatch.setattr(inbox_module, "MOST_BYTES", 0)
    with pytest.raises(TooManyAlerts, match="takes no more"):
        inbox.deliver("alertmanager", webhook())
