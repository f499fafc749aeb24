"""The watch over hand-written shards: alerts, calibration, silence, lag."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from gameday import detect
from gameday.operations import Alert
from gameday.ports import Detector, PortError
from gameday.recording.journal import Journal
from gameday.recording.samples import ShardWriter
from gameday.scenario import Slo
from gameday.scenario.scenario_model import Detection
from gameday.telemetry.metrics_scrape import ServiceBreach
from gameday.telemetry.watch import Watch
from tests.support.fakes import HandClock
from tests.support.nonempty_all import nonempty_all
from tests.support.telemetry_bench import NOT_SENT, STATUS, WRONG, Bench, scenario


@pytest.fixture
def bench(tmp_path: Path) -> Any:
    one = Bench(tmp_path)
    yield one
    one.close()


def test_a_quiet_system_raises_nothing(bench: Bench) -> None:
    """Good answers with an occasional bad one raise no alert."""
    for _ in range(10):
        assert bench.run(300) == []
        assert bench.run(1, error=STATUS) == []


def test_an_outage_is_raised_by_each_detector(bench: Bench) -> None:
    """Failing checkouts raise an alert of the paging and of the watching detector, for that SLO
    only, with a text."""
    bench.run(100)
    alerts = bench.run(12, error=STATUS)
    assert [(one.id, one.detector, one.pages, one.slo, one.side) for one in alerts] == [
        ("a1", "cusum", True, "checkout", "client"),
        ("a2", "threshold", False, "checkout", "client"),
    ]
    bad = round((alerts[0].t - 5.03) / 0.05)
    assert 4 <= bad <= 7
    text = f"checkout: {bad} of the last 60 requests bad (availability, objective 99.5%)"
    assert (alerts[0].summary, alerts[0].region, alerts[0].journey) == (text, "us-east", "buy")


def test_wrong_content_is_raised_for_correctness(bench: Bench) -> None:
    """Wrong prices raise an alert for `prices`, and none for `checkout`, which is an availability."""
    bench.run(100)
    assert {one.slo for one in bench.run(60, error=WRONG)} == {"prices"}


def test_region_and_journey_are_named_only_if_they_are_shared(bench: Bench) -> None:
    """If bad requests come from both regions, or from no known one, the alert names no region."""
    bench.run(50)
    alerts: list[Alert] = []
    for n in range(12):
        alerts += bench.run(1, error=STATUS, region=("us-east", "eu-west")[n % 2])
    assert {one.region for one in alerts} == {None}
    bench.watch.rearm(bench.clock.t)
    assert {one.region for one in bench.run(12, error=STATUS, region="")} == {None}


def test_an_alert_stays_raised_until_rearmed(bench: Bench) -> None:
    """A detector raises once; after a rearm it raises again, but not on requests planned before."""
    assert bench.run(40, error=STATUS)
    assert bench.run(40, error=STATUS) == []
    since = bench.clock.t + 10
    bench.watch.rearm(since)
    assert bench.run(100, error=STATUS) == []
    bench.clock.t = since
    assert [one.id for one in bench.run(20, error=STATUS)] == ["a3", "a4"]
    assert [event.data["since"] for event in bench.events("stream.rearmed")] == [since]


def test_requests_that_were_not_sent_are_no_outcomes(bench: Bench) -> None:
    """Requests that a full pool didn't send raise no alert and count for no SLO."""
    assert bench.run(100, error=NOT_SENT) == []
    assert bench.watch.lag_p95() is None


def test_calibration_uses_the_observed_rates(tmp_path: Path) -> None:
    """p0 is the larger of a fifth of the budget and the observed error rate; the rate is the
    observed one."""
    calibrations: list[tuple[str, str, float, float]] = []
    fed: list[tuple[int, int, int, list[float]]] = []

    def make(
        detection: Detection,
        slo: Slo,
        p0: float,
        rate: float,
        streams: int,
        steady: Sequence[tuple[float, bool]],
    ) -> Detector | None:
        calibrations.append((detection.detector, slo.name, p0, rate))
        fed.append((streams, len(steady), sum(not good for _, good in steady), [t for t, _ in steady]))
        return detect.make(detection, slo, p0, rate, streams, steady)

    bench = Bench(tmp_path)
    bench.watch = Watch(scenario(), make, bench.clock, bench.journal)
    bench.watch.start([bench.shard.path], dict)
    prior = {name: p0 for _, name, p0, _ in calibrations}
    assert prior == pytest.approx({"checkout": 0.001, "prices": 0.0002})
    bench.run(100, error=STATUS)
    since = bench.clock.t + 0.01
    bench.run(990)
    bench.run(10, error=STATUS)
    calibrations.clear()
    fed.clear()
    bench.watch.calibrate(since)
    assert {(detector, name) for detector, name, *_ in calibrations} == {
        (detector, name) for detector in ("cusum", "threshold") for name in ("checkout", "prices")
    }
    assert {name: p0 for _, name, p0, _ in calibrations} == pytest.approx(
        {"checkout": 10.5 / 1001, "prices": 0.5 / 991}
    )
    assert sorted({rate for *_, rate in calibrations}) == pytest.approx([990 / 49.99, 1000 / 49.99], abs=5e-4)
    assert {chunk[:3] for chunk in fed} == {(2, 1000, 10), (2, 990, 0)}
    assert nonempty_all(times == sorted(times) for *_, times in fed)
    (checkout, _) = bench.events("stream.calibrated")
    assert (checkout.subject, checkout.data["n"], checkout.data["errors"]) == ("checkout", 1000, 10)
    assert (checkout.data["streams"], checkout.data["p0"]) == (2, 10.5 / 1001)
    bench.close()


def test_silence_is_unknown(bench: Bench) -> None:
    """A stream that pauses for longer than chance allows is silent; silence is reported once, until
    the stream resumes."""
    bench.run(100)
    bench.watch.calibrate(0.0)
    assert (bench.watch.poll(bench.clock.t + 1.9), bench.watch.silent()) == ([], [])
    for wait in (4.0, 4.1, 5.0):
        assert bench.watch.poll(bench.clock.t + wait) == []
        assert bench.watch.silent() == ["checkout", "prices"]
    assert [event.subject for event in bench.events("stream.silent")] == ["checkout", "prices"]
    bench.clock.t += 5
    bench.run(1, error=STATUS)
    assert bench.watch.silent() == ["prices"]
    assert [event.subject for event in bench.events("stream.resumed")] == ["checkout"]


def test_a_stream_that_never_began_falls_silent_too(bench: Bench) -> None:
    """If only other journeys are answered, the SLO of this one is silent."""
    bench.run(200, journey="browse")
    assert bench.watch.silent() == ["checkout"]


def test_polls_are_journalled_with_their_counts(bench: Bench) -> None:
    """A poll that read records journals the shard and the count committed; other polls journal
    nothing."""
    for _ in range(3):
        bench.put()
    bench.watch.poll(1.0)
    bench.watch.poll(1.1)
    bench.put()
    bench.watch.poll(1.2)
    polls = [(event.t, dict(event.data)) for event in bench.events("poll")]
    assert polls == [(1.0, {"shard": "load.shard", "count": 3}), (1.2, {"shard": "load.shard", "count": 4})]


def test_the_lag_is_measured(bench: Bench) -> None:
    """The lag is from the answer's end to the poll; its 95th percentile is journalled at the stop."""
    bench.run(100)
    assert bench.watch.lag_p95() == pytest.approx(0.01)
    bench.watch.stop()
    (lag,) = bench.events("lag")
    assert lag.data == {"p95_s": pytest.approx(0.01), "n": 100}


def test_all_records_are_kept_in_planned_order(tmp_path: Path) -> None:
    """Records of two shards with different name numbers become one set, sorted, with common names."""
    first, second = Bench(tmp_path), ShardWriter(tmp_path / "other.shard")
    watch = Watch(scenario(), detect.make, first.clock, first.journal)
    watch.start([first.shard.path, second.path], dict)
    for t, journey in ((2.0, "buy"), (1.0, "browse"), (3.0, "login")):
        first.clock.t = t
        first.put(journey=journey)
    first.shard, own_shard = second, first.shard
    for t, journey in ((2.5, "login"), (0.5, "buy")):
        first.clock.t = t
        first.put(journey=journey)
    watch.poll(4.0)
    samples = watch.samples()
    assert samples.records["planned"].tolist() == [0.5, 1.0, 2.0, 2.5, 3.0]
    assert [samples.journeys[n] for n in samples.records["journey"]] == [
        "buy",
        "browse",
        "buy",
        "login",
        "login",
    ]
    own_shard.close()
    first.close()


def test_a_shard_that_is_none_is_an_error(tmp_path: Path) -> None:
    """A file that isn't a shard, or is missing, is an error of the tool with a clear message."""
    journal = Journal(tmp_path / "journal.jsonl")
    watch = Watch(scenario(), detect.make, HandClock(), journal)
    (tmp_path / "a.shard").write_text("no")
    for name in ("a.shard", "b.shard"):
        with pytest.raises(PortError, match="can't be followed"):
            watch.start([tmp_path / name], dict)
    journal.close()


def test_service_side_alerts_come_out_of_the_poll(tmp_path: Path) -> None:
    """A breach found by the scrape is an alert of the service side, numbered with the others."""
    breach = ServiceBreach(
        "checkout", True, "checkout: answered 5xx since the last scrape: edge 9 of 30 (objective 99.5%)"
    )
    bench = Bench(tmp_path, scrape=Finds([breach]))
    assert bench.watch.poll(1.0) == [Alert("a1", 1.0, "scrape", "service", True, "checkout", breach.summary)]
    assert bench.watch.poll(2.0) == []
    bench.close()


class Finds:
    """A service side that reports a breach."""

    def __init__(self, breaches: list[ServiceBreach]) -> None:
        self._breaches = breaches

    def start(self, addresses: object) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""

    def rearm(self) -> None:
        """Do nothing."""

    def breaches(self) -> Iterator[ServiceBreach]:
        while self._breaches:
            yield self._breaches.pop()


def test_a_silence_detector_raises_though_nothing_comes(tmp_path: Path) -> None:
    """A silence detector raises at the poll at which the silence is long enough, with a text, and
    that poll is journalled."""
    bench = Bench(tmp_path, scenario(detectors=[{"detector": "silence", "pages": True}]))
    bench.run(200)
    bench.watch.calibrate(0.0)
    assert bench.run(100) == []
    quiet_from, polled = bench.clock.t, len(bench.events("poll"))
    raised = [alert for n in range(1, 400) for alert in bench.watch.poll(quiet_from + n / 50)]
    assert [(one.slo, one.detector, one.pages) for one in raised] == [
        ("checkout", "silence", True),
    ]
    assert 0.5 < raised[0].t - quiet_from < 3
    assert raised[0].summary == "checkout: 0 answers in the last 1 s, 20 are usual"
    marks = [(event.t, dict(event.data)) for event in bench.events("poll")[polled:]]
    assert marks == [(raised[0].t, {"shard": "load.shard", "count": 300})]
    bench.close()


def test_a_frozen_service_pages_before_the_time_out(tmp_path: Path) -> None:
    """Requests that wait raise an alert within 0.6 s, with a text; what was seen of them is journalled."""
    bench = Bench(tmp_path, scenario(detectors=[{"detector": "hang", "pages": True}]))
    bench.run(200)
    bench.watch.calibrate(0.0)
    assert bench.run(100) == []
    frozen_from = bench.clock.t
    raised = bench.freeze(1.0)
    assert [(one.slo, one.detector, one.pages, one.journey) for one in raised] == [
        ("checkout", "hang", True, "buy")
    ]
    assert 0.45 <= raised[0].t - frozen_from <= 0.6
    assert re.fullmatch(
        r"checkout: \d requests wait for an answer, the oldest for 0\.\d+ s", raised[0].summary
    )
    overdue = [event for event in bench.events("requests.overdue") if event.t <= raised[0].t]
    assert overdue[0].data["journeys"] == ["buy"]
    assert nonempty_all(
        event.t - 0.35 < planned <= event.t - 0.3 for event in overdue for planned in event.data["planned"]
    )
    bench.close()


def test_detectors_that_are_not_for_an_slo_share_no_budget(tmp_path: Path) -> None:
    """If a detector is for one kind of SLO, only that stream counts among those that page; watching
    detectors don't count."""
    detectors = [{"detector": "correctness", "pages": True}, {"detector": "cusum"}]
    bench = Bench(tmp_path, scenario(detectors=detectors))
    bench.run(100)
    bench.watch.calibrate(0.0)
    assert {event.data["streams"] for event in bench.events("stream.calibrated")} == {1}
    assert {(one.detector, one.slo) for one in bench.run(60, error=WRONG)} == {
        ("correctness", "prices"),
        ("cusum", "prices"),
    }
    bench.close()
