"""Secrets of a run: in no file after it, and in no command line while it is in progress."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from gameday.recording.journal import read_journal
from tests.support.page_receivers import receiving
from tests.support.running_gameday import PATIENCE_S, check_interrupted, ended, reached, under_way
from tests.support.waiting import until
from tests.support.whole_runs import GAMEDAY

SECRETS = {
    "slack": "T0HUSHSLACK",
    "json": "hushjsonquery",
    "pagerduty": "HUSHROUTINGKEY",
    "gone": "hushgonepath",
    "proxy": "hushproxypassword",
    "engine": "hushenginepassword",
}


FAILURES = {"HTTP 500", "HTTP 404", "HTTP 302"}


def lines_of(process: psutil.Process) -> Iterator[str]:
    """Return the command lines of a process and of all its descendants."""
    for member in [process, *process.children(recursive=True)]:
        with suppress(psutil.Error):
            yield " ".join(member.cmdline())


def tokens(state: Path, runner: psutil.Process) -> set[str]:
    """Return the API's, the operators' and the automation's tokens, from a file of mode 600 and a
    service's environment."""
    (key,) = (state / "gameday" / "doors").glob("*.json")
    assert key.stat().st_mode & 0o77 == 0
    secrets = {str(json.loads(key.read_text(encoding="utf-8"))["token"])}
    for child in runner.children(recursive=True):
        with suppress(psutil.Error):
            environment = child.environ()
            credential = environment.get("CREDENTIALS", "").partition("=")[0].partition(":")[2]
            secrets |= {environment.get("OPERATOR_TOKEN", ""), credential}
    return secrets - {""}


def failures(journal: Path) -> set[str]:
    """Return the reasons for which pages were not delivered, from a run's journal."""
    return {event.data["why"] for event in read_journal(journal) if event.kind == "page.failed"}


def end_reaper(runner: int) -> None:
    """End the reaper of a runner that is over: it would ask these receivers for ten minutes to resolve their pages."""
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if "gameday.reaper" in words and str(runner) in words:
            process.kill()


@pytest.mark.e2e
@pytest.mark.timeout(240)
@pytest.mark.parametrize("interrupted", [True, pytest.param(False, marks=pytest.mark.full)])
def test_no_secret_is_left_in_a_run(interrupted: bool, room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses and keys of failing receivers, proxies, an engine's address and all tokens are in
    no file of the run, in no output and in no command line.

    A run that gets SIGTERM while its fault is active is torn down completely, with an outcome and a report.
    """
    out = room / "runs"
    with receiving(500) as failing, receiving(404) as refusing, receiving(302) as moving:
        targets = [
            f"slack={failing.url}/services/{SECRETS['slack']}",
            f"json={refusing.url}/hook?key={SECRETS['json']}",
            f"pagerduty={moving.url}/enqueue#{SECRETS['pagerduty']}",
            f"json=http://127.0.0.1:1/{SECRETS['gone']}",
        ]
        monkeypatch.setenv("GAMEDAY_PAGE_TO", " ".join(targets))
        monkeypatch.setenv("HTTP_PROXY", f"http://someone:{SECRETS['proxy']}@127.0.0.1:1")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
        monkeypatch.setenv("DOCKER_HOST", f"tcp://someone:{SECRETS['engine']}@127.0.0.1:1")
        responder = ("--responder", "none") if interrupted else ()
        quick = ("--set", "steadyState.for=4s", "--set", "hold=4s", *responder)
        with under_way(out, "bad-deploy-pricing", *quick) as process:
            run = reached(process, out, "fault")
            runner = psutil.Process(process.pid)
            secret = tokens(room / "state", runner) | set(SECRETS.values())
            lines = "\n".join(lines_of(runner))
            if interrupted:
                until(lambda: failures(out / run / "journal.jsonl") >= FAILURES, "failed pages", PATIENCE_S)
                process.send_signal(signal.SIGTERM)
            finished_run = ended(process, out)
            end_reaper(process.pid)
        assert failing.paths[0].endswith(SECRETS["slack"])
    assert len(secret) == len(SECRETS) + 3
    assert failures(finished_run.folder / "journal.jsonl") >= FAILURES
    if interrupted:
        check_interrupted(finished_run)
    assert finished_run.events("run.started")[0].data["why"].startswith("no Docker engine answers")
    texts = {str(path): path.read_bytes() for path in (out / run).rglob("*") if path.is_file()}
    assert len(texts) > 20
    texts |= {"what is printed": finished_run.printed.encode(), "command lines": lines.encode()}
    assert "gameday.load.locustfile" in lines
    assert [(where, word) for where, text in texts.items() for word in secret if word.encode() in text] == []


def test_a_receiver_that_cannot_be_read_is_not_repeated(room: Path) -> None:
    """The usage error says what is wrong without quoting the receiver."""
    for target in (
        "slack=ftp://hush/hush",
        "teams=https://hush",
        "pagerduty=hush hush",
        "json=https://hush:hush@example.com",
    ):
        done = subprocess.run(
            [*GAMEDAY, "run", "good-release", "--page-to", target, "--dry-run"],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert (done.returncode, "hush" in done.stdout + done.stderr) == (2, False), done.stderr
