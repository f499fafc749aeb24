"""Bounded calls of functions that may block, such as the run's own, from a server's event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


class BoundedCalls:
    """Calls functions in threads: at most `most` at a time, each for at most `timeout` seconds."""

    def __init__(self, most: int, timeout: float, name: str) -> None:
        self._free = threading.Semaphore(most)
        self._timeout = timeout
        self._name = name

    async def call(self, function: Callable[[], T]) -> T:
        """Return what `function` returns, or raise what it raises. Raise TimeoutError if it takes too long, or if
        too many calls are in flight.

        It runs in a daemon thread and not in a pool, because a process waits for a pool's threads at its end.
        """
        result: Future[T] = Future()
        if not self._free.acquire(blocking=False):
            raise TimeoutError

        def work() -> None:
            result.set_running_or_notify_cancel()
            try:
                result.set_result(function())
            except Exception as error:
                result.set_exception(error)
            finally:
                self._free.release()

        threading.Thread(target=work, name=self._name, daemon=True).start()
        async with asyncio.timeout(self._timeout):  # wait_for can swallow a cancellation, on Python 3.11
            return await asyncio.wrap_future(result)
