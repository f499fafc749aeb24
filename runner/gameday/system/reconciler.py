"""Reconciler: starts the instances that a system lacks, one thread per instance, with back-off after failures."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

from gameday.ports import PortError

Place = tuple[str, str]
"""(region, service)."""

BACK_OFF_S = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Waits before the restarts of a place after its first, second, … death; the last wait repeats."""
POLL_S = 0.1


class Reconciler:
    """Reconcile running instances with the desired count. Thread-safe.

    Only one thread starts a given instance; failed starts are retried with back-off.
    """

    def __init__(
        self,
        count_missing: Callable[[Place], int],
        start: Callable[[Place], object],
        closing: threading.Event,
        note: Callable[[str], None],
    ) -> None:
        """`count_missing` returns how many instances a place lacks, 0 if none is wanted there. `start` starts one or
        raises PortError. Once `closing` is set nothing more is started. `note` takes the text of a failed restart.
        """
        self._count_missing = count_missing
        self._start = start
        self._closing = closing
        self._note = note
        self._changed = threading.Condition()
        self._starting: Counter[Place] = Counter()
        self._deaths: Counter[Place] = Counter()
        self._retrying: set[Place] = set()

    def fill(self, place: Place) -> bool:
        """Start what the place lacks and wait for starts by other threads; return True if this call started any.

        Raise the first failure as PortError, once all starts of this call are over.
        """
        missing = self._claim_missing(place)
        if not missing:
            return False
        unclaimed = [place] * missing
        try:
            with ThreadPoolExecutor(missing, thread_name_prefix="fill") as pool:
                futures = [pool.submit(self._start_one, unclaimed) for _ in range(missing)]
        except RuntimeError as error:  # the machine has no more threads
            raise PortError(f"{'.'.join(place)}: {error}") from error
        finally:
            while unclaimed:  # starts that never began
                self._release(unclaimed.pop())
        for future in futures:
            future.result()
        self.await_starts(place)
        return True

    def _start_one(self, unclaimed: list[Place]) -> None:
        place = unclaimed.pop()
        try:
            self._start(place)
        except (OSError, RuntimeError) as error:
            raise PortError(f"{'.'.join(place)}: {type(error).__name__}: {error}") from error
        finally:
            self._release(place)

    def _release(self, place: Place) -> None:
        with self._changed:
            self._starting[place] -= 1
            self._changed.notify_all()

    @contextmanager
    def replacing(self, place: Place) -> Iterator[None]:
        """Count one instance of the place as starting while the block replaces it: its death leaves none missing."""
        with self._changed:
            self._starting[place] += 1
        try:
            yield
        finally:
            self._release(place)

    def await_starts(self, place: Place) -> None:
        """Wait until no thread starts anything at the place; return at once if the system is closing."""
        with self._changed:
            while self._starting[place] and not self._closing.is_set():
                self._changed.wait(POLL_S)

    def restart(self, place: Place) -> None:
        """Fill the place after a death, with back-off. If that fails, one thread retries until nothing is missing."""
        with self._changed:
            self._deaths[place] += 1
            deaths = self._deaths[place]
        if self._closing.wait(_back_off(deaths)):
            return
        try:
            self.fill(place)
        except PortError as error:
            with self._changed:
                if place in self._retrying:
                    return
                self._retrying.add(place)
            self._retry(place, deaths, error)

    def reset_back_off(self) -> None:
        """Forget all deaths: the next restart of a place waits the shortest time again."""
        self._deaths.clear()

    def _claim_missing(self, place: Place) -> int:
        """Claim what the place lacks for this thread and return its number; 0 once nothing is missing or starting."""
        with self._changed:
            while True:
                starting = self._starting[place]
                missing = self._count_missing(place) - starting
                if missing > 0:
                    self._starting[place] += missing
                    return missing
                if not starting:
                    return 0
                self._changed.wait(POLL_S)

    def _retry(self, place: Place, deaths: int, error: PortError) -> None:
        try:
            self._note(f"restart of {'.'.join(place)} failed and is retried: {error}")
            while not self._closing.wait(_back_off(deaths := deaths + 1)):
                with suppress(PortError):
                    self.fill(place)
                    with self._changed:
                        if not self._starting[place] and self._count_missing(place) <= 0:
                            return
        finally:
            with self._changed:
                self._retrying.discard(place)


def _back_off(deaths: int) -> float:
    return BACK_OFF_S[min(deaths, len(BACK_OFF_S)) - 1]
