"""The end of a run: load and telemetry stopped, faults reverted, orders collected, the system taken down.

Each step is made even where the one before failed, and has its time: one that hangs is abandoned in its thread, told,
and the rest goes on. When it ends, and what its outcome means, is the engine's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from gameday.run.run_context import World
from gameday.run.timeline import Timeline
from gameday.run.timeouts import Limits

Log = Callable[[str, str, Mapping[str, Any]], None]
Work = Callable[[], Mapping[str, Any]]


class Step:
    """One piece of work in a thread of its own, begun at once. A thread that hangs keeps nobody: it is a daemon."""

    def __init__(self, kind: str, work: Work, limit: float) -> None:
        self.kind = kind
        self._work, self._limit = work, limit
        self._result: Mapping[str, Any] = {}
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name=kind, daemon=True)
        self._thread.start()

    def result(self) -> Mapping[str, Any]:
        """What the work gave. Raises what it raised, or TimeoutError where it isn't done by now."""
        self._thread.join(self._limit)
        if self._thread.is_alive():
            raise TimeoutError(f"not done within {self._limit:g} s: abandoned")
        if self._error is not None:
            raise self._error
        return self._result

    def _run(self) -> None:
        try:
            self._result = self._work()
        except Exception as error:
            self._error = error


class Ending:
    """Ends one run, once."""

    def __init__(self, world: World, timeline: Timeline, limits: Limits, log: Log) -> None:
        self._world, self._timeline, self._limits, self._log = world, timeline, limits, log

    def close(self, collect: bool, at_once: bool) -> tuple[str, ...]:
        """What couldn't be taken down. `collect`: faults are reverted and orders asked for first.

        `at_once`: changes under way are cancelled, and reverting begins before the load is told to stop.
        """
        world, limits = self._world, self._limits
        self._timeline.end()
        if at_once:
            world.operator.cancel()
        reverting = Step("faults.reverted", self._revert, limits.revert) if at_once else None
        self._done(Step("load.stopped", world.load.stop, limits.stop_load))
        self._done(Step("telemetry.stopped", self._stop_telemetry, limits.stop_telemetry))
        if collect:
            self._done(reverting or Step("faults.reverted", self._revert, limits.revert))
            self._done(Step("audit", world.collect, limits.audit))
        return self._take_down(collect)

    def _done(self, step: Step) -> None:
        """Waits for it; what it gave, or why it gave nothing, goes to the journal."""
        try:
            result = step.result()
        except Exception as error:
            self._log("run.error", "", {"where": step.kind, "why": _said(error)})
        else:
            if result:
                self._log(step.kind, "", result)

    def _take_down(self, collected: bool) -> tuple[str, ...]:
        def down() -> Mapping[str, Any]:
            return {"left": tuple(self._world.down(collected))}

        try:
            left: tuple[str, ...] = Step("cleanup", down, self._limits.take_down).result()["left"]
        except Exception as error:
            return (f"the system, which could not be taken down: {_said(error)}",)
        if not left:
            self._timeline.gone()
        return left

    def _revert(self) -> Mapping[str, Any]:
        """What still stands is taken back, so that every record can be audited."""
        self._timeline.revert()
        return {}

    def _stop_telemetry(self) -> Mapping[str, Any]:
        self._world.sight.stop()
        self._world.telemetry.stop()
        return {}


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, TimeoutError) else f"{type(error).__name__}: {error}"
