"""Toxic `timeout`: drops all data, and closes the connection `timeout` milliseconds after the last
of it; 0 never closes.

Removing the toxic closes the connections that lost data.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from gameday.links.server.toxics.toxic_stage import Attributes, Line, Stage, Timer


@dataclass(frozen=True)
class Timeout(Attributes):
    timeout: int = 0

    def stage(self, line: Line) -> TimeoutStage:
        return TimeoutStage(line, self)


class TimeoutStage(Stage):
    def __init__(self, line: Line, attributes: Timeout) -> None:
        super().__init__(line)
        self._timeout_s = attributes.timeout / 1000
        self._timer = Timer(line.loop, self.cut)
        self._restart()

    def feed(self, data: bytes) -> None:
        self._restart()

    def eof(self) -> None:
        self.cut()

    def release(self) -> None:
        self._timer.cancel()

    def removed(self) -> None:
        self.cut()

    def dropped(self) -> None:
        self._timer.cancel()

    def _restart(self) -> None:
        if self._timeout_s > 0:
            self._timer.arm(time.monotonic() + self._timeout_s)
