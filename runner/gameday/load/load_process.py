"""Load process: spawns the worker, commands it to begin, surge, retry and end, and reports why it died.

The worker is a process of its own, because Locust patches the whole standard library. It reads its standard input to
the end, so that it ends if this process is gone; the protocol is in `worker_protocol`. Reading the samples is left to
`gameday.telemetry`.
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
BEGIN_AFTER_S = 0.3  # from the command to the first planned arrival: the worker starts its user meanwhile
SURGE_AFTER_S = 0.2  # from the command to the surge's begin: the worker reads it meanwhile
ANSWER_S = 5.0
STOP_MARGIN_S = 5.0
MOST_RETRIES = 254  # a record's field for attempts is one byte
LOG_TAIL = 2000
PLAN = "load.json"
SECRET = ("GAMEDAY_PAGE_TO",)
LOG = "load.log"
WORKER = "gameday.load.locustfile"


class LocustLoad:
    """A `Load` on one worker process. Thread-safe.

    `make_plan` returns the plan for a target, a URL without a path; `folder` takes shard and plan, `logs` the log.
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
        self._output = ""
        self._lock = threading.RLock()  # one command at a time, and none to a worker that is being ended

    def start(self, target: str) -> float:
        """Spawn the worker, await that it is ready, begin; return the planned time of the first request.

        Raise PortError if the worker can't be started, ends, or isn't ready in time.
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
            self._send(self._process, f"begin {plan.begin!r}")
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
        """Send at `factor` times the planned rate from 0.2 s on; 1 is the planned rate.

        The surge is in the plan's file before the worker learns of it, since the schedule is read from there. No-op if
        the load has that rate. Raise PortError if `factor` isn't between 0 and the plan's headroom, or the worker ended.
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
            since = self._clock.now() + SURGE_AFTER_S
            self._plan = self._with_surge(plan, since, factor)
            begun = float(self._command(process, f"surge {since!r} {factor!r}", f"surged {since!r} "))
            if begun != since:
                self._plan = self._with_surge(plan, begun, factor)

    def retry(self, attempts: int) -> None:
        """Send a failed step again from now on, up to `attempts` times within its time-out. Raise PortError."""
        if not 0 <= attempts <= MOST_RETRIES:
            raise PortError(f"{attempts} retries: must be 0 to {MOST_RETRIES}")
        with self._lock:
            if attempts or self.alive() is None:
                process, _ = self._running()
                self._command(process, f"retry {attempts}", f"retrying {attempts}")

    def alive(self) -> str | None:
        """Return None while the load runs, else why it doesn't."""
        if self._process is None:
            return "the load was not started"
        if self._ended is not None:
            return "the load was stopped"
        if self._process.poll() is None:
            return None
        with self._lock:
            return f"the load ended by itself: {self._reason(self._process)}"

    def shards(self) -> Sequence[Path]:
        """Return the paths of the shards that the load writes."""
        return () if self._plan is None else (self._plan.shard,)

    def _running(self) -> tuple[subprocess.Popen[bytes], LoadPlan]:
        dead = self.alive()
        if dead is not None or self._process is None or self._plan is None:
            raise PortError(dead or "the load hasn't begun")
        return self._process, self._plan

    def _with_surge(self, plan: LoadPlan, since: float, factor: float) -> LoadPlan:
        """Return the plan with one more surge, written to disk."""
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
                    bufsize=0,  # a command to a worker that is gone isn't kept, to be sent again when the pipe is closed
                    start_new_session=True,
                )
        except OSError as error:
            raise PortError(f"the load's worker can't be started: {error}") from error

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        try:
            self._await_line(process, "ready", READY_S)
        except TimeoutError:
            raise PortError(f"the load's worker wasn't ready within {READY_S:g} s: {self._tail()}") from None
        except EOFError:
            self._end(process)
            raise PortError(f"the load's worker ended before it was ready: {self._reason(process)}") from None

    def _command(self, process: subprocess.Popen[bytes], line: str, answer: str) -> str:
        """Send a command; return what follows `answer` in the worker's answer."""
        self._send(process, line)
        try:
            return self._await_line(process, answer, ANSWER_S)
        except TimeoutError:
            raise PortError(
                f"the load's worker didn't answer {line!r} within {ANSWER_S:g} s: {self._tail()}"
            ) from None
        except EOFError:
            raise self._ended_on_command(process, line) from None

    def _await_line(self, process: subprocess.Popen[bytes], begin: str, within: float) -> str:
        """Return the rest of the first line that begins with `begin`.

        Raise TimeoutError after `within` seconds, EOFError if the worker ended.
        """
        assert process.stdout is not None
        until, output = time.monotonic() + within, b""
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while True:
                if not selector.select(max(0.0, until - time.monotonic())):
                    raise TimeoutError
                chunk = os.read(process.stdout.fileno(), 4096)
                output += chunk
                if not chunk:
                    self._output += output.decode(errors="replace")
                    raise EOFError
                for line in output.splitlines(keepends=True):
                    if line.startswith(begin.encode()) and line.endswith(b"\n"):
                        return line.decode().removeprefix(begin).rstrip("\n")

    def _send(self, process: subprocess.Popen[bytes], line: str) -> None:
        assert process.stdin is not None
        try:
            process.stdin.write(line.encode() + b"\n")
        except OSError:
            raise self._ended_on_command(process, line) from None

    def _ended_on_command(self, process: subprocess.Popen[bytes], line: str) -> PortError:
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_MARGIN_S)
        return PortError(f"the load's worker ended on the command {line!r}: {self._reason(process)}")

    def _finish(self, process: subprocess.Popen[bytes]) -> str:
        """Stop the worker; return '' if it ended in order, else what went wrong."""
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
            f"the worker ended before it was stopped: {self._reason(process)}"
            if died or process.returncode
            else ""
        )

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        """Kill the worker if it runs, reap it, close its pipes."""
        if process.poll() is None:
            process.kill()
        process.wait(STOP_MARGIN_S)
        self._read_output(process)
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()

    def _reason(self, process: subprocess.Popen[bytes]) -> str:
        code = process.returncode
        how = f"signal {-code}" if code is not None and code < 0 else f"exit status {code}"
        return f"{how}: {self._read_output(process) or self._tail() or 'nothing in its log'}"

    def _read_output(self, process: subprocess.Popen[bytes]) -> str:
        """Return the end of an ended worker's output; its log has the same text, unless the disk is full."""
        assert process.stdout is not None
        if process.poll() is not None and not process.stdout.closed:
            self._output += process.stdout.read().decode(errors="replace")
        return self._output[-LOG_TAIL:].strip()

    def _tail(self) -> str:
        """Return the end of the log, '' if there is none."""
        try:
            return self._log.read_bytes()[-LOG_TAIL:].decode(errors="replace").strip()
        except OSError:
            return ""
