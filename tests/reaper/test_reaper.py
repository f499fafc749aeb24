"""A runner that ends without a word: what its reaper does, and when it does nothing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest

from gameday.ports import PortError
from gameday.reaper.reaper_process import Reaper
from gameday.reaper.runner_claim import claim, claimed
from gameday.substrates.process.process_tree import outlasting, strays
from tests.support.reaper_lab import PATIENCE_S, Run, runner
from tests.support.waiting import until


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def test_a_killed_runner(run: Run) -> None:
    """Everything of the run goes, deaf, stopped and orphaned processes too; its journal is ended as an error."""
    run.make_runtime_folder()
    with runner(run, deaf=True) as made:
        assert len(strays(run.id)) == 4
        made.kill()
        made.await_reaper()
        assert run.gone()
    assert [event.data["where"] for event in run.events("run.error")] == ["runner"]
    assert [event.data["reason"] for event in run.events("run.ended")] == ["error"]
    assert [(event.subject, event.data["by"]) for event in run.events("fault.reverted")] == [
        ("f1", "cleanup")
    ]


def test_all_runs_of_a_runner(tmp_path: Path) -> None:
    """A system that is kept up carries the mark of a run before the last: each that was told is taken down."""
    first, last = Run(tmp_path), Run(tmp_path)
    with runner(first, last) as made:
        made.kill()
        made.await_reaper()
        assert first.gone()
        assert last.gone()


def test_only_what_carries_the_mark(tmp_path: Path) -> None:
    """Processes of another run are left alone, and so is its folder."""
    mine, other = Run(tmp_path), Run(tmp_path)
    with runner(other) as neighbour, runner(mine) as made:
        made.kill()
        made.await_reaper()
        assert mine.gone()
        assert len(strays(other.id)) == 4
        assert other.work.exists()
        assert neighbour.reaper.is_running()


def test_dismissed(run: Run) -> None:
    """A runner that is done says so: its reaper ends at once and touches nothing."""
    with runner(run) as made:
        assert claimed(run.id)
        assert made.ask("dismiss") == "dismissed"
        made.await_reaper()
        assert not claimed(run.id)
        made.kill()
        assert len(strays(run.id)) == 4
    assert run.work.exists()
    assert not run.events("cleanup")


def test_an_exception_is_no_dismissal(run: Run) -> None:
    """A runner that leaves by an error has its reaper look after it."""
    with runner(run) as made:
        made.ask("fail")
        made.process.wait(PATIENCE_S)
        made.await_reaper()
        assert run.gone()


def test_no_signal_of_a_terminal_ends_it(run: Run) -> None:
    """It has a session of its own, and doesn't listen."""
    with runner(run, beat_s=0.02) as made:
        until(lambda: ignores(made.reaper, signal.SIGHUP), "the reaper ignores SIGHUP", PATIENCE_S)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            made.reaper.send_signal(number)
        assert os.getsid(made.reaper.pid) == made.reaper.pid
        made.kill()
        made.await_reaper()
        assert run.gone()


def test_a_runner_whose_run_stands_still(run: Run) -> None:
    """It lives and beats, but its loop hangs in a call: it counts as hung, and is ended."""
    with runner(run, look_s=0.5, beat_s=0.02) as made:
        assert made.ask("hang") == "hangs"
        made.await_reaper()
        assert made.process.wait(PATIENCE_S) == -signal.SIGKILL
        assert run.gone()
    assert "hung" in run.events("run.error")[0].data["why"]


def test_a_hung_runner(run: Run) -> None:
    """One that gives no sign of life is ended first, so that nothing has two masters."""
    with runner(run, look_s=0.5, beat_s=0.02) as made:
        made.process.send_signal(signal.SIGSTOP)
        made.await_reaper()
        assert made.process.wait(PATIENCE_S) == -signal.SIGKILL
        assert run.gone()
    assert "hung" in run.events("run.error")[0].data["why"]


def test_a_reaper_that_is_killed_is_replaced(run: Run) -> None:
    """The next one is told what the last one knew."""
    with runner(run, beat_s=0.02) as made:
        made.reaper.kill()
        killed = made.reaper.pid
        until(lambda: int(made.ask("pid")) != killed, "another reaper", PATIENCE_S)
        made.reaper = psutil.Process(int(made.ask("pid")))
        made.kill()
        made.await_reaper()
        assert run.gone()


class Scarce:
    """`subprocess.Popen` on a machine that has no room for more processes, `times` times."""

    def __init__(self, times: int, patch: pytest.MonkeyPatch) -> None:
        self.times = times
        self._popen = subprocess.Popen
        patch.setattr(subprocess, "Popen", self)

    def __call__(self, *words: Any, **more: Any) -> subprocess.Popen[bytes]:
        self.times -= 1
        if self.times >= 0:
            raise BlockingIOError("Resource temporarily unavailable")
        return self._popen(*words, **more)


def killed(reaper: Reaper) -> int:
    """The pid that it had."""
    process = reaper._process
    assert process
    process.kill()
    process.wait(PATIENCE_S)
    return process.pid


def test_a_reaper_that_cannot_be_replaced_at_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later beat finds room for another."""
    with Reaper(beat_s=0.02) as reaper:
        reaper.watch(run.id, run.folder, "process")
        scarce = Scarce(2, monkeypatch)
        before = killed(reaper)
        until(lambda: reaper.pid != before, "another reaper", PATIENCE_S)
        assert scarce.times < 0
        reaper.leave_request("a1", "http://127.0.0.1:9/", {})


def test_a_reaper_that_can_never_be_replaced(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever owes is told so in words, each time; dismissing it is harmless."""
    reaper = Reaper(beat_s=0.02)
    reaper.watch(run.id, run.folder, "process")
    Scarce(10**6, monkeypatch)
    killed(reaper)
    for _ in range(2):
        with pytest.raises(PortError, match="the reaper can't be started"):
            reaper.leave_request("a1", "http://127.0.0.1:9/", {})
    reaper.dismiss()


def ignores(process: psutil.Process, number: signal.Signals) -> bool:
    """By the kernel's own word."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    mask = next(line.split()[1] for line in status.splitlines() if line.startswith("SigIgn"))
    return bool(int(mask, 16) >> (number - 1) & 1)


@contextmanager
def receiver() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """An HTTP server's address, and (key, body) of what it was sent."""
    heard: list[tuple[str, bytes]] = []

    class Page(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append((self.headers["X-Key"], self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(202)
            self.end_headers()

        def log_message(self, *words: object) -> None:
            """Silent."""

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/", heard
        finally:
            server.shutdown()
            thread.join(PATIENCE_S)


def test_what_the_runner_owed(run: Run) -> None:
    """Its pages are resolved for it, but those that were by then; a receiver that hangs keeps nothing from its end."""
    with closing(socket.create_server(("127.0.0.1", 0))) as deaf, receiver() as (url, heard):
        owed = {"a1": url, "a2": url, "a3": f"http://127.0.0.1:{deaf.getsockname()[1]}/"}
        with runner(run, owed=owed, paid=["a2"]) as made:
            made.kill()
            made.await_reaper()
            assert run.gone()
    assert heard == [("a1", b'{"event_action": "resolve"}')]


def test_a_claim_is_the_runners(run: Run) -> None:
    """Nobody else gets it, and it goes with the runner."""
    with runner(run) as made:
        assert claim(run.id) is None
        made.kill()
        assert not claimed(run.id)
        assert outlasting([made.reaper], PATIENCE_S) == []
