"""Roles on the live console: what each may do, and what the room records."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gameday.execution import library
from gameday.execution.live_console.console_hub import ConsoleHub
from gameday.execution.live_console.replay_source import ReplaySource
from gameday.execution.live_console.room_record import read_record
from gameday.operations import Operation
from gameday.operator_api.live_console.page_source import Command, CommandRefused
from gameday.recording.journal_events import PhaseStarted, RunStarted
from tests.support.paths import ROOT

NOTE = Operation("note", "", "scribe", text="a note")
ROLLBACK = Operation("rollback", "pricing", "on-call")


class Interpreter:
    """Records what the console asks of a run."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.state = SimpleNamespace(phase="fault", held=False)

    def request(self, operation: Operation) -> str:
        self.asked.append(operation)
        return "o1"

    def release(self) -> None:
        self.asked.append("release")

    def interrupt(self, by: str) -> None:
        self.asked.append(by)


@pytest.fixture
def hub() -> ConsoleHub:
    return ConsoleHub()


@pytest.fixture
def interpreter(hub: ConsoleHub, tmp_path: Path) -> Interpreter:
    """Return the interpreter of a run in progress, whose page the hub shows."""
    scenario = library.read(library.find("bad-deploy-pricing"))
    live = hub.begin(tmp_path, scenario, SimpleNamespace(now=lambda: 9.0))
    live.interpreter = Interpreter()  # type: ignore[assignment]
    listener = live.listener(lambda event: None)
    listener(RunStarted("r1", substrate="process", started="", title="The title"))
    listener(PhaseStarted("warm").at(1.0))
    return live.interpreter  # type: ignore[return-value]


def test_only_the_on_call_operates(hub: ConsoleHub, interpreter: Interpreter) -> None:
    """Facilitator and scribe may note, the observer nothing."""
    assert hub.operate("on-call", ROLLBACK) == "o1"
    hub.operate("scribe", NOTE)
    hub.operate("facilitator", NOTE)
    assert interpreter.asked == [ROLLBACK, NOTE, NOTE]
    for role in ("scribe", "facilitator", "observer"):
        with pytest.raises(CommandRefused, match=f"rollback isn't for the {role}"):
            hub.operate(role, ROLLBACK)


def test_only_the_facilitator_steers(hub: ConsoleHub, interpreter: Interpreter) -> None:
    """Inject now and abort are the facilitator's; nothing is injected before the steady state was judged."""
    hub.command("facilitator", Command("inject"))
    hub.command("facilitator", Command("abort"))
    assert interpreter.asked == ["release", "the facilitator"]
    interpreter.state.phase = "warm"
    with pytest.raises(CommandRefused, match="hasn't been judged yet"):
        hub.command("facilitator", Command("inject"))
    for role in ("on-call", "observer", "scribe"):
        with pytest.raises(CommandRefused, match="only the facilitator"):
            hub.command(role, Command("abort"))
    with pytest.raises(CommandRefused, match="unknown command 'start'"):
        hub.command("facilitator", Command("start"))


def test_without_a_run_there_is_nothing_to_act_on(hub: ConsoleHub) -> None:
    """Pages can be opened before the first run, and say so if someone acts."""
    assert "No page." in hub.frame("on-call").parts["pages"]
    with pytest.raises(CommandRefused, match="no run is in progress yet"):
        hub.operate("on-call", ROLLBACK)


def test_a_page_outlives_its_run(hub: ConsoleHub, interpreter: Interpreter) -> None:
    """After the end the page stays, and an operation is refused in clear words."""
    live = hub._live
    assert live is not None
    hub.end(live)
    assert (
        "running" in hub.frame("observer").parts["status"]
        or "in progress" in hub.frame("observer").parts["status"]
    )
    with pytest.raises(CommandRefused, match="the run is over"):
        hub.operate("on-call", ROLLBACK)


def test_the_scribe_records_decisions_and_action_items(
    hub: ConsoleHub, interpreter: Interpreter, tmp_path: Path
) -> None:
    """What is recorded is in room.json at once and on the scribe's page; incomplete entries are refused."""
    hub.command("scribe", Command("decision", {"text": "Page earlier"}))
    hub.command("scribe", Command("action", {"text": "Add an alert", "owner": "Kim", "due": "2026-12-24"}))
    hub.command("scribe", Command("guess", {"who": "Ada", "text": "checkout", "minutes": "3"}))
    content = read_record(tmp_path)
    assert [row["text"] for row in content.decisions] == ["Page earlier"]
    assert {**content.actions[0], "by": ""} == {
        "text": "Add an alert",
        "owner": "Kim",
        "due": "2026-12-24",
        "by": "",
    }
    assert content.guesses[0]["minutes"] == 3.0
    assert "Add an alert" in hub.frame("scribe").parts["record"]
    for fields, why in (
        ({"text": ""}, "the text is missing"),
        ({"text": "x"}, "needs an owner"),
        ({"text": "x", "owner": "Kim", "due": "soon"}, "due date must be a date"),
    ):
        with pytest.raises(CommandRefused, match=why):
            hub.command("scribe", Command("action", fields))
    with pytest.raises(CommandRefused, match="from 0 to 1440"):
        hub.command("scribe", Command("guess", {"who": "Ada", "text": "x", "minutes": "nan"}))
    with pytest.raises(CommandRefused, match="the observer records nothing"):
        hub.command("observer", Command("decision", {"text": "x"}))


def test_a_replay_plays_stops_and_goes_to_any_moment() -> None:
    """The film follows the clock at its speed, stands while it is stopped, and refuses what needs a run."""
    now = [100.0]
    replay = ReplaySource(ROOT / "tests/golden", 10.0, now=lambda: now[0])
    now[0] += 2.0
    assert replay.position == pytest.approx(20.0)
    replay.command("scribe", Command("speed", {"value": "1"}))
    now[0] += 2.5
    assert replay.position == pytest.approx(22.5)
    assert "a2" in replay.frame("on-call").parts["pages"]
    replay.command("observer", Command("play"))
    now[0] += 50.0
    assert replay.position == pytest.approx(22.5)
    replay.command("observer", Command("play"))
    now[0] += 500.0
    assert replay.position == pytest.approx(37.0, abs=1.0)
    replay.command("observer", Command("seek", {"value": "5"}))
    now[0] += 1.0  # a film that was over stands where it is wound to
    assert "No page." in replay.frame("on-call").parts["pages"]
    frame = replay.frame("observer")
    assert frame.replay is not None
    assert (frame.replay["playing"], frame.replay["text"]) == (False, "00:05 of 00:37")
    for command in (Command("seek", {"value": "-1"}), Command("speed", {"value": "nan"})):
        with pytest.raises(CommandRefused, match="isn't a number from 0 to"):
            replay.command("facilitator", command)
    with pytest.raises(CommandRefused, match="this is a replay"):
        replay.operate("on-call", ROLLBACK)
