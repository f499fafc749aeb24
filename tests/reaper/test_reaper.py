"""The reaper after a runner that was killed, hung, failed or finished."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest

from gameday.ports import PortError
from gameday.reaper.pending_requests import LateRequests
from gameday.reaper.reaper_process import Reaper
from gameday.reaper.runner_claim import claim, claimed
from gameday.reaper.runner_messages import PendingRequest
from gameday.substrates.process.process_tree import outlasting, strays
from tests.support.page_receivers import receiving
from tests.support.reaper_lab import PATIENCE_S, Run, runner
from tests.support.waiting import until


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def test_a_killed_runner(run: Run) -> None:
    """Every process of the run is killed, even if it ignores SIGTERM or is stopped or orphaned; its
    journal is closed."""
    run.make_runtime_folder()
    with runner(run, deaf=True) as process:
        assert len(strays(run.id)) == 4
        process.kill()
        process.await_reaper()
        assert run.gone()
    assert [event.data["where"] for event in run.events("run.error")] == ["runner"]
    assert [event.data["reason"] for event in run.events("run.ended")] == ["error"]
    assert [(event.subject, event.data["by"]) for event in run.events("fault.reverted")] == [
        ("f1", "cleanup")
    ]


def test_all_runs_of_a_runner(tmp_path: Path) -> None:
    """A kept system has the mark of an earlier run: the systems of all watched runs are removed."""
    first, last = Run(tmp_path), Run(tmp_path)
    with runner(first, last) as process:
        process.kill()
        process.await_reaper()
        assert first.gone()
        assert last.gone()


def test_only_what_carries_the_mark(tmp_path: Path) -> None:
    """Processes and folder of another run aren't touched."""
    mine, other = Run(tmp_path), Run(tmp_path)
    with runner(other) as neighbour, runner(mine) as process:
        process.kill()
        process.await_reaper()
        assert mine.gone()
        assert len(strays(other.id)) == 4
        assert other.work.exists()
        assert neighbour.reaper.is_running()


def test_dismissed(run: Run) -> None:
    """A dismissed reaper ends at once and touches nothing."""
    with runner(run) as process:
        assert claimed(run.id)
        assert process.ask("dismiss") == "dismissed"
        process.await_reaper()
        assert not claimed(run.id)
        process.kill()
        assert len(strays(run.id)) == 4
    assert run.work.exists()
    assert not run.events("cleanup")


def test_an_exception_is_no_dismissal(run: Run) -> None:
    """If the runner leaves the block by an exception, its reaper cleans up."""
    with runner(run) as process:
        process.ask("fail")
        process.process.wait(PATIENCE_S)
        process.await_reaper()
        assert run.gone()


def test_no_signal_of_a_terminal_ends_it(run: Run) -> None:
    """The reaper has a session of its own and ignores the terminal's signals."""
    with runner(run, beat_s=0.02) as process:
        until(lambda: ignores(process.reaper, signal.SIGHUP), "the reaper ignores SIGHUP", PATIENCE_S)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            process.reaper.send_signal(number)
        assert os.getsid(process.reaper.pid) == process.reaper.pid
        process.kill()
        process.await_reaper()
        assert run.gone()


def test_a_runner_whose_loop_hangs(run: Run) -> None:
    """A runner that still runs, but whose loop hangs in a call, counts as hung and is killed."""
    with runner(run, look_s=0.5, beat_s=0.02) as process:
        assert process.ask("hang") == "hangs"
        process.await_reaper()
        assert process.process.wait(PATIENCE_S) == -signal.SIGKILL
        assert run.gone()
    assert "hung" in run.events("run.error")[0].data["why"]


def test_a_hung_runner(run: Run) -> None:
    """A runner that gives no sign of life is killed first, so that the system has one owner."""
    with runner(run, look_s=0.5, beat_s=0.02) as process:
        process.process.send_signal(signal.SIGSTOP)
        process.await_reaper()
        assert process.process.wait(PATIENCE_S) == -signal.SIGKILL
        assert run.gone()
    assert "hung" in run.events("run.error")[0].data["why"]


def test_a_reaper_that_is_killed_is_replaced(run: Run) -> None:
    """The new reaper gets all messages that the killed one had."""
    with runner(run, beat_s=0.02) as process:
        process.reaper.kill()
        killed = process.reaper.pid
        until(lambda: int(process.ask("pid")) != killed, "another reaper", PATIENCE_S)
        process.reaper = psutil.Process(int(process.ask("pid")))
        process.kill()
        process.await_reaper()
        assert run.gone()


class Scarce:
    """`subprocess.Popen` on a machine that can't start another process; it fails `times` times."""

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
    """Kill the reaper and return its pid."""
    process = reaper._process
    assert process
    process.kill()
    process.wait(PATIENCE_S)
    return process.pid


def test_a_reaper_that_cannot_be_replaced_at_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later beat starts another one."""
    with Reaper(beat_s=0.02) as reaper:
        reaper.watch(run.id, run.folder, "process")
        scarce = Scarce(2, monkeypatch)
        before = killed(reaper)
        until(lambda: reaper.pid != before, "another reaper", PATIENCE_S)
        assert scarce.times < 0
        reaper.leave_request("a1", "http://127.0.0.1:9/", {})


def test_a_reaper_that_can_never_be_replaced(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call that needs the reaper raises an error that says why; dismissing it is a no-op."""
    reaper = Reaper(beat_s=0.02)
    reaper.watch(run.id, run.folder, "process")
    Scarce(10**6, monkeypatch)
    killed(reaper)
    for _ in range(2):
        with pytest.raises(PortError, match="the reaper can't be started"):
            reaper.leave_request("a1", "http://127.0.0.1:9/", {})
    reaper.dismiss()


def ignores(process: psutil.Process, number: signal.Signals) -> bool:
    """Return True if the process ignores the signal, by the kernel's own record."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    mask = next(line.split()[1] for line in status.splitlines() if line.startswith("SigIgn"))
    return bool(int(mask, 16) >> (number - 1) & 1)


@contextmanager
def receiver() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """Yield an HTTP server's address and the list of (key, body) that it received."""
    heard: list[tuple[str, bytes]] = []

    class Page(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append((self.headers["X-Key"], self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(202)
            self.end_headers()

        def log_message(self, *words: object) -> None:
            """Print nothing."""

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/", heard
        finally:
            server.shutdown()
            thread.join(PATIENCE_S)


def test_pending_requests_are_made_for_a_killed_runner(run: Run) -> None:
    """The reaper resolves the pages that are still open; a receiver that hangs doesn't keep it from
    its clean-up."""
    with closing(socket.create_server(("127.0.0.1", 0))) as deaf, receiver() as (url, heard):
        requests = {"a1": url, "a2": url, "a3": f"http://127.0.0.1:{deaf.getsockname()[1]}/"}
        with runner(run, owed=requests, paid=["a2"]) as process:
            process.kill()
            until(run.gone, "the clean-up is over", PATIENCE_S)
            process.reaper.kill()
    assert heard == [("a1", b'{"event_action": "resolve"}')]


def test_a_page_whose_resolving_is_refused_is_resolved_later(run: Run) -> None:
    """After the runner's orderly end too: the reaper repeats the request, journals its success and ends."""
    run.page("a1")
    with receiving(429, 503, 200) as page:
        with runner(run, pages={"a1": page.url}, refused=["a1"]) as process:
            begun = time.monotonic()
            assert process.ask("dismiss") == "dismissed"
            assert time.monotonic() - begun < 3.0
            process.await_reaper()
        assert len(page.paths) == 3
    assert [event.subject for event in run.events("alert.resolved")] == ["a1"]


def test_a_page_of_a_killed_runner_that_is_refused_is_resolved_later(run: Run) -> None:
    """The clean-up doesn't wait for it; a page that is resolved at once is journalled too."""
    run.page("a1", "a2")
    with receiving(429, 200) as busy, receiving() as good:
        with runner(run, pages={"a1": busy.url, "a2": good.url}) as process:
            process.kill()
            process.await_reaper()
    assert [event.subject for event in run.events("alert.resolved")] == ["a2", "a1"]
    assert [event.subject for event in run.events("page.failed")] == ["a1"]
    assert run.gone()


def test_a_killed_reaper_hands_its_late_requests_on(run: Run) -> None:
    """The reaper that replaces it makes them."""
    run.page("a1")
    with receiving(*[429] * 2, 200) as page, Reaper(beat_s=0.02) as reaper:
        reaper.watch(run.id, run.folder, "process")
        reaper.leave_request("a1", page.url, {}, run=run.id, alert="a1")
        reaper.make_later("a1")
        page.next()
        killed(reaper)
        until(lambda: bool(run.events("alert.resolved")), "the page is resolved", PATIENCE_S)


def test_late_requests_are_given_up(run: Run) -> None:
    """A receiver that refuses for ever keeps the reaper for a bounded time only, and nothing counts as resolved."""
    resolved: list[tuple[str, str]] = []
    with receiving(429) as page:
        late = LateRequests(lambda *about: resolved.append(about), back_off=(0.01,), give_up=0.2)
        request = PendingRequest(key="k", run=run.id, alert="a1", url=page.url, body={}, headers={})
        late.add([request])
        late.finish()
        assert len(page.paths) > 2
    assert resolved == []


def test_an_alert_is_resolved_once_every_receiver_has_taken_it(run: Run) -> None:
    """One of two receivers isn't enough."""
    resolved: list[tuple[str, str]] = []
    late = LateRequests(lambda *about: resolved.append(about), back_off=(0.01,), give_up=0.3)
    with receiving() as good, receiving(429) as busy, receiving(429, 200) as slow:
        urls = {"a1": (good.url, busy.url), "a2": (good.url, slow.url)}
        for alert, both in urls.items():
            late.add(
                [
                    PendingRequest(key=f"{alert}-{url}", run="r", alert=alert, url=url, body={}, headers={})
                    for url in both
                ]
            )
        late.finish()
    assert resolved == [("r", "a2")]


def test_a_claim_is_exclusive(run: Run) -> None:
    """No other process gets the claim, and it ends with the runner."""
    with runner(run) as process:
        assert claim(run.id) is None
        process.kill()
        assert not claimed(run.id)
        assert outlasting([process.reaper], PATIENCE_S) == []
