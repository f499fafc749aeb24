"""The operators' commands against a real door: what they ask for, what they print, how they end."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gameday import cli
from gameday.execution import active_runs
from gameday.operations import Operation
from gameday.operator_api.credentials import Credentials, credentials_file
from gameday.ports import PortError
from tests.support.operator_api_client import FakeRun, serving


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("GAMEDAY_ROLE", raising=False)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[FakeRun]:
    """A run r1 that goes on now, with its door open; whatever is asked of it is done at once."""
    made_up = FakeRun(states={f"o{number}": ("done", "") for number in range(1, 9)})
    with (
        serving(made_up) as key,
        active_runs.registered("r1", tmp_path),
        credentials_file(key, active_runs.api_folder()),
    ):
        yield made_up


def gameday(*words: str) -> Result:
    """Runs one of the commands, as `gameday` would."""
    return CliRunner().invoke(cli.gameday, words, standalone_mode=True)


def result(*words: str) -> int:
    """The status that a command returns to the one that turns it into an exit status."""
    return int(cli.gameday.main(words, "gameday", standalone_mode=False) or 0)


def test_status_shows_all_that_somebody_on_call_sees(run: FakeRun) -> None:
    """As tables of 80 columns, and as JSON."""
    run.requested.append(Operation("rollback", "pricing", "payments-lead", None, "it raises"))
    shown = gameday("status").output
    for part in (
        "run r1",
        "a1",
        "checkout fails [us-east]",
        "not acknowledged",
        "99.5%",
        "breach",
        "9 of 90",
    ):
        assert part in " ".join(shown.split()), part
    assert "pricing-1.0.0 -> pricing-1.1.0" in " ".join(shown.split())
    assert max(map(len, shown.splitlines())) <= 80
    seen = json.loads(gameday("status", "--json").output)
    assert [alert["id"] for alert in seen["alerts"]] == ["a1"]


@pytest.mark.parametrize(
    ("words", "operation"),
    [
        (("rollback", "pricing"), Operation("rollback", "pricing", "on-call")),
        (("rollback", "pricing", "--change", "c1"), Operation("rollback", "pricing", "on-call", "c1")),
        (("failover", "us-east", "--as", "lead"), Operation("failover", "us-east", "lead")),
        (("promote",), Operation("promote", "", "on-call")),
        (("promote", "eu-west"), Operation("promote", "eu-west", "on-call")),
        (("rejoin", "us-east"), Operation("rejoin", "us-east", "on-call")),
        (("restart", "checkout"), Operation("restart", "checkout", "on-call")),
        (("flag", "beta=on"), Operation("flag", "beta=on", "on-call")),
        (("note", "it rains", "--as", "scribe"), Operation("note", "", "scribe", None, "it rains")),
        (("ack", "a1"), Operation("ack", "a1", "on-call")),
        (("ack",), Operation("ack", "a1", "on-call")),
    ],
)
def test_each_command_asks_for_its_operation(
    run: FakeRun, words: tuple[str, ...], operation: Operation
) -> None:
    """Waits for its end, and says so."""
    assert result(*words) == 0
    assert run.requested == [operation]


def test_the_role_comes_from_the_environment_too(run: FakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set once for a terminal."""
    monkeypatch.setenv("GAMEDAY_ROLE", "database-on-call")
    assert result("restart", "postgres") == 0
    assert run.requested[0].by == "database-on-call"


def test_an_operation_that_fails_says_why_and_ends_with_1(
    run: FakeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    """So that a runbook's script can stop there."""
    run.states["o1"] = ("failed", "no standby can be reached")
    assert result("promote") == 1
    assert capsys.readouterr().out == "o1  promote: failed: no standby can be reached\n"


def test_without_waiting_the_id_is_told(run: FakeRun) -> None:
    """Also of an operation that takes for ever."""
    run.states.clear()
    told = gameday("restart", "checkout", "--no-wait", "--json")
    assert json.loads(told.output) == {
        "id": "o1",
        "name": "restart",
        "target": "checkout",
        "state": "accepted",
    }


def test_nothing_to_acknowledge_is_said(run: FakeRun) -> None:
    """A page that somebody has taken isn't taken again."""
    assert result("ack") == 0
    told = gameday("ack")
    assert told.exit_code
    assert "no page is waiting" in told.output


def test_what_the_run_refuses_is_said_in_its_words(run: FakeRun) -> None:
    """Alert, change or flag that makes no sense."""
    for words, says in (
        (("ack", "a9"), "no alert 'a9'"),
        (("flag", "beta"), "name=on"),
        (("note", " "), "a 'text'"),
    ):
        told = gameday(*words)
        assert told.exit_code
        assert says in told.output


def test_without_a_run_there_is_nothing_to_operate() -> None:
    """Each command says so, and how one is started."""
    for words in (("status",), ("rollback", "pricing"), ("note", "hello")):
        told = gameday(*words)
        assert told.exit_code
        assert "no run in progress" in told.output


def test_several_runs_have_to_be_named_apart(run: FakeRun, tmp_path: Path) -> None:
    """A second run, a wrong name, and the right one."""
    other = FakeRun(states={"o1": ("done", "")})
    with (
        serving(other) as key,
        active_runs.registered("r2", tmp_path),
        credentials_file(Credentials("r2", *_of(key)), active_runs.api_folder()),
    ):
        assert "name one with --run: r1, r2" in gameday("restart", "checkout").output
        assert "no run 'r3' in progress; in progress: r1, r2" in gameday("status", "--run", "r3").output
        assert result("restart", "checkout", "--run", "r2") == 0
    assert (len(run.requested), len(other.requested)) == (0, 1)


def _of(key: Credentials) -> tuple[str, int, str]:
    return key.host, key.port, key.token


def test_a_run_without_a_door_is_told_apart(tmp_path: Path) -> None:
    """One whose responder is automation, or another user's."""
    with active_runs.registered("r1", tmp_path):
        assert "has no operators' API" in gameday("status").output


def test_the_door_of_a_dead_run_is_cleared_away(run: FakeRun) -> None:
    """A runner that was killed leaves its key behind; it opens nothing, and goes."""
    stale = active_runs.api_folder() / "r0.json"
    stale.write_text("{}")
    assert result("restart", "checkout") == 0
    assert not stale.exists()


def test_a_run_that_hangs_is_an_error_of_the_tool(tmp_path: Path) -> None:
    """It goes on, and nobody answers at its door."""
    with serving(FakeRun()) as key:
        pass
    with (
        active_runs.registered("r1", tmp_path),
        credentials_file(key, active_runs.api_folder()),
        pytest.raises(PortError, match="r1 doesn't"),
    ):
        result("status")


@pytest.mark.parametrize("command", sorted(cli.COMMANDS))
def test_every_command_has_help_with_an_example(command: str) -> None:
    """What it does, its options, and a line to copy."""
    output = gameday(command, "--help").output
    assert re.search(rf"Examples?:\n(\s+gameday .*\n)*\s+gameday {command}", output)
    assert ("--run" in output) == cli.COMMANDS[command].object.startswith("operate:")
