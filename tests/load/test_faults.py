"""Faults that act through the load: surges and client retries, by a real worker against a small
stub shop."""

from __future__ import annotations

import os
import resource
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from gameday.analysis.evidence.schedule import Schedule
from gameday.load.load_plan import LoadPlan, pool_for
from gameday.load.load_process import MOST_RETRIES, SURGE_AFTER_S, LocustLoad
from gameday.ports import PortError
from gameday.recording.clock import RunClock
from gameday.recording.journal_events import LoadStopped
from gameday.recording.samples import ErrorKind, Samples, ShardReader, read_samples
from tests.support.load_workers import PATIENT_S, TIMEOUT_S, make_load, pid_of, running
from tests.support.stub_shop import Shop, open_shop
from tests.support.waiting import until

HEADROOM = 5.0


def surging(folder: Path, clock: RunClock | None = None, timeout: float = PATIENT_S) -> LocustLoad:
    """A load that looks at products 60 times a second, with headroom for five times that rate."""
    pool = pool_for(60.0 * HEADROOM, timeout)
    return make_load(
        folder, clock, rate=60.0, journeys={"browse": 1}, headroom=HEADROOM, pool=pool, timeout=timeout
    )


def more(reader: ShardReader, requests: int) -> None:
    """Wait until the shop has answered this many further requests."""
    enough = reader.count() + requests
    until(lambda: reader.count() >= enough, f"{requests} more requests are answered")


def plan_of(folder: Path) -> LoadPlan:
    return LoadPlan.read(folder / "samples" / "load.json")


def scheduled(folder: Path, samples: Samples) -> list[float]:
    """Return what was due up to the last request sent, computed from the plan on disk as measuring
    does."""
    schedule = Schedule.read(folder / "samples" / "load.json")
    assert schedule is not None
    return list(map(float, schedule.begins(float(samples.records["planned"].max()))))


def test_a_surge_matches_its_plan(tmp_path: Path) -> None:
    """The samples match the plan on disk to the bit, and during the surge the rate rises by its
    factor."""
    clock = RunClock()
    load = surging(tmp_path, clock)
    with open_shop() as shop, running(load, shop) as reader:
        more(reader, 30)
        commanded = clock.now()
        load.surge(HEADROOM)
        (surge,) = plan_of(tmp_path).surges
        assert surge.factor == HEADROOM
        assert commanded + SURGE_AFTER_S <= surge.since < commanded + SURGE_AFTER_S + 5.0
        more(reader, 250)
        load.surge(1.0)
        more(reader, 30)
    samples = read_samples(tmp_path / "samples")
    up, down = plan_of(tmp_path).surges
    planned = samples.records["planned"]
    assert planned.tolist() == scheduled(tmp_path, samples)
    within = ((planned >= up.since) & (planned < down.since)).sum()
    assert within == pytest.approx(60.0 * HEADROOM * (down.since - up.since), abs=5 * float(np.sqrt(within)))
    assert (samples.records["error"] == ErrorKind.NONE).all()


def test_a_late_surge_begins_when_the_worker_learns_of_it(tmp_path: Path) -> None:
    """Requests sent before the worker learns of a surge stay as planned: the plan on disk is
    corrected, and nothing seems missing."""
    load = surging(tmp_path)
    with open_shop() as shop, running(load, shop) as reader:
        more(reader, 30)
        worker = psutil.Process(pid_of(load))
        os.kill(worker.pid, signal.SIGSTOP)
        until(lambda: worker.status() == psutil.STATUS_STOPPED, "the worker is stopped")
        asking = threading.Thread(target=load.surge, args=(HEADROOM,))
        asking.start()
        until(lambda: len(plan_of(tmp_path).surges) == 1, "the surge is in the plan")
        (planned,) = plan_of(tmp_path).surges
        until(lambda: time.monotonic() > plan_of(tmp_path).origin + planned.since + 0.1, "the surge is due")
        os.kill(worker.pid, signal.SIGCONT)
        asking.join()
        (begun,) = plan_of(tmp_path).surges
        assert begun.since > planned.since + 0.1
        more(reader, 100)
    samples = read_samples(tmp_path / "samples")
    assert samples.records["planned"].tolist() == scheduled(tmp_path, samples)


def test_a_surge_that_fills_the_headroom_finds_room(tmp_path: Path) -> None:
    """If the shop answers nothing, all of five times the rate is sent: the pool is never too small."""
    timeout = 3 * TIMEOUT_S
    load = surging(tmp_path, timeout=timeout)
    with open_shop() as shop, running(load, shop) as reader:
        more(reader, 10)
        load.surge(HEADROOM)
        shop.stall_until = time.monotonic() + 3 * timeout
        more(reader, 200)
    records = read_samples(tmp_path / "samples").records
    assert (records["error"] == ErrorKind.TIMEOUT).any()
    assert (records["error"] != ErrorKind.NOT_SENT).all()


def test_connections_are_not_bounded_by_a_low_default(tmp_path: Path) -> None:
    """If the soft limit of open files is low, all clients that wait at a stalled shop are still
    served."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    load = make_load(tmp_path, rate=400.0, journeys={"browse": 1}, timeout=TIMEOUT_S)
    with open_shop() as shop:
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, limits[1]))
        try:
            load.start(shop.url)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        shop.stall_until = time.monotonic() + 3 * TIMEOUT_S
        more(ShardReader(load.shards()[0]), 300)
        load.stop()
    errors = read_samples(tmp_path / "samples").records["error"]
    assert set(errors) <= {ErrorKind.NONE, ErrorKind.TIMEOUT, ErrorKind.NOT_SENT}
    assert (errors == ErrorKind.TIMEOUT).sum() > 100


def test_setting_the_same_surge_again_is_a_no_op(tmp_path: Path) -> None:
    """Setting the same factor again, or removing a surge that isn't active, changes neither plan
    nor worker."""
    load = surging(tmp_path)
    load.surge(1.0)
    load.retry(0)
    with open_shop() as shop, running(load, shop):
        load.surge(1.0)
        assert plan_of(tmp_path).surges == ()
        load.surge(2.0)
        load.surge(2.0)
        load.retry(1)
        load.retry(0)
        load.retry(0)
        assert [surge.factor for surge in plan_of(tmp_path).surges] == [2.0]
        os.kill(pid_of(load), signal.SIGKILL)
        until(lambda: load.alive() is not None, "the load reports its end")
        load.surge(1.0)
        load.retry(0)
        with pytest.raises(PortError, match="ended by itself: signal 9"):
            load.surge(3.0)
        with pytest.raises(PortError, match="ended by itself: signal 9"):
            load.retry(1)
    with pytest.raises(PortError, match="the load was stopped"):
        load.surge(3.0)
    assert [surge.factor for surge in plan_of(tmp_path).surges] == [2.0]


def test_invalid_commands_are_errors(tmp_path: Path) -> None:
    """A load that wasn't started, a surge without headroom or with an invalid factor, and more
    retries than a record can hold are errors."""
    load = surging(tmp_path)
    with pytest.raises(PortError, match="the load was not started"):
        load.surge(2.0)
    with pytest.raises(PortError, match="the load was not started"):
        load.retry(2)
    with open_shop() as shop, running(load, shop):
        for factor in (HEADROOM + 0.1, 0.0, -1.0, float("nan"), float("inf")):
            with pytest.raises(PortError, match="the load has room for up to 5"):
                load.surge(factor)
        for attempts in (-1, MOST_RETRIES + 1):
            with pytest.raises(PortError, match="must be 0 to 254"):
                load.retry(attempts)
        assert load.alive() is None
    assert plan_of(tmp_path).surges == ()


def test_a_worker_that_does_not_answer_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that hangs is an error after a time-out; one that dies is an error at once, with its
    exit status."""
    load = surging(tmp_path)
    with open_shop() as shop, running(load, shop):
        worker = psutil.Process(pid_of(load))
        os.kill(worker.pid, signal.SIGSTOP)
        with monkeypatch.context() as patch:
            patch.setattr("gameday.load.load_process.ANSWER_S", 0.1)
            with pytest.raises(PortError, match=r"'retry 3' within 0\.1 s"):
                load.retry(3)
        killing = threading.Thread(
            target=until,
            args=(lambda: len(plan_of(tmp_path).surges) == 1 and killed(worker), "a surge is in the plan"),
        )
        killing.start()
        with pytest.raises(PortError, match=r"ended on the command 'surge .*: signal 9"):
            load.surge(2.0)
        killing.join()


def test_a_worker_that_dies_before_the_command_is_the_same_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that dies just after it was seen alive is the same error, and the load still stops."""
    load = surging(tmp_path)
    with open_shop() as shop, running(load, shop):
        worker = psutil.Process(pid_of(load))
        alive = load.alive

        def then_killed() -> str | None:
            why_dead = alive()
            worker.kill()
            until(lambda: worker.status() == psutil.STATUS_ZOMBIE, "the worker is dead")
            return why_dead

        monkeypatch.setattr(load, "alive", then_killed)
        with pytest.raises(PortError, match=r"ended on the command 'retry 3': signal 9"):
            load.retry(3)
    assert "signal 9" in str(load.stop().why)


def killed(process: psutil.Process) -> bool:
    process.kill()
    return True


def tried(folder: Path, shop: Shop, retries: int, **changes: Any) -> Samples:
    """Return the samples of a load whose clients retry this many times."""
    folder.mkdir(exist_ok=True)
    load = make_load(folder, **changes)
    with running(load, shop) as reader:
        load.retry(retries)
        more(reader, 60)
    assert load.stop() == LoadStopped(clean=True, why="")
    return read_samples(folder / "samples")


def test_a_failed_request_is_tried_again_under_its_key(tmp_path: Path) -> None:
    """If the shop refuses twice, each order is one good record of three attempts and one order;
    other requests are sent once."""
    with open_shop() as shop:
        shop.shy = 2
        samples = tried(tmp_path, shop, 2)
        records = samples.records
        checkout = records["step"] == samples.steps.index("checkout")
        at_the_end = records["end"] > records["planned"].max() - 0.1
        cut = (
            checkout & (records["error"] == ErrorKind.STATUS) & at_the_end
        )  # in flight when the load was stopped
        assert set(records[~cut]["error"]) == {ErrorKind.NONE}
        assert set(records[checkout & ~cut]["attempts"]) == {3}
        assert set(records[~checkout]["attempts"]) == {1}
        assert {f"run-x-{n}" for n in records[checkout & ~cut]["order"]} <= set(shop.orders)
        assert set(shop.orders.values()) == {1}
        assert shop.keys == {f"run-x-{one['order']}": one["attempts"] for one in records[checkout]}
        assert {attempt for _, attempt in shop.attempts} == {"1", "2", "3"}
        assert {int(client) for client, _ in shop.attempts} == set(records["user"])
        assert (records["start"] - records["planned"] < TIMEOUT_S).all()


@pytest.mark.parametrize(("fault", "error"), [("down", ErrorKind.STATUS), ("closing", ErrorKind.CONNECTION)])
def test_a_storm_is_as_large_as_its_records_say(tmp_path: Path, fault: str, error: ErrorKind) -> None:
    """If every answer is a failure, each request is one record of 1 + n attempts, and the shop gets
    as many requests."""
    with open_shop() as shop:
        setattr(shop, fault, True)
        records = tried(tmp_path, shop, 4).records
        assert set(records["error"]) == {error}
        assert np.median(records["attempts"]) == records["attempts"].max() == 5  # the last ones are cut short
        assert shop.asked == records["attempts"].sum()


def test_no_client_retries_beyond_the_timeout(tmp_path: Path) -> None:
    """Retries count from the planned time: the last one ends with the time-out that began with the
    first."""
    with open_shop() as shop:
        shop.down, shop.slow = True, 0.4 * TIMEOUT_S
        records = tried(tmp_path, shop, 100, timeout=TIMEOUT_S).records
    assert records["attempts"].max() == 3
    long = records[records["attempts"] == 3]
    assert np.mean(long["error"] == ErrorKind.TIMEOUT) > 0.8  # the last ones are cut short
    assert np.median(long["end"] - long["planned"]) == pytest.approx(TIMEOUT_S, abs=0.1)
    assert np.median(long["start"] - long["planned"]) < TIMEOUT_S / 5


def test_a_wrong_answer_is_an_answer(tmp_path: Path) -> None:
    """A client doesn't retry after an answer with wrong content."""
    with open_shop() as shop:
        shop.wrong = set(range(1, 41))
        records = tried(tmp_path, shop, 3, journeys={"browse": 1}).records
    assert set(records["error"]) == {ErrorKind.WRONG}
    assert set(records["attempts"]) == {1}


def test_no_client_retries_once_the_load_stops(tmp_path: Path) -> None:
    """When the load stops, answers in flight are awaited and nothing is retried, even if there is
    time for twenty attempts."""
    with open_shop() as shop:
        shop.down, shop.slow = True, 0.2
        load = make_load(tmp_path, rate=60.0, timeout=4.0)
        with running(load, shop):
            load.retry(100)
            until(lambda: shop.asked > 30, "30 requests arrive")
    assert read_samples(tmp_path / "samples").records["attempts"].max() < 10


def test_a_queued_order_is_an_acknowledged_one(tmp_path: Path) -> None:
    """202 means that the order is placed and will be paid later; it is a good answer, with the
    total that it acknowledges."""
    with open_shop() as shop:
        shop.queueing = True
        samples = tried(tmp_path, shop, 0, journeys={"buy": 1})
    records = samples.records[samples.records["step"] == samples.steps.index("checkout")]
    assert set(records["status"]) == {202}
    assert (set(records["error"]), set(records["correct"])) == ({ErrorKind.NONE}, {1})
    assert (records["total"] > 0).all()
