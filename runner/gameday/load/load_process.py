"""The load as the engine sees it: spawns the worker, tells it when to begin, to surge and to end, says why it died.

The worker is a process of its own, for Locust patches the whole standard library. It holds on to its standard input,
so that it ends by itself where this process is gone. What they say to one another is in `words`. Reading its samples is
left to `gameday.telemetry`.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from gameday.host.child_python import FOLDER, child_command, inherited_environment
from gameday.load.load_plan import LoadPlan, Surge, arrivals
from gameday.ports import PortError
from gameday.recording.clock import RunClock
from gameday.recording.journal_events import LoadStopped

READY_S = 60.0
BEGIN_AFTER_S = 0.3  # from telling the worker to the first planned arrival: it has to start its user
SURGE_AFTER_S = 0.2  # from telling it of a surge to its begin: it has to hear of it first
ANSWER_S = 5.0
STOP_MARGIN_S = 5.0
MOST_RETRIES = 254  # as many as a record can tell of
LOG_TAIL = 2000
PLAN = "load.json"
SECRET = ("GAMEDAY_PAGE_TO",)
LOG = "load.log"
WORKER = "gameday.load.locustfile"


class LocustLoad:
    """A `Load` on one worker process.

    `make_plan` turns the target, an URL without a path, into the plan; `folder` takes shard and plan, `logs` the log.
    """

    def __init__(
        self, make_plan: Callable[[str], LoadPlan], clock: RunClock, folder: Path, logs: Path
    ) -> None:
        self._make_plan = make_plan
        self._clock = clock
        self._folder = folder.resolve()
        self._log = logs.resolve() / LOG
        self._plan: LoadPlan | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._ended: str | None = None
        self._words = ""
        self._lock = threading.RLock()  # one question at a time, and none to a worker that is being ended

    def start(self, target: str) -> float:
        """Spawns the worker, awaits that it is ready, begins; planned time of the first request.

        PortError otherwise.
        """
        if self._process is not None:
            raise PortError("the load was started already")
        plan = self._make_plan(target).resolved()
        self._folder.mkdir(parents=True, exist_ok=True)
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._write(plan)
        self._process = self._spawn()
        try:
            self._await_ready(self._process)
            plan = plan.model_copy(update={"begin": self._clock.now() + BEGIN_AFTER_S})
            self._write(plan)
            self._tell(self._process, f"begin {plan.begin!r}")
        except PortError:
            self._end(self._process)
            raise
        self._plan = plan
        return next(arrivals(plan)).planned

    def stop(self) -> LoadStopped:
        """Stop the load and return the journal's event. Idempotent.

        It is clean if the worker ended by itself, in time, with nothing lost.
        """
        if self._process is None:
            return LoadStopped(clean=True, why="never started")
        with self._lock:
            if self._ended is None:
                self._ended = self._finish(self._process)
        return LoadStopped(clean=self._ended == "", why=self._ended)

    def surge(self, factor: float) -> None:
        """From shortly after now on `factor` times the planned rate, at most the plan's headroom; 1 is as planned.

        It is in the plan's file first, since the schedule is told from there. What already is so needs no worker.
        """
        with self._lock:
            surges = self._plan.surges if self._plan else ()
            if factor == (surges[-1].factor if surges else 1.0) or (
                factor == 1.0 and self.alive() is not None
            ):
                return
            process, plan = self._running()
            if not 0 < factor <= plan.headroom:
                raise PortError(
                    f"a surge of {factor:g} times the rate: the load has room for up to {plan.headroom:g}"
                )
            asked = self._clock.now() + SURGE_AFTER_S
            self._plan = self._surging(plan, asked, factor)
            begun = float(self._ask(process, f"surge {asked!r} {factor!r}", f"surged {asked!r} "))
            if begun != asked:
                self._plan = self._surging(plan, begun, factor)

    def retry(self, attempts: int) -> None:
        """From now on a failed step is sent again, up to so many times within its time-out; 0 is as planned."""
        if not 0 <= attempts <= MOST_RETRIES:
            raise PortError(f"{attempts} retries: they may be 0 to {MOST_RETRIES}")
        with self._lock:
            if attempts or self.alive() is None:
                process, _ = self._running()
                self._ask(process, f"retry {attempts}", f"retrying {attempts}")

    def alive(self) -> str | None:
        if self._process is None:
            return "the load was not started"
        if self._ended is not None:
            return "the load was stopped"
        if self._process.poll() is None:
            return None
        with self._lock:
            return f"the load ended by itself: {self._reason(self._process)}"

    def shards(self) -> Sequence[Path]:
        return () if self._plan is None else (self._plan.shard,)

    def _running(self) -> tuple[subprocess.Popen[bytes], LoadPlan]:
        dead = self.alive()
        if dead is not None or self._process is None or self._plan is None:
            raise PortError(dead or "the load hasn't begun")
        return self._process, self._plan

    def _surging(self, plan: LoadPlan, since: float, factor: float) -> LoadPlan:
        """The plan with one more surge, on disk as well."""
        plan = plan.model_copy(update={"surges": (*plan.surges, Surge(since=since, factor=factor))})
        self._write(plan)
        return plan

    def _write(self, plan: LoadPlan) -> None:
        try:
            plan.write(self._folder / PLAN)
        except OSError as error:
            raise PortError(f"the load's plan can't be written: {error}") from error

    def _spawn(self) -> subprocess.Popen[bytes]:
        try:
            with self._log.open("ab") as log:
                return subprocess.Popen(
                    child_command("-m", WORKER, str(self._folder / PLAN)),
                    env=inherited_environment(without=SECRET),
                    cwd=FOLDER,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    bufsize=0,  # what a worker that is gone can't be told isn't kept to be told once more at the end
                    start_new_session=True,
                )
        except OSError as error:
            raise PortError(f"the load's worker can't be started: {error}") from error

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        try:
            self._hear(process, "ready", READY_S)
        except TimeoutError:
            raise PortError(f"the load's worker wasn't ready within {READY_S:g} s: {self._tail()}") from None
        except EOFError:
            self._end(process)
            raise PortError(f"the load's worker ended before it was ready: {self._reason(process)}") from None

    def _ask(self, process: subprocess.Popen[bytes], line: str, answer: str) -> str:
        """What follows `answer` in the worker's answer."""
        self._tell(process, line)
        try:
            return self._hear(process, answer, ANSWER_S)
        except TimeoutError:
            raise PortError(
                f"the load's worker didn't answer {line!r} within {ANSWER_S:g} s: {self._tail()}"
            ) from None
        except EOFError:
            raise self._ended_when_told(process, line) from None

    def _hear(self, process: subprocess.Popen[bytes], begin: str, within: float) -> str:
        """The rest of the first line that begins so. TimeoutError, or EOFError where the worker ended."""
        assert process.stdout is not None
        until, heard = time.monotonic() + within, b""
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while True:
                if not selector.select(max(0.0, until - time.monotonic())):
                    raise TimeoutError
                chunk = os.read(process.stdout.fileno(), 4096)
                heard += chunk
                if not chunk:
                    self._words += heard.decode(errors="replace")
                    raise EOFError
                for line in heard.splitlines(keepends=True):
                    if line.startswith(begin.encode()) and line.endswith(b"\n"):
                        return line.decode().removeprefix(begin).rstrip("\n")

    def _tell(self, process: subprocess.Popen[bytes], line: str) -> None:
        assert process.stdin is not None
        try:
            process.stdin.write(line.encode() + b"\n")
        except OSError:
            raise self._ended_when_told(process, line) from None

    def _ended_when_told(self, process: subprocess.Popen[bytes], line: str) -> PortError:
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_MARGIN_S)
        return PortError(f"the load's worker ended when told {line!r}: {self._reason(process)}")

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
        return (
            f"the worker ended before it was told: {self._reason(process)}"
            if died or process.returncode
            else ""
        )

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
