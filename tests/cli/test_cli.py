"""The command line: commands that start nothing, help, and messages for bad input."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import jsonschema
import pytest

from gameday.cli import COMMANDS, main
from gameday.cli.scenarios import SCHEMAS
from gameday.execution import active_runs, library
from gameday.execution.trial import _conclude
from gameday.topology import bundled
from tests.support.nonempty_all import nonempty_all
from tests.support.paths import GOLDEN, ROOT
from tests.support.scenarios import SMALL


def gameday(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    return int(str(caught.value.code))


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def test_list_shows_every_scenario_by_family(capsys: pytest.CaptureFixture[str]) -> None:
    """The list is available as a table and as JSON."""
    assert gameday("list", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["name"] for row in rows} == set(library.paths())
    assert nonempty_all(row["expected_s"] > 20 for row in rows)
    assert gameday("list", "--tag", "control") == 0
    shown = capsys.readouterr().out
    assert "good-release" in shown
    assert "wrong-prices" not in shown


def test_show_prints_the_resolved_scenario_and_its_diff(capsys: pytest.CaptureFixture[str]) -> None:
    """The scenario has its defaults filled in, and the release's diff follows."""
    assert gameday("show", "wrong-prices") == 0
    shown = capsys.readouterr().out
    assert "giveUp: 60s" in shown
    assert "+++ b/storefront/" in shown


def test_show_prints_the_migration_of_a_release(capsys: pytest.CaptureFixture[str]) -> None:
    """The SQL that runs on the database is shown beside the diff."""
    assert gameday("show", "schema-expand-contract") == 0
    shown = capsys.readouterr().out
    assert "identity-1.4.0: expand.sql, run on the primary database" in shown
    assert "ALTER TABLE accounts ADD COLUMN full_name text;" in shown


@pytest.mark.parametrize(
    "arguments",
    [("run", "quiet", "--out", ""), ("report", ""), ("history", ""), ("suite", "quiet", "--out", "")],
    ids=lambda arguments: arguments[0],
)
def test_an_empty_path_is_a_usage_error(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """A path from an unset variable is refused before anything starts; it isn't the current folder."""
    assert gameday(*arguments) == 2
    assert "the path is empty" in capsys.readouterr().err


def test_validate_reports_every_error_of_every_file(capsys: pytest.CaptureFixture[str]) -> None:
    """Valid files are reported as ok, nine mistakes as nine errors with exit status 2."""
    path = ROOT / "tests/scenario/nine-mistakes.yaml"
    assert gameday("validate", "good-release", str(path)) == 2
    output = capsys.readouterr()
    assert "good-release.yaml: ok" in output.out
    assert output.err.count("error: ") == 9
    assert "9 errors" in output.err


def test_validate_takes_folders(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Every scenario in a folder is checked, as `gameday suite` runs it; a folder without one is an error."""
    assert gameday("validate", str(library.paths()["good-release"].parent)) == 0
    assert "good-release.yaml: ok" in capsys.readouterr().out
    assert gameday("validate", str(tmp_path)) == 2
    assert "holds no scenario" in capsys.readouterr().err


def test_help_groups_every_command_by_use(capsys: pytest.CaptureFixture[str]) -> None:
    """The groups are run, operate, analyse and maintain; each command has its line."""
    assert gameday("--help") == 0
    text = capsys.readouterr().out
    assert [line for line in text.splitlines() if line.endswith(":") and line[:1].isalpha()] == [
        "Options:",
        "Run:",
        "Operate:",
        "Analyse:",
        "Maintain:",
    ]
    for name, entry in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(entry.summary)}$", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (["--help"], {"numpy", "pydantic", "rich", "starlette", "uvicorn", "requests", "gameday.cli.run"}),
        (["ack"], {"numpy", "pydantic", "rich", "starlette", "uvicorn", "requests"}),
        (["rollback", "pricing"], {"numpy", "pydantic", "rich", "starlette", "uvicorn", "requests"}),
        (["status"], {"numpy", "pydantic", "starlette", "uvicorn", "requests"}),
    ],
)
def test_commands_of_the_on_call_start_fast(arguments: list[str], unwanted: set[str]) -> None:
    """The commands import neither the API's server nor modules that only runs and reports need."""
    script = f"import sys\nfrom gameday.cli import gameday\ntry:\n    gameday.main({arguments!r}, standalone_mode=False)\nexcept Exception as e: print(e)\nprint('\\nMODULES', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert set(done.stdout.rpartition("MODULES ")[2].split()) & unwanted == set()


def test_no_option_is_declared_twice() -> None:
    """An option of several commands is declared once, in `cli/options.py`; four are different ones, two of them filters."""
    declared = Counter(
        option
        for path in (ROOT / "runner/gameday/cli").glob("*.py")
        for option in re.findall(r'click\.option\(\s*"(--[a-z-]+)', path.read_text(encoding="utf-8"))
    )
    assert sorted(option for option, count in declared.items() if count > 1) == [
        *("--interleave", "--responder", "--substrate", "--up-to"),
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "bad-deploy-pricin"), "did you mean 'bad-deploy-pricing'?"),
        (("run", "none.yaml"), "none.yaml: can't be read: No such file or directory"),
        (("run",), "Missing argument"),
        (("run", "good-release", "--set", "load.rate"), "isn't key=value"),
        (("run", "good-release", "--set", "load.rat=3/s"), "did you mean 'load.rate'?"),
        (("run", "good-release", "--set", "load.rate=3"), "3 isn't a rate"),
        (("run", "good-release", "--set", "load=3", "--dry-run"), "can't be overridden"),
        (("run", "good-release", "--substrate", "moon"), "unknown substrate 'moon': one of: auto, docker"),
        (("run", "good-release", "--out", "/proc/runs"), "can't be written"),
        (("run", "good-release", "--toxiproxy-server", "/none", "--substrate", "process"), "/none"),
        (("report", "."), "no such file"),
        (("report", "/none"), "does not exist"),
        (("abort",), "no run in progress"),
        (("abort", "x"), "no run 'x' in progress"),
        (("rolback", "pricing"), "No such command 'rolback'; did you mean rollback?"),
        (("frobnicate",), "gameday --help lists the commands"),
        (("list", "--tag", "zz"), "hint: tags are ai, auth, "),
    ],
)
def test_bad_usage_is_one_clear_message(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Exit status 2 and a message that says what to do; there is no traceback and nothing is started."""
    assert gameday(*arguments) == 2
    err = capsys.readouterr().err
    assert message in err
    assert "Traceback" not in err
    assert active_runs.runs() == []


def test_report_writes_a_review_and_keeps_an_edited_one(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Standard output has the page's path alone; standard error has the review's path and the file
    that was kept."""
    folder = shutil.copytree(GOLDEN, tmp_path / "run")
    assert gameday("report", str(folder)) == 0
    output = capsys.readouterr()
    assert output.out == f"{folder / 'report.html'}\n"
    assert output.err == f"review: {folder / 'review.md'}\n"
    (folder / "review.md").write_text("# Ours\n", encoding="utf-8")
    assert gameday("report", str(folder)) == 0
    output = capsys.readouterr()
    assert output.err == f"review: {folder / 'review-draft.md'}\nreview.md was edited and is kept as it is\n"
    assert (folder / "review.md").read_text(encoding="utf-8") == "# Ours\n"


def test_the_end_of_a_run_says_where_the_review_is(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The last lines on the screen name the review, and an edited one if it was kept."""
    folder = shutil.copytree(GOLDEN, tmp_path / "run")
    _conclude(folder)
    assert f"  review               {folder / 'review.md'}\n" in capsys.readouterr().out
    (folder / "review.md").write_text("# Ours\n", encoding="utf-8")
    _conclude(folder)
    out = capsys.readouterr().out
    assert f"  review               {folder / 'review-draft.md'}\n" in out
    assert "review.md was edited and is kept as it is" in out


def test_a_missing_engine_is_an_error(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exit status is 4, and no run folder is left."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    assert gameday("run", "good-release", "--substrate", "docker", "--out", str(tmp_path / "runs")) == 4
    assert "no Docker engine answers" in capsys.readouterr().err
    assert list((tmp_path / "runs").iterdir()) == []


def test_dry_run_starts_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The output says what would run; no folder is left."""
    out = tmp_path / "runs"
    assert gameday("run", "good-release", "wrong-prices", "--dry-run", "--out", str(out)) == 0
    assert "wrong-prices" in capsys.readouterr().out
    assert not out.exists()


def test_a_patch_that_does_not_apply_is_reported_before_a_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error has file and line of the failing hunk; patches apply without fuzz."""
    import shutil

    releases = tmp_path / "releases"
    shutil.copytree(bundled.releases(), releases)
    patch = releases / "pricing-1.1.0" / "change.patch"
    lines = patch.read_text(encoding="utf-8").splitlines(keepends=True)
    spoiled = [
        line.replace(" ", " # other ", 1) if line.startswith(" ") and line.strip() else line for line in lines
    ]
    patch.write_text("".join(spoiled), encoding="utf-8")
    monkeypatch.setattr(bundled, "releases", lambda: releases)
    path = tmp_path / "s.yaml"
    path.write_text(SMALL, encoding="utf-8")
    assert gameday("run", str(path), "--dry-run") == 2
    err = capsys.readouterr().err
    assert "change.patch:" in err
    assert "doesn't apply to" in err


def test_schema_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    """The schema can be piped into a file."""
    assert gameday("schema") == 0
    assert json.loads(capsys.readouterr().out)["title"] == "Scenario"


@pytest.mark.parametrize("of", SCHEMAS[1:])
def test_every_result_file_has_a_schema(of: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The schema is valid, names the format, and requires every key of a written file."""
    assert gameday("schema", of) == 0
    schema = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["properties"]["schema"] == {"const": schema["$id"], "type": "string"}
    assert set(schema["required"]) == set(schema["properties"])


def test_doctor_says_what_can_run(capsys: pytest.CaptureFixture[str]) -> None:
    """Every needed check passes on a machine on which the tests pass."""
    assert gameday("doctor", "--json") == 0
    checks = json.loads(capsys.readouterr().out)
    assert any(check["needed"] for check in checks)
    assert nonempty_all(check["ok"] for check in checks if check["needed"])
    assert {"Python", "Postgres", "Docker engine", "toxiproxy-server"} <= {check["check"] for check in checks}


def test_abort_signals_the_run_and_never_a_reused_process_id(tmp_path: Path) -> None:
    """A listed process gets SIGTERM; one with another start time isn't signalled, and its entry is
    kept for `heal`."""
    child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    try:
        born = active_runs.born(child.pid)
        folder = active_runs.folder()
        folder.mkdir(parents=True)
        stale = active_runs.Active("old", child.pid, f"{born}0", str(tmp_path))
        (folder / "old.json").write_text(json.dumps(stale.__dict__), encoding="utf-8")
        assert active_runs.runs() == []
        assert child.poll() is None
        assert (folder / "old.json").exists()
        (folder / "now.json").write_text(
            json.dumps({**stale.__dict__, "run": "now", "born": born}), encoding="utf-8"
        )
        assert gameday("abort", "now") == 0
        assert child.wait(10) == -signal.SIGTERM
    finally:
        if child.poll() is None:
            child.kill()
        child.wait()


def test_a_run_is_registered_while_it_lasts(tmp_path: Path) -> None:
    """The run has an entry that abort finds, and none after its end."""
    with active_runs.registered("r1", tmp_path):
        assert [(run.run, run.pid) for run in active_runs.runs()] == [("r1", os.getpid())]
    assert active_runs.runs() == []
    assert list(active_runs.folder().iterdir()) == []


def test_compare_needs_something_to_compare(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A missing folder and one without a run are errors; scenarios are checked before anything starts."""
    assert gameday("compare", str(tmp_path / "none"), str(tmp_path)) == 2
    assert "doesn't exist" in capsys.readouterr().err
    assert gameday("compare", str(tmp_path), str(tmp_path)) == 2
    assert gameday("compare", "good-release", "good-releas", "--interleave", "2") == 2
    assert "did you mean 'good-release'?" in capsys.readouterr().err


@pytest.mark.parametrize("columns", ["0", "10", "40", "80"])
def test_names_are_never_cut(
    columns: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However narrow the terminal is, every scenario can be copied from the list."""
    monkeypatch.setenv("COLUMNS", columns)
    assert gameday("list") == 0
    words = capsys.readouterr().out.split()
    assert set(library.paths()) <= set(words)


def test_a_command_in_a_removed_folder_says_so(tmp_path: Path) -> None:
    """A command that needs the current folder names the cause, with no traceback; others work."""
    folder = tmp_path / "gone"
    folder.mkdir()
    script = f"rmdir {folder}; {sys.executable} -m gameday doctor; echo $?; {sys.executable} -m gameday list >&2; echo $?"
    ended = subprocess.run(
        ["/bin/sh", "-c", script], cwd=folder, capture_output=True, text=True, check=True, timeout=60
    )
    assert ended.stdout.split() == ["2", "0"]
    assert "the current folder was removed" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(("level", "status"), [("1", 0), ("2", 2)])
def test_python_without_docstrings_is_refused(level: str, status: int) -> None:
    """Help texts are docstrings: without them the command says so in place of showing empty help."""
    ended = subprocess.run(
        [sys.executable, "-m", "gameday", "--help"], env={**os.environ, "PYTHONOPTIMIZE": level},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert ended.returncode == status
    assert ("unset it" in ended.stderr) is (status == 2)
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "host", ["tcp://127.0.0.1:abc", "tcp://[::1", "foo://x", "unix://", "tcp://", "ssh://", "http+unix://%2f"]
)
def test_an_address_of_no_engine_is_told_in_words(
    host: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever DOCKER_HOST holds, doctor reports it, run refuses, and heal goes on with processes."""
    monkeypatch.setenv("DOCKER_HOST", host)
    assert gameday("doctor", "--json") in (0, 4)
    (engine,) = [row for row in json.loads(capsys.readouterr().out) if row["check"] == "Docker engine"]
    assert not engine["ok"]
    assert gameday("run", "quiet", "--substrate", "docker", "--out", os.devnull + "x") in (2, 4)
    assert "error: " in capsys.readouterr().err
    assert gameday("heal") == 0
    assert "nothing is left" in capsys.readouterr().out
