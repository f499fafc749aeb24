"""What a system lacks of its services, and who starts it: nobody what another one starts, and until it works."""

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
"""Before an instance that died is started again; the last one from then on."""
POLL_S = 0.1


class Vacancies:
    """`lacking` counts the instances that a place lacks, none where none is wanted; `start` starts one, or PortError.

    `closing` is set when nothing more is to be started, `note` is told why a start failed. Safe from any thread.
    """

    def __init__(
        self,
        lacking: Callable[[Place], int],
        start: Callable[[Place], object],
        closing: threading.Event,
        note: Callable[[str], None],
    ) -> None:
        self._lacking = lacking
        self._start = start
        self._closing = closing
        self._note = note
        self._changed = threading.Condition()
        self._starting: Counter[Place] = Counter()
        self._deaths: Counter[Place] = Counter()
        self._retrying: set[Place] = set()

    def fill(self, place: Place) -> bool:
        """Starts what is missing there and nobody else starts, and waits for those who do; whether it started any.

        Raises the first error, as a PortError, when all that it started is over.
        """
        missing = self._claim(place)
        if not missing:
            return False
        left = [place] * missing
        try:
            with ThreadPoolExecutor(missing, thread_name_prefix="fill") as pool:
                futures = [pool.submit(self._start_one, left) for _ in range(missing)]
        except RuntimeError as error:  # no thread can be had
            raise PortError(f"{'.'.join(place)}: {error}") from error
        finally:
            while left:  # those that never began
                self._release(left.pop())
        for future in futures:
            future.result()
        self.settle(place)
        return True

    def _start_one(self, left: list[Place]) -> None:
        place = left.pop()
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
        """One is being started there in place of another: should that one die meanwhile, it isn't missing."""
        with self._changed:
            self._starting[place] += 1
        try:
            yield
        finally:
            self._release(place)

    def settle(self, place: Place) -> None:
        """Waits until nobody starts anything there, or nothing more is to be started at all."""
        with self._changed:
            while self._starting[place] and not self._closing.is_set():
                self._changed.wait(POLL_S)

    def starting(self, place: Place) -> int:
        """How many are being started there."""
        return self._starting[place]

    def refill(self, place: Place) -> None:
        """After a death there: later each time, and again, by one caller for each place, until nothing is missing."""
        with self._changed:
            self._deaths[place] += 1
            times = self._deaths[place]
        if self._closing.wait(_pause(times)):
            return
        try:
            self.fill(place)
        except PortError as error:
            with self._changed:
                if place in self._retrying:
                    return
                self._retrying.add(place)
            self._insist(place, times, error)

    def forgive(self) -> None:
        """Deaths till now make nobody wait any longer."""
        self._deaths.clear()

    def _claim(self, place: Place) -> int:
        """How many of it are the caller's to start; 0 once none is missing and nobody starts any."""
        with self._changed:
            while True:
                starting = self._starting[place]
                missing = self._lacking(place) - starting
                if missing > 0:
                    self._starting[place] += missing
                    return missing
                if not starting:
                    return 0
                self._changed.wait(POLL_S)

    def _insist(self, place: Place, times: int, error: PortError) -> None:
        try:
            self._note(f"restart of {'.'.join(place)}, tried again until it works: {error}")
            while not self._closing.wait(_pause(times := times + 1)):
                with suppress(PortError):
                    self.fill(place)
                    with self._changed:
                        if not self._starting[place] and self._lacking(place) <= 0:
                            return
        finally:
            with self._changed:
                self._retrying.discard(place)


def _pause(times: int) -> float:
    return BACK_OFF_S[min(times, len(BACK_OFF_S)) - 1]
