"""The operators' commands against a real API: requests, output and exit statuses."""

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
    """Yield run r1, in progress with its API served; every operation ends at once."""
    made_up = FakeRun(states={f"o{number}": ("done", "") for number in range(1, 9)})
    with (
        serving(made_up) as key,
        active_runs.registered("r1", tmp_path),
        credentials_file(key, active_runs.api_folder()),
    ):
        yield made_up


def gameday(*words: str) -> Result:
    """Run one of the commands as `gameday` would."""
    return CliRunner().invoke(cli.gameday, words, standalone_mode=True)


def result(*words: str) -> int:
    """Return the status that a command returns, before it becomes an exit status."""
    return int(cli.gameday.main(words, "gameday", standalone_mode=False) or 0)


def test_status_shows_all_that_the_on_call_may_see(run: FakeRun) -> None:
    """The status is available as tables of 80 columns and as JSON."""
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
    """Each command submits its operation, waits for its end and prints the result."""
    assert result(*words) == 0
    assert run.requested == [operation]


def test_the_role_comes_from_the_environment_too(run: FakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """The role can be set once for a terminal by an environment variable."""
    monkeypatch.setenv("GAMEDAY_ROLE", "database-on-call")
    assert result("restart", "postgres") == 0
    assert run.requested[0].by == "database-on-call"


def test_an_operation_that_fails_says_why_and_ends_with_1(
    run: FakeRun, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit status lets a runbook's script stop there."""
    run.states["o1"] = ("failed", "no standby can be reached")
    assert result("promote") == 1
    assert capsys.readouterr().out == "o1  promote: failed: no standby can be reached\n"


def test_without_waiting_the_id_is_printed(run: FakeRun) -> None:
    """Without waiting, a command prints the id, even of an operation that never ends."""
    run.states.clear()
    completed = gameday("restart", "checkout", "--no-wait", "--json")
    assert json.loads(completed.output) == {
        "id": "o1",
        "name": "restart",
        "target": "checkout",
        "state": "accepted",
    }


def test_nothing_to_acknowledge_is_an_error(run: FakeRun) -> None:
    """A page that is acknowledged already can't be acknowledged again."""
    assert result("ack") == 0
    completed = gameday("ack")
    assert completed.exit_code
    assert "no page is waiting" in completed.output


def test_a_rejection_is_quoted(run: FakeRun) -> None:
    """The command prints the API's reason for an unknown alert, change or flag."""
    for words, says in (
        (("ack", "a9"), "no alert 'a9'"),
        (("flag", "beta"), "name=on"),
        (("note", " "), "a 'text'"),
    ):
        completed = gameday(*words)
        assert completed.exit_code
        assert says in completed.output


def test_without_a_run_there_is_nothing_to_operate() -> None:
    """Each command reports that no run is in progress, and how to start one."""
    for words in (("status",), ("rollback", "pricing"), ("note", "hello")):
        completed = gameday(*words)
        assert completed.exit_code
        assert "no run in progress" in completed.output


def test_several_runs_have_to_be_named_apart(run: FakeRun, tmp_path: Path) -> None:
    """With two runs the command asks for a name; a wrong one is an error, the right one works."""
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


def test_a_run_without_an_api_is_an_error_of_its_own(tmp_path: Path) -> None:
    """The error says if the run's responder is automation, or if the run belongs to another user."""
    with active_runs.registered("r1", tmp_path):
        assert "has no operators' API" in gameday("status").output


def test_the_token_of_a_dead_run_is_removed(run: FakeRun) -> None:
    """The token file of a killed runner is useless, and is removed."""
    stale = active_runs.api_folder() / "r0.json"
    stale.write_text("{}")
    assert result("restart", "checkout") == 0
    assert not stale.exists()


def test_a_run_that_hangs_is_an_error_of_the_tool(tmp_path: Path) -> None:
    """A run in progress whose API doesn't answer is an error of the tool."""
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
    """The help says what the command does, its options, and an example to copy."""
    output = gameday(command, "--help").output
    assert re.search(rf"Examples?:\n(\s+gameday .*\n)*\s+gameday {command}", output)
    assert ("--run" in output) == cli.COMMANDS[command].object.startswith("operate:")
