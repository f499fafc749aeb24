"""Lanes of a suite: the assignment of runs, and workers that end in order."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from gameday.execution.preparation import SelectedScenario
from gameday.execution.suites.parallel_workers import PrefixedStderr, RunRequest, WorkerPlayer, partition
from gameday.execution.suites.selection import Turn
from gameday.execution.system_reuse import Signals, wanted
from gameday.execution.trial import Options, Trial
from gameday.ports import PortError
from gameday.scenario import Guardrails, Scenario
from tests.support import worker_process
from tests.support.scenarios import SMALL, read

Make = Callable[..., Scenario]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Return a scenario that needs a system: `make("one", port=8080, breaker=True)`."""
    base = read(SMALL, tmp_path)

    def scenario(name: str, *, port: int | None = None, breaker: bool = False) -> Scenario:
        system = base.system.model_copy(update={"port": port})
        guardrails = Guardrails(breaker=breaker)
        return base.model_copy(update={"name": name, "system": system, "guardrails": guardrails})

    return scenario


def planned(*scenarios: tuple[Scenario, float], trials: int = 1) -> list[Turn]:
    return [
        Turn(SelectedScenario(Path(scenario.name), scenario), n, seconds)
        for scenario, seconds in scenarios
        for n in range(trials)
    ]


def play(apart: WorkerPlayer, order: RunRequest) -> Any:
    """Return the worker's answer, which isn't an outcome in these tests."""
    return apart.play(order)


def names(lanes: Sequence[Sequence[Turn]]) -> list[list[str]]:
    return sorted([turn.name for turn in lane] for lane in lanes)


def test_those_that_want_the_same_system_share_a_lane(make: Make) -> None:
    """They share it unless it gets longer than its share; a scenario's trials stay together, in order."""
    turns = planned(
        (make("a"), 40), (make("b"), 40), (make("c", breaker=True), 40), (make("d", breaker=True), 40)
    )
    assert names(partition(turns, 2)) == [["a", "b"], ["c", "d"]]
    again = planned((make("a"), 10), (make("b"), 10), trials=3)
    lanes = partition(again, 2)
    assert names(lanes) == [["a"] * 3, ["b"] * 3]
    assert [[turn.number for turn in lane] for lane in lanes] == [[0, 1, 2]] * 2


def test_one_system_wanted_by_all_is_brought_up_in_each_lane(make: Make) -> None:
    """Lanes have about the same length, and none is empty."""
    turns = planned(*((make(name), seconds) for name, seconds in zip("abcd", (90, 30, 30, 30), strict=True)))
    assert names(partition(turns, 2)) == [["a"], ["b", "c", "d"]]
    assert names(partition(turns[:1], 4)) == [["a"]]
    assert names(partition(turns, 1)) == [["a", "b", "c", "d"]]


def test_those_with_the_same_port_never_run_at_once(make: Make) -> None:
    """Scenarios with the same port share a lane even if they need different systems."""
    turns = planned((make("a", port=8080), 50), (make("b", port=8080, breaker=True), 50), (make("c"), 10))
    assert names(partition(turns, 3)) == [["a", "b"], ["c"]]


@pytest.fixture
def signals() -> Signals:
    return Signals()


@pytest.fixture
def apart(signals: Signals) -> Iterator[WorkerPlayer]:
    worker_player = WorkerPlayer(signals, worker_process.serve)
    yield worker_player
    worker_player.finish()


@pytest.fixture
def order(make: Make, tmp_path: Path) -> Callable[[int], RunRequest]:
    """Return one run that does what `lane` says: `order(lane.WAIT)`."""
    options = Options("process", tmp_path, 7, {}, None, False, None)

    def request(seed: int) -> RunRequest:
        scenario = make("one")
        return RunRequest(
            Trial(Path("one.yaml"), scenario, seed, "process", ""),
            options,
            tmp_path / "out",
            wanted(scenario),
        )

    return request


def test_a_lane_plays_all_its_runs_in_one_process(
    apart: WorkerPlayer, order: Callable[[int], RunRequest]
) -> None:
    """The process isn't the suite's, knows the next run, so that a system can be kept, and ends
    when finished."""
    first, second = play(apart, order(worker_process.TELL)), play(apart, order(worker_process.TELL))
    assert first == second
    assert first["pid"] != os.getpid()
    assert first["then"] == order(worker_process.TELL).then
    apart.finish()
    assert not psutil.pid_exists(first["pid"])


def test_a_failure_of_the_tool_is_reported_as_one(
    apart: WorkerPlayer, order: Callable[[int], RunRequest]
) -> None:
    """The error has its original message, and the lane continues."""
    with pytest.raises(PortError, match="no space left"):
        play(apart, order(worker_process.FAIL))
    assert play(apart, order(worker_process.TELL))["pid"]


def test_a_lane_that_was_killed_is_a_failure_of_the_tool(
    apart: WorkerPlayer, order: Callable[[int], RunRequest]
) -> None:
    """The error names the run, and nothing waits for the lane."""
    with pytest.raises(PortError, match="the process that ran one is gone, exit status -9"):
        play(apart, order(worker_process.DIE))


def test_a_signal_ends_the_run_of_a_lane_in_order(
    apart: WorkerPlayer, signals: Signals, order: Callable[[int], RunRequest], tmp_path: Path
) -> None:
    """The run has its outcome, and its process isn't killed."""
    results: list[object] = []
    running = threading.Thread(target=lambda: results.append(play(apart, order(worker_process.WAIT))))
    running.start()
    await_path(tmp_path / "out", True)
    signals.ask("SIGINT")
    running.join(60)
    assert results == [{"asked": "SIGTERM"}]
    assert signals.asked == "SIGINT"


def test_a_signal_that_comes_while_a_lane_begins_is_not_lost(
    apart: WorkerPlayer, order: Callable[[int], RunRequest], tmp_path: Path
) -> None:
    """The process gets the signal once it can end its run in order, and isn't killed by it."""
    line = apart._begin()
    apart._process.terminate()
    line.send(order(worker_process.WAIT))
    assert line.recv() == ({"asked": "SIGTERM"}, "SIGTERM")


def test_a_run_that_was_ended_alone_ends_the_suite(
    apart: WorkerPlayer, signals: Signals, order: Callable[[int], RunRequest]
) -> None:
    """If `gameday abort` ends one run, the suite gets the signal and passes it to every other lane."""
    others: list[str] = []
    with signals.to(others.append):
        assert play(apart, order(worker_process.HURT)) == {"asked": "SIGHUP"}
    assert (signals.asked, others) == ("SIGHUP", ["SIGHUP"])


def test_a_lane_ends_in_order_when_its_suite_is_gone(
    apart: WorkerPlayer, order: Callable[[int], RunRequest], tmp_path: Path
) -> None:
    """If the suite is killed, its pipe breaks, and the lane treats that as a signal."""
    line = apart._begin()
    line.send(order(worker_process.WAIT))
    await_path(tmp_path / "out", True)
    apart.finish()
    assert not (tmp_path / "out").exists()
    assert apart._process.exitcode == 0


def test_lines_of_a_lane_begin_with_what_runs(tmp_path: Path) -> None:
    """Only whole lines are printed, so that lanes don't mix; an incomplete line waits for its end."""
    with (tmp_path / "told").open("wb") as file:
        prefixed_stderr = PrefixedStderr(file.fileno())
        prefixed_stderr.name = "one"
        prefixed_stderr.write("first\nsec")
        prefixed_stderr.name = "two"
        prefixed_stderr.write("ond\n\n")
        assert not prefixed_stderr.isatty()
    assert (tmp_path / "told").read_text() == "one  first\ntwo  second\ntwo\n"


def await_path(path: Path, there: bool) -> None:
    """Wait up to a minute until the path exists."""
    over = threading.Event()
    for _ in range(3000):
        if path.exists() is there:
            return
        over.wait(0.02)
    pytest.fail(f"{path} isn't {'there' if there else 'gone'}")
