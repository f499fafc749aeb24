"""Toxic `slow_close`: delays the end of the stream by `delay` milliseconds; data passes at once."""

from __future__ import annotations

import time
from dataclasses import dataclass

from gameday.links.server.toxics.toxic_stage import Attributes, DelayLine, Line


@dataclass(frozen=True)
class SlowClose(Attributes):
    delay: int = 0

    def stage(self, line: Line) -> SlowCloseStage:
        return SlowCloseStage(line, self)


class SlowCloseStage(DelayLine):
    def __init__(self, line: Line, attributes: SlowClose) -> None:
        super().__init__(line)
        self._delay_s = attributes.delay / 1000

    def feed(self, data: bytes) -> None:
        self.next.feed(data)

    def eof(self) -> None:
        self.push(time.monotonic() + self._delay_s, None)
