"""Teardown of a run: stop load and telemetry, revert faults, collect orders, take the system down.

Every step runs even if the step before failed. A step that exceeds its time-out is abandoned in its thread and
journalled. The engine decides when a run is torn down and what its result means.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from gameday.run.run_context import RunContext
from gameday.run.timeline import Timeline
from gameday.run.timeouts import Timeouts

Log = Callable[[str, str, Mapping[str, Any]], None]
Work = Callable[[], Mapping[str, Any]]


class TeardownStep:
    """One step in a thread of its own, started at once. The thread is a daemon: a hang doesn't keep the process up."""

    def __init__(self, kind: str, work: Work, timeout: float) -> None:
        self.kind = kind
        self._work, self._timeout = work, timeout
        self._result: Mapping[str, Any] = {}
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name=kind, daemon=True)
        self._thread.start()

    def result(self) -> Mapping[str, Any]:
        """Wait for the step and return its result. Raise its error, or TimeoutError if it exceeds its time-out."""
        self._thread.join(self._timeout)
        if self._thread.is_alive():
            raise TimeoutError(f"not done within {self._timeout:g} s: abandoned")
        if self._error is not None:
            raise self._error
        return self._result

    def _run(self) -> None:
        try:
            self._result = self._work()
        except Exception as error:
            self._error = error


class Teardown:
    """Tears one run down, once."""

    def __init__(self, context: RunContext, timeline: Timeline, timeouts: Timeouts, log: Log) -> None:
        self._context, self._timeline, self._timeouts, self._log = context, timeline, timeouts, log

    def run(self, collect: bool, at_once: bool) -> tuple[str, ...]:
        """Tear down; return what couldn't be removed.

        `collect`: revert the faults and collect the orders first. `at_once`: cancel changes under way, and begin to
        revert before the load is stopped.
        """
        context, timeouts = self._context, self._timeouts
        self._timeline.stop()
        if at_once:
            context.deployer.cancel_changes()
        reverting = TeardownStep("faults.reverted", self._revert, timeouts.revert) if at_once else None
        self._await(TeardownStep("load.stopped", context.load.stop, timeouts.stop_load))
        self._await(TeardownStep("telemetry.stopped", self._stop_telemetry, timeouts.stop_telemetry))
        if collect:
            self._await(reverting or TeardownStep("faults.reverted", self._revert, timeouts.revert))
            self._await(TeardownStep("audit", context.collect, timeouts.audit))
        return self._take_down(collect)

    def _await(self, step: TeardownStep) -> None:
        """Wait for a step; journal its result, or why it failed."""
        try:
            result = step.result()
        except Exception as error:
            self._log("run.error", "", {"where": step.kind, "why": _reason(error)})
        else:
            if result:
                self._log(step.kind, "", result)

    def _take_down(self, collected: bool) -> tuple[str, ...]:
        def down() -> Mapping[str, Any]:
            return {"left": tuple(self._context.down(collected))}

        try:
            left: tuple[str, ...] = TeardownStep("cleanup", down, self._timeouts.take_down).result()["left"]
        except Exception as error:
            return (f"the system, which could not be taken down: {_reason(error)}",)
        if not left:
            self._timeline.mark_all_reverted()
        return left

    def _revert(self) -> Mapping[str, Any]:
        """Revert the active faults, so that every record can be audited."""
        self._timeline.revert()
        return {}

    def _stop_telemetry(self) -> Mapping[str, Any]:
        self._context.sight.stop()
        self._context.telemetry.stop()
        return {}


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, TimeoutError) else f"{type(error).__name__}: {error}"
