"""A game day runs block by block, survives a restart of its runner, and leaves one page."""

import csv
import json
import shutil
import threading
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gameday.execution.game_days.day_agenda import DayAgenda
from gameday.execution.game_days.day_results import write_results
from gameday.execution.game_days.day_runner import DayRunner, check_scenario
from gameday.execution.game_days.day_state import begin_day, read_day, unfinished
from gameday.execution.live_console.room_record import FILE, RoomRecord
from gameday.execution.trial import Options, Trial
from gameday.operator_api.live_console.page_source import Command, CommandRefused
from gameday.scenario.game_days.game_day_plan import GameDay, read_plan
from tests.support.sample_run import bad_deploy
from tests.support.waiting import until

PLAN = """\
apiVersion: gameday/v1
kind: GameDay
name: a-day
title: A day <b>
length: 1h
participants: {facilitator: [Ada], on-call: [Ben]}
blocks:
  - {briefing: Welcome, for: 5m}
  - {scenario: bad-deploy-pricing, for: 10m, hypothesis: We page first, poll: 'What breaks?', inject: facilitator}
  - {scenario: wrong-prices, for: 10m, start: after 0s}
"""
OPTIONS = Options("process", Path("runs"), None, {}, "human", False, None)


@pytest.fixture
def plan(tmp_path: Path) -> GameDay:
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN)
    return read_plan(path, check_scenario)


class Stopped(Exception):
    """The runner's process dies."""


class Day:
    """A day whose runs are copies of a made run; `dies_in` names the scenario in which the process dies."""

    def __init__(self, plan: GameDay, out: Path, dies_in: str = "") -> None:
        self.played: list[Trial] = []
        self.waited: list[tuple[str, str]] = []
        """(what waited to be started, the block to which a guess would have belonged then)."""
        self._dies_in = dies_in
        state = unfinished(plan, out) or begin_day(plan, out / "20260101-000000-aaaa-day")
        self.record = RoomRecord(state.folder / FILE)
        self.agenda = DayAgenda(plan, self.record, lambda name: f"title of {name}")
        self.hub = SimpleNamespace(block="", secret=True)
        self.runner = DayRunner(plan, state, self.agenda, OPTIONS, self.hub, ("process", "test"), self._play)

    def _play(self, trial: Trial, options: Options, out: Path, *_: Any) -> None:
        self.played.append(trial)
        bad_deploy(out / f"run-{len(list(out.glob('run-*'))) + 1}")
        if trial.scenario.name == self._dies_in:
            raise Stopped("killed")

    def start_all(self) -> threading.Event:
        """Start each block as soon as it waits, as a facilitator would; return the event that ends this."""
        done = threading.Event()

        def work() -> None:
            while not done.wait(0.02):
                if waiting := self.agenda.room().waiting:
                    self.waited.append((waiting, self.hub.block))
                    try:
                        self.agenda.command(Command("start"))
                    except CommandRefused:
                        continue

        threading.Thread(target=work, daemon=True).start()
        return done


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Day, Day]:
    """Return the runner that died in the second scenario, and the one that went on to the end."""
    out = tmp_path_factory.mktemp("day")
    (out / "plan.yaml").write_text(PLAN)
    plan = read_plan(out / "plan.yaml", check_scenario)
    first = Day(plan, out, dies_in="wrong-prices")
    done = first.start_all()
    first.record.add("scribe", Command("guess", {"who": "Ada", "text": "checkout", "minutes": "3"}), "1")
    with pytest.raises(Stopped, match="killed"):
        first.runner.run()
    done.set()
    second = Day(plan, out)
    done = second.start_all()
    second.record.add("scribe", Command("action", {"text": "=Alert on prices", "owner": "Kim", "due": ""}))
    assert second.runner.run()
    done.set()
    return first, second


def test_a_restarted_runner_goes_on_with_the_next_block(finished: tuple[Day, Day]) -> None:
    """Blocks that were over aren't repeated; the one that was in progress begins anew, and both its runs are listed."""
    first, second = finished
    assert [trial.scenario.name for trial in first.played] == ["bad-deploy-pricing", "wrong-prices"]
    assert [trial.scenario.name for trial in second.played] == ["wrong-prices"]
    state = read_day(second.runner.state.folder)
    assert [block.state for block in state.blocks] == ["done"] * 3
    assert [len(block.runs) for block in state.blocks] == [0, 1, 2]
    assert state.ended


def test_a_guess_belongs_to_the_block_that_is_next(finished: tuple[Day, Day]) -> None:
    """People guess before a scenario begins: while it waits, guesses are its own."""
    assert ("scenario 1", "1") in finished[0].waited
    assert ("briefing: Welcome", "0") in finished[0].waited


def test_a_scenario_is_answered_by_people_and_held_if_asked(finished: tuple[Day, Day]) -> None:
    """The plan's hypothesis is the run's; `inject: facilitator` holds its timeline."""
    trial, other = finished[0].played
    assert (trial.held, other.held) == (True, False)
    assert trial.scenario.respond.by == "human"
    assert trial.scenario.hypothesis == "We page first"


def test_the_page_says_what_was_expected_guessed_and_measured(finished: tuple[Day, Day]) -> None:
    """One page for the day, escaped, with follow-ups as Markdown, CSV and JSON of issues."""
    folder = finished[1].runner.state.folder
    page = (folder / "day.html").read_text()
    assert "A day <b>" not in page
    for text in (
        "A day &lt;b&gt;",
        "We page first",
        "Ada: checkout, 3 min",
        "run-1/report.html",
        "begun 2 times",
        "5 min",
        " UTC<",
    ):
        assert text in page
    assert "- [ ] " in (folder / "day.md").read_text()
    rows = list(csv.reader((folder / "follow-ups.csv").read_text().splitlines()))
    assert rows[1] == ["'=Alert on prices", "Kim", ""]
    assert json.loads((folder / "follow-ups.json").read_text())[0]["title"] == "=Alert on prices"
    before = page
    write_results(folder)
    assert (folder / "day.html").read_text() == before


def test_the_page_can_be_written_before_any_block(plan: GameDay, tmp_path: Path) -> None:
    """A day that was begun has a page: its scenarios weren't run."""
    state = begin_day(plan, tmp_path / "x-day")
    assert "not run" in write_results(state.folder).read_text()


def test_the_agenda_keeps_a_secret_scenario_to_the_facilitator(plan: GameDay, tmp_path: Path) -> None:
    """A block's public name is its number; title and hypothesis are apart, for the facilitator's page."""
    agenda = Day(plan, tmp_path).agenda
    rows = agenda.room().agenda
    assert [row.title for row in rows] == ["briefing: Welcome", "scenario 1", "scenario 2"]
    assert rows[1].secret_title == "scenario 1: title of bad-deploy-pricing"


def test_a_paused_agenda_starts_nothing(plan: GameDay, tmp_path: Path) -> None:
    """While it is paused neither the facilitator's start nor the time of a block begins it; nothing else can be started."""
    now = [datetime(2026, 1, 1, 9, 0)]
    agenda = DayAgenda(plan, RoomRecord(tmp_path / FILE), str, lambda: now[0])
    with pytest.raises(CommandRefused, match="nothing waits"):
        agenda.start()
    agenda.command(Command("pause"))
    results: list[bool] = []
    waiting = threading.Thread(target=lambda: results.append(agenda.wait_for(2, lambda: False)))
    waiting.start()
    until(lambda: agenda.room().waiting == "scenario 2", "the block waits")
    now[0] += timedelta(hours=1)
    with pytest.raises(CommandRefused, match="paused: resume it first"):
        agenda.start()
    assert waiting.is_alive()
    agenda.command(Command("resume"))
    waiting.join(30)
    assert results == [True]


def test_only_a_day_of_the_same_plan_goes_on(plan: GameDay, tmp_path: Path) -> None:
    """A plan that was changed, a day that ended, and a damaged folder begin a new day."""
    state = begin_day(plan, tmp_path / "1-day")
    assert unfinished(plan, tmp_path) == state
    assert unfinished(plan.model_copy(update={"title": "Another"}), tmp_path) is None
    shutil.copytree(state.folder, tmp_path / "2-day")
    (tmp_path / "2-day/day.json").write_text("{")
    assert unfinished(plan, tmp_path) == state


@pytest.mark.parametrize(
    ("statuses", "status"),
    [((0, 0), 0), ((0, 1), 1), ((3, 1), 1), ((5, 1), 5), ((None, 0), 4), (("x", 0), 4)],
)
def test_the_exit_status_is_the_gravest_of_the_runs(
    plan: GameDay, tmp_path: Path, statuses: tuple[object, object], status: int
) -> None:
    """The last run of each block counts; one without an outcome that can be read is an error."""
    runner = Day(plan, tmp_path).runner
    for index, value in enumerate(statuses):
        for run in (f"first-{index}", f"last-{index}"):
            (runner.state.folder / run).mkdir()
        if value is not None:
            outcome = runner.state.folder / f"last-{index}" / "outcome.json"
            outcome.write_text(json.dumps({"exit_status": value}), encoding="utf-8")
        block = replace(runner.state.blocks[index], runs=(f"first-{index}", f"last-{index}"))
        runner.state = runner.state.with_block(index, block)
    assert runner.exit_status() == status
