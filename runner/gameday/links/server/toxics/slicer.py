"""Toxic `slicer`: cuts data into slices of `average_size` ± `size_variation` bytes, `delay`
microseconds apart."""

from __future__ import annotations

import random
import time
from collections import deque
from dataclasses import dataclass

from gameday.links.server.toxics.toxic_stage import Attributes, Holding, Line, Timer


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

    def draw(self) -> int:
        """Return the size of one slice in bytes, at least 1."""
        variation = random.randint(-self.size_variation, self.size_variation)  # noqa: S311
        return max(1, self.average_size + variation)


class SlicerStage(Holding):
    """Pass one slice per turn of the loop: two in one turn would leave as one packet."""

    def __init__(self, line: Line, attributes: Slicer) -> None:
        super().__init__(line)
        self._attributes = attributes
        self._delay_s = max(0, attributes.delay) / 1e6
        self._chunks: deque[bytes] = deque()
        self._offset = 0
        self._ended = False
        self._due = 0.0
        self._timer = Timer(line.loop, self._pass_slice)

    def feed(self, data: bytes) -> None:
        self._chunks.append(data)
        self.hold(len(data))
        self._go_on()

    def eof(self) -> None:
        self._ended = True
        self._go_on()

    def release(self) -> None:
        self._timer.cancel()
        while self._chunks:
            self._pass(len(self._chunks[0]))
        if self._ended:
            self.next.eof()

    def dropped(self) -> None:
        self._timer.cancel()
        self._chunks.clear()

    def _go_on(self) -> None:
        if not self._timer.armed:
            self._due = max(self._due, time.monotonic())
            self._timer.arm(self._due)

    def _pass_slice(self) -> None:
        if self._chunks:
            self._pass(self._attributes.draw())
            self._due += self._delay_s
        if self._chunks:
            self._timer.arm(self._due)
        elif self._ended:
            self.next.eof()

    def _pass(self, size: int) -> None:
        chunk = self._chunks[0]
        part = chunk[self._offset : self._offset + size]
        self._offset += len(part)
        if self._offset >= len(chunk):
            self._chunks.popleft()
            self._offset = 0
        self.next.feed(part)
        self.let_go(len(part))
