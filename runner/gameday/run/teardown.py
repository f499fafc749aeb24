"""Teardown of a run: stop load and telemetry, revert faults, collect orders, take the system down.

Every step runs even if the step before failed. A step that exceeds its time-out is abandoned in its thread and
journalled. The engine decides when a run is torn down and what its result means.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from gameday.recording.journal_events import (
    JournalEvent,
    LoadStopped,
    OrdersCollected,
    RunError,
    TelemetryStopped,
)
from gameday.run.run_context import RunContext
from gameday.run.timeline import Timeline
from gameday.run.timeouts import Timeouts

Log = Callable[[JournalEvent], None]
Result = TypeVar("Result", covariant=True)


class TeardownStep(Generic[Result]):
    """One step in a thread of its own, started at once. The thread is a daemon: a hang doesn't keep the process up."""

    def __init__(self, name: str, work: Callable[[], Result], timeout: float) -> None:
        self.name = name
        self._work, self._timeout = work, timeout
        self._results: list[Result] = []
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def result(self) -> Result:
        """Wait for the step and return its result. Raise its error, or TimeoutError if it exceeds its time-out."""
        self._thread.join(self._timeout)
        if self._thread.is_alive():
            raise TimeoutError(f"not done within {self._timeout:g} s: abandoned")
        if self._error is not None:
            raise self._error
        return self._results[0]

    def _run(self) -> None:
        try:
            self._results.append(self._work())
        except Exception as error:
            self._error = error


class Teardown:
    """Tears one run down, once."""

    def __init__(
        self,
        context: RunContext,
        timeline: Timeline,
        timeouts: Timeouts,
        log: Log,
        settled: Callable[[float], bool],
    ) -> None:
        """`settled` returns whether nothing acts on the system any more, within so many seconds."""
        self._context, self._timeline, self._timeouts, self._log = context, timeline, timeouts, log
        self._settled = settled

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
        self._await(TeardownStep(LoadStopped.KIND, context.load.stop, timeouts.stop_load))
        self._await(TeardownStep(TelemetryStopped.KIND, self._stop_telemetry, timeouts.stop_telemetry))
        if collect:
            self._await(reverting or TeardownStep("faults.reverted", self._revert, timeouts.revert))
            self._await(TeardownStep(OrdersCollected.KIND, context.collect, timeouts.audit))
        return self._take_down(collect)

    def _await(self, step: TeardownStep[JournalEvent | None]) -> None:
        """Wait for a step; journal its event, or why it failed."""
        try:
            result = step.result()
        except Exception as error:
            self._log(RunError(where=step.name, why=_reason(error)))
        else:
            if result is not None:
                self._log(result)

    def _take_down(self, collected: bool) -> tuple[str, ...]:
        """Take the system down, or leave it up for the next trial if nothing of this one still acts on it."""
        well = collected and self._timeline.all_reverted() and self._settled(self._timeouts.settle)

        def down() -> tuple[str, ...]:
            return tuple(self._context.down(well))

        try:
            left = TeardownStep("take-down", down, self._timeouts.take_down).result()
        except Exception as error:
            return (f"the system, which could not be taken down: {_reason(error)}",)
        if not left:
            self._timeline.mark_all_reverted()
        return left

    def _revert(self) -> None:
        """Revert the active faults, so that every record can be audited."""
        self._timeline.revert(self._timeouts.inject)

    def _stop_telemetry(self) -> None:
        self._context.sight.stop()
        self._context.telemetry.stop()


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, TimeoutError) else f"{type(error).__name__}: {error}"
