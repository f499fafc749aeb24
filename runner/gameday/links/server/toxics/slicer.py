"""Toxic `slicer`: cuts data into slices of about `average_size` bytes, `delay` microseconds apart.

A chunk of at most 32 KB is halved, ± `size_variation`, until each slice is at most `average_size` + `size_variation` bytes
long, as the real server does. So most slices are shorter than `average_size`.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from gameday.links.server.toxics.toxic_stage import READ_BYTES, Attributes, Holding, Line, Timer


@dataclass(frozen=True)
class Slicer(Attributes):
    average_size: int = 0
    size_variation: int = 0
    delay: int = 0

    def problem(self) -> str | None:
        # The real server crashes on these.
        if self.average_size < 1:
            return "average_size must be at least 1"
        if self.size_variation < 0:
            return "size_variation must not be negative"
        return None

    def stage(self, line: Line) -> SlicerStage:
        return SlicerStage(line, self)

    def slices(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield the (start, end) of each slice of a chunk, in order; none is empty."""
        if end - start <= self.average_size + self.size_variation:
            yield start, end
            return
        variation = random.randint(-self.size_variation, self.size_variation)  # noqa: S311
        middle = min(max(start + (end - start) // 2 + variation, start + 1), end - 1)
        yield from self.slices(start, middle)
        yield from self.slices(middle, end)


class SlicerStage(Holding):
    """Pass one slice, then wait for `delay`: two in one turn of the loop would leave as one packet."""

    def __init__(self, line: Line, attributes: Slicer) -> None:
        super().__init__(line)
        self._attributes = attributes
        self._delay_s = max(0, attributes.delay) / 1e6
        self._slices: deque[memoryview] = deque()
        self._ended = False
        self._due = 0.0
        self._timer = Timer(line.loop, self._pass_slice)

    def feed(self, data: bytes) -> None:
        view = memoryview(data)
        for begin in range(0, len(data), READ_BYTES):
            chunk = view[begin : begin + READ_BYTES]
            self._slices.extend(chunk[start:end] for start, end in self._attributes.slices(0, len(chunk)))
        self.hold(len(data))
        self._go_on()

    def eof(self) -> None:
        self._ended = True
        self._go_on()

    def release(self) -> None:
        self._timer.cancel()
        while self._slices:
            self._pass()
        if self._ended:
            self.next.eof()

    def dropped(self) -> None:
        self._timer.cancel()
        self._slices.clear()

    def _go_on(self) -> None:
        if not self._timer.armed:
            self._timer.arm(self._due)

    def _pass_slice(self) -> None:
        if self._slices:
            self._pass()
            self._due = time.monotonic() + self._delay_s
        elif self._ended:
            self.next.eof()
            return
        if self._slices or self._ended:
            self._timer.arm(self._due)

    def _pass(self) -> None:
        part = bytes(self._slices.popleft())
        self.next.feed(part)
        self.let_go(len(part))
