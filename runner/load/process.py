"""The load as the engine sees it: spawns the worker, tells it when to begin and to end, and says why it died.

The worker is a process of its own, for Locust patches the whole standard library. It holds on to its standard input,
so that it ends by itself where this process is gone. Reading its samples is left to `runner.telemetry`.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import runner
from runner.clock import RunClock
from runner.load.plan import LoadPlan, arrivals
from runner.ports import PortError

READY_S = 60.0
BEGIN_AFTER_S = 0.3  # from telling the worker to the first planned arrival: it has to start its user
STOP_MARGIN_S = 5.0
LOG_TAIL = 2000
PLAN = "load.json"
LOG = "load.log"
WORKER = "runner.load.locustfile"


def environment() -> dict[str, str]:
    """Ours, with the package that runs here on the path, so that the worker runs the same code from any folder."""
    root = str(Path(runner.__file__).resolve().parents[1])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}


class LocustLoad:
    """A `Load` on one worker process.

    `make_plan` turns the target, an URL without a path, into the plan; `folder` takes shard and plan, `logs` the log.
    """

    def __init__(self, make_plan: Callable[[str], LoadPlan], clock: RunClock, folder: Path, logs: Path) -> None:
        self._make_plan = make_plan
        self._clock = clock
        self._folder = folder
        self._log = logs / LOG
        self._plan: LoadPlan | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._ended: str | None = None
        self._words = ""

    def start(self, target: str) -> float:
        """Spawns the worker, awaits that it is ready, begins; planned time of the first request.

        PortError otherwise.
        """
        if self._process is not None:
            raise PortError("the load was started already")
        plan = self._make_plan(target)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._write(plan)
        self._process = self._spawn()
        try:
            self._await_ready(self._process)
            plan = plan.model_copy(update={"begin": self._clock.now() + BEGIN_AFTER_S})
            self._write(plan)
            self._tell(self._process, f"begin {plan.begin!r}\n")
        except PortError:
            self._end(self._process)
            raise
        self._plan = plan
        return next(arrivals(plan)).planned

    def stop(self) -> Mapping[str, Any]:
        """{clean, why}: clean when the worker ended by itself, in its time, with nothing lost.

        Stopping again is harmless.
        """
        if self._process is None:
            return {"clean": True, "why": "never started"}
        if self._ended is None:
            self._ended = self._finish(self._process)
        return {"clean": self._ended == "", "why": self._ended}

    def alive(self) -> str | None:
        if self._process is None:
            return "the load was not started"
        if self._ended is not None:
            return "the load was stopped"
        if self._process.poll() is None:
            return None
        return f"the load ended by itself: {self._reason(self._process)}"

    def shards(self) -> Sequence[Path]:
        return () if self._plan is None else (self._plan.shard,)

    def _write(self, plan: LoadPlan) -> None:
        try:
            plan.write(self._folder / PLAN)
        except OSError as error:
            raise PortError(f"the load's plan can't be written: {error}") from error

    def _spawn(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-P", "-m", WORKER, str(self._folder / PLAN)]
        try:
            with self._log.open("ab") as log:
                return subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env=environment(),
                    start_new_session=True,
                )
        except OSError as error:
            raise PortError(f"the load's worker can't be started: {error}") from error

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        until, heard = time.monotonic() + READY_S, b""
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while not heard.endswith(b"ready\n"):
                left = until - time.monotonic()
                if left <= 0 or not selector.select(left):
                    raise PortError(f"the load's worker wasn't ready within {READY_S:g} s: {self._tail()}")
                chunk = os.read(process.stdout.fileno(), 4096)
                if not chunk:
                    self._words = heard.decode(errors="replace")
                    self._end(process)
                    raise PortError(f"the load's worker ended before it was ready: {self._reason(process)}")
                heard += chunk

    def _tell(self, process: subprocess.Popen[bytes], line: str) -> None:
        assert process.stdin is not None
        try:
            process.stdin.write(line.encode())
            process.stdin.flush()
        except OSError as error:
            raise PortError(f"the load's worker is gone: {self._tail() or error}") from error

    def _finish(self, process: subprocess.Popen[bytes]) -> str:
        """Asks the worker to end; '' when it did, else what was wrong."""
        died = process.poll() is not None
        patience = STOP_MARGIN_S + (self._plan.timeout if self._plan else 0.0)
        if not died:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            self._end(process)
            return f"the worker didn't end within {patience:g} s and was killed: {self._tail()}"
        self._end(process)
        return f"the worker ended before it was told: {self._reason(process)}" if died or process.returncode else ""

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        """Leaves neither process nor pipe behind."""
        if process.poll() is None:
            process.kill()
        process.wait(STOP_MARGIN_S)
        self._last_words(process)
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()

    def _reason(self, process: subprocess.Popen[bytes]) -> str:
        code = process.returncode
        how = f"signal {-code}" if code is not None and code < 0 else f"exit status {code}"
        return f"{how}: {self._last_words(process) or self._tail() or 'nothing in its log'}"

    def _last_words(self, process: subprocess.Popen[bytes]) -> str:
        """What an ended worker told this process; its log says the same, unless the disk is full."""
        assert process.stdout is not None
        if process.poll() is not None and not process.stdout.closed:
            self._words += process.stdout.read().decode(errors="replace")
        return self._words[-LOG_TAIL:].strip()

    def _tail(self) -> str:
        """The end of the log."""
        try:
            return self._log.read_bytes()[-LOG_TAIL:].decode(errors="replace").strip()
        except OSError:
            return ""
