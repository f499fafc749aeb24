"""The load end to end: a real worker process against a small stub shop."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from gameday.load.load_plan import STEPS, LoadPlan, arrivals
from gameday.ports import PortError
from gameday.recording.clock import RunClock
from gameday.recording.journal_events import LoadStopped
from gameday.recording.samples import HEADER_BYTES, RECORD, ErrorKind, Samples, ShardReader, read_samples
from tests.support.load_workers import MIX, TIMEOUT_S, make_load, pid_of, running
from tests.support.paths import ROOT
from tests.support.small_disk import small_disk
from tests.support.stub_shop import Shop, open_shop
from tests.support.waiting import until

STALL_S = 0.8


class Day:
    """One run through a shop's good and bad hours: the samples, and when each hour began and ended."""

    def __init__(self, folder: Path) -> None:
        self.clock = RunClock()
        self.hours: dict[str, tuple[float, float]] = {}
        self.folder = folder
        self.load = make_load(folder, self.clock, timeout=TIMEOUT_S)
        with open_shop() as shop:
            self.first = self.load.start(shop.url)
            self.reader = ShardReader(self.load.shards()[0])
            self._live(shop)
            self.alive = self.load.alive()
            self.stopped = self.load.stop()
            self.orders, self.homes = shop.orders, shop.homes
        self.samples = read_samples(folder / "samples")
        self.plan = LoadPlan.read(folder / "samples" / "load.json")

    def _live(self, shop: Shop) -> None:
        self._pass("good", 150)
        shop.wrong = set(range(1, 41))
        self._pass("wrong", 80)
        shop.wrong, shop.down = set(), True
        self._pass("down", 60)
        shop.down, shop.closing = False, True
        self._pass("closing", 60)
        self.closed, shop.closing, shop.tired = shop.closed, False, True
        self._pass("tired", 60)
        self.tired = shop.closed - self.closed
        shop.tired, shop.dripping = False, True
        self._pass("dripping", 40)
        shop.dripping, shop.stall_until = False, time.monotonic() + STALL_S
        self._pass("stall", 170)
        self._pass("better", 60)

    def _pass(self, hour: str, requests: int) -> None:
        """Wait until this many requests are answered in the hour; requests at its edges belong to
        no hour."""
        begin, enough = self.clock.now(), self.reader.count() + requests
        until(lambda: self.reader.count() >= enough, f"{requests} more requests are answered")
        self.hours[hour] = (begin, self.clock.now())

    def of(self, hour: str) -> Any:
        """Return the records planned and answered in that hour, except those that a stall of the
        machine delayed."""
        begin, end = self.hours[hour]
        records = self.samples.records
        within = records[(records["planned"] > begin) & (records["end"] < end)]
        timed_out = within["error"] == ErrorKind.TIMEOUT
        assert timed_out.mean() < 0.3
        return within[~timed_out]


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    return Day(tmp_path_factory.mktemp("day"))


def errors_of(records: Any) -> set[ErrorKind]:
    return {ErrorKind(error) for error in np.unique(records["error"])}


def test_everything_planned_was_sent(day: Day) -> None:
    """The first steps on disk follow the schedule one by one: none is missing up to the end, and
    nearly all are on time."""
    records = day.samples.records
    first = [day.samples.steps.index(step) for step in ("product", "login", "orders", "costs")]
    sent = records[np.isin(records["step"], first)]
    end = float(sent["planned"].max())
    planned = [one.planned for one in takewhile(lambda one: one.planned <= end, arrivals(day.plan))]
    assert sent["planned"].tolist() == pytest.approx(planned)
    assert day.first == planned[0]
    assert (records["error"] == ErrorKind.NOT_SENT).mean() < 0.05
    assert np.nanmedian(records["start"] - records["planned"]) < TIMEOUT_S / 5


def test_it_ends_cleanly(day: Day) -> None:
    """The worker lives until it is stopped and loses no record: its log is empty, and its shard is
    truncated to size."""
    assert (day.alive, day.stopped) == (None, LoadStopped(clean=True, why=""))
    assert day.load.alive() == "the load was stopped"
    assert (day.folder / "logs" / "load.log").read_text() == ""
    size = day.load.shards()[0].stat().st_size
    assert size == HEADER_BYTES + len(day.samples.records) * RECORD.itemsize


def test_good_answers_are_right(day: Day) -> None:
    """At a good shop every step of every journey is answered, checked and right, and carries its
    region and release."""
    good = day.of("good")
    assert errors_of(good) == {ErrorKind.NONE}
    assert set(good["correct"]) == {1}
    names = {(day.samples.journeys[r["journey"]], day.samples.steps[r["step"]]) for r in good}
    assert names == {(journey, step) for journey in MIX for step in STEPS[journey]}
    assert {day.samples.regions[n] for n in good["region"]} == day.homes == {"us-east", "eu-west"}
    assert {day.samples.releases[n] for n in good["release"]} == {"gateway-1.0.0 shop-1.0.0"}


def test_orders_are_identified_by_their_number(day: Day) -> None:
    """The orders on disk are those that the shop received, each sent once, with the total that it
    acknowledged."""
    records = day.samples.records
    paid = records[np.isin(records["status"], (200, 201)) & (records["order"] > 0)]
    assert len(set(paid["order"])) == len(paid)
    assert {f"run-x-{n}" for n in paid["order"]} <= set(day.orders)
    assert set(day.orders.values()) == {1}
    assert (paid["total"] > 0).all()
    assert (records[records["order"] == 0]["total"] == -1).all()


def test_wrong_prices_are_seen(day: Day) -> None:
    """If prices are a cent off, product pages and receipts are WRONG with a good status; other
    answers are right."""
    wrong = day.of("wrong")
    priced = np.isin(wrong["step"], [day.samples.steps.index(step) for step in ("product", "checkout")])
    assert errors_of(wrong[priced]) == {ErrorKind.WRONG}
    assert set(wrong[priced]["correct"]) == {0}
    assert errors_of(wrong[~priced]) == {ErrorKind.NONE}
    assert (wrong["status"] < 300).all()


def test_refusals_are_status_errors(day: Day) -> None:
    """A 503 is a STATUS error, not checked, with the region and release that gave it."""
    down = day.of("down")
    assert errors_of(down) == {ErrorKind.STATUS}
    assert set(down["status"]) == {503}
    assert set(down["correct"]) == {2}
    assert {day.samples.releases[n] for n in down["release"]} == {"gateway-1.0.0 shop-1.0.0"}


def test_closed_connections_are_connection_errors(day: Day) -> None:
    """A connection closed without an answer is a CONNECTION error at once, for POST as for GET."""
    closing = day.of("closing")
    assert errors_of(closing) == {ErrorKind.CONNECTION}
    assert set(closing["status"]) == {0}
    assert np.median(closing["end"] - closing["planned"]) < TIMEOUT_S / 2


def test_a_kept_connection_that_was_closed_costs_no_request(day: Day) -> None:
    """If the server closes a keep-alive connection, the request is sent once more on a new one,
    also a POST."""
    tired = day.of("tired")
    assert day.tired > 20
    assert errors_of(tired) == {ErrorKind.NONE}
    assert {"login", "checkout"} & {day.samples.steps[n] for n in tired["step"]}


def test_a_closed_connection_is_tried_once_more_at_most(day: Day) -> None:
    """No request is sent more than twice to a server that closes every connection."""
    failed = (day.samples.records["error"] == ErrorKind.CONNECTION).sum()
    assert failed <= day.closed <= 2 * failed


def test_an_answer_that_drips_in_is_a_timeout(day: Day) -> None:
    """The time-out covers the whole answer, not each read."""
    begin, end = day.hours["dripping"]
    records = day.samples.records
    dripping = records[(records["planned"] > begin) & (records["end"] < end)]
    assert errors_of(dripping) == {ErrorKind.TIMEOUT}
    assert np.median(dripping["end"] - dripping["planned"]) == pytest.approx(TIMEOUT_S, abs=0.1)


def test_a_stall_hides_nothing(day: Day) -> None:
    """Requests planned during a stall count from their planned time: they are late or time out, and
    never take longer than the time-out."""
    begin = day.hours["stall"][0]
    records = day.samples.records
    within = records[(records["planned"] > begin) & (records["planned"] < begin + STALL_S - 0.05)]
    stalled_s = begin + STALL_S - within["planned"]
    timed_out = stalled_s > TIMEOUT_S + 0.05
    assert timed_out.any()
    assert errors_of(within[timed_out]) == {ErrorKind.TIMEOUT}
    ended = ~timed_out & (stalled_s < TIMEOUT_S - 0.1) & (within["error"] == ErrorKind.NONE)
    assert ended.any()
    latency = within["end"] - within["planned"]
    assert (latency[ended] > stalled_s[ended] - 0.05).all()
    assert np.percentile(latency, 90) < TIMEOUT_S + 0.1


def test_no_backlog_after_a_stall(day: Day) -> None:
    """After a stall the answers are as fast as before, and right."""
    better = day.of("better")
    assert errors_of(better) == {ErrorKind.NONE}
    assert np.median(better["end"] - better["planned"]) < 0.1


def test_a_full_pool_is_recorded(tmp_path: Path) -> None:
    """If the pool is full, arrivals are recorded as not sent; stopping doesn't wait for clients in
    their think time."""
    load = make_load(tmp_path, rate=32.0, timeout=1.0, think_time=600.0, journeys={"buy": 1})
    with open_shop() as shop, running(load, shop) as reader:
        until(
            lambda: (reader.slice(0, reader.count())["error"] == ErrorKind.NONE).sum() == 64,
            "the pool is full",
        )
        full = reader.count()
        until(lambda: reader.count() > full + 20, "20 requests are skipped")
    assert load.stop() == LoadStopped(clean=True, why="")
    records = read_samples(tmp_path / "samples").records
    skipped = records["error"] == ErrorKind.NOT_SENT
    sent = records["error"] == ErrorKind.NONE
    assert sent.sum() == 64
    assert np.isnan(records[skipped]["start"]).all()
    assert np.isnan(records[skipped]["end"]).all()
    assert (set(records[skipped]["attempts"]), set(records[~skipped]["attempts"])) == ({0}, {1})
    after = records["planned"] > records["planned"][sent].max()
    assert after.sum() >= 20
    assert skipped[after].all()


def test_a_killed_worker_loses_no_record(tmp_path: Path) -> None:
    """After SIGKILL every committed record is readable with its names, and the engine gets the
    worker's cause of death."""
    load = make_load(tmp_path)
    with open_shop() as shop, running(load, shop) as reader:
        until(lambda: reader.count() > 50, "50 requests are answered")
        assert load.alive() is None
        os.kill(pid_of(load), signal.SIGKILL)
        until(lambda: load.alive() is not None, "the load reports its end")
        assert "ended by itself: signal 9" in str(load.alive())
        committed = reader.count()
        stopped = load.stop()
    assert (stopped.clean, "signal 9" in stopped.why) == (False, True)
    samples: Samples = read_samples(tmp_path / "samples")
    assert len(samples.records) == committed > 50
    assert errors_of(samples.records) == {ErrorKind.NONE}
    assert samples.records["release"].max() < len(samples.releases)


def test_it_dies_with_its_parent(tmp_path: Path) -> None:
    """If the runner is killed, the worker ends by itself and closes its shard."""
    script = f"""
import signal, sys
from pathlib import Path
sys.path.insert(0, {str(ROOT)!r})
from tests.support.load_workers import make_load, pid_of
load = make_load(Path({str(tmp_path)!r}))
load.start(sys.argv[1])
print(pid_of(load), flush=True)
signal.pause()
"""
    with open_shop() as shop:
        with subprocess.Popen([sys.executable, "-c", script, shop.url], stdout=subprocess.PIPE) as parent:
            assert parent.stdout is not None
            worker = psutil.Process(int(parent.stdout.readline()))
            reader = ShardReader(tmp_path / "samples" / "load.shard")
            until(lambda: reader.count() > 20, "20 requests are recorded")
            parent.kill()
        try:
            until(
                lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE, "the worker ends"
            )
        finally:
            with suppress(psutil.NoSuchProcess):
                worker.kill()
    assert reader.path.stat().st_size == HEADER_BYTES + reader.count() * RECORD.itemsize


def test_a_full_disk_ends_the_load(tmp_path: Path) -> None:
    """If the shard can't grow, the worker ends with a clear reason, and committed records are kept."""
    load = make_load(tmp_path, grow=40)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with open_shop() as shop:
        resource.setrlimit(resource.RLIMIT_FSIZE, (HEADER_BYTES + 100 * RECORD.itemsize, limits[1]))
        try:
            load.start(shop.url)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        until(lambda: load.alive() is not None, "the load reports its end")
        assert "exit status 74: the samples can't be written: File too large: " in str(load.alive())
        assert load.stop().clean is False
    assert len(read_samples(tmp_path / "samples").records) == 80


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for a few hundred records."""
    with small_disk(
        tmp_path / "disk", HEADER_BYTES + 400 * RECORD.itemsize + 2 * resource.getpagesize()
    ) as folder:
        yield folder


def test_no_space_left_ends_the_load(disk: Path) -> None:
    """On a full disk the load's error names the file, and every committed record is kept."""
    shard = disk / "samples" / "load.shard"
    load = make_load(disk, grow=40)
    with open_shop() as shop:
        load.start(shop.url)
        until(lambda: load.alive() is not None, "the load reports its end")
        why = (
            f"exit status 74: the samples can't be written: No space left on device: {shard}; free some space"
        )
        assert why in str(load.alive())
        stopped = load.stop()
        assert stopped.clean is False
        assert f"the worker ended before it was stopped: {why}" in str(stopped.why)
    records = read_samples(disk / "samples").records
    assert len(records) >= 280
    assert len(records) % 40 == 0
    assert errors_of(records) == {ErrorKind.NONE}
    assert shard.stat().st_size == HEADER_BYTES + len(records) * RECORD.itemsize


def test_a_worker_that_cannot_start_is_an_error(tmp_path: Path) -> None:
    """A worker that can't start raises an error with the worker's own message, and no process is left."""
    load = make_load(tmp_path, products=tmp_path / "none.json")
    with pytest.raises(PortError, match=r"exit status 74: the load can't begin: .*none\.json"):
        load.start("http://127.0.0.1:1")
    assert "ended by itself" in str(load.alive())
    assert not [
        child for child in psutil.Process().children() if "gameday.load.locustfile" in child.cmdline()
    ]


def test_an_unreachable_target_is_connection_errors(tmp_path: Path) -> None:
    """If the target doesn't listen, every request is recorded as a connection error, and the worker
    runs on."""
    load = make_load(tmp_path)
    load.start("http://127.0.0.1:1")
    reader = ShardReader(load.shards()[0])
    until(lambda: reader.count() > 20, "20 requests are recorded")
    assert load.stop().clean is True
    samples = read_samples(tmp_path / "samples")
    assert errors_of(samples.records) == {ErrorKind.CONNECTION}
    assert {samples.regions[n] for n in samples.records["region"]} == {""}


def test_before_it_is_started(tmp_path: Path) -> None:
    """A load that wasn't started isn't alive and has no shards; stopping it is a no-op."""
    load = make_load(tmp_path)
    assert load.alive() == "the load was not started"
    assert (load.stop().clean, load.shards()) == (True, ())
