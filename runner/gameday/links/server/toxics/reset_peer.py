"""Toxic `reset_peer`: resets both sides of the connection `timeout` milliseconds after the first
data or end; 0 means at once."""

from __future__ import annotations

import time
from dataclasses import dataclass

from gameday.links.server.toxics.toxic_stage import Attributes, Line, Stage, Timer


@dataclass(frozen=True)
class ResetPeer(Attributes):
    timeout: int = 0

    def stage(self, line: Line) -> ResetPeerStage:
        return ResetPeerStage(line, self)


class ResetPeerStage(Stage):
    resets = True

    def __init__(self, line: Line, attributes: ResetPeer) -> None:
        super().__init__(line)
        self._timeout_s = attributes.timeout / 1000
        self._timer = Timer(line.loop, line.reset)

    def feed(self, data: bytes) -> None:
        self._start()

    def eof(self) -> None:
        self._start()

    def release(self) -> None:
        # Data is already lost to this reset, so it can't be taken back.
        if self._timer.armed:
            self._timer.cancel()
            self.line.reset()

    def dropped(self) -> None:
        self._timer.cancel()

    def _start(self) -> None:
        if self._timeout_s <= 0:
            self.line.reset()
        elif not self._timer.armed:
            self._timer.arm(time.monotonic() + self._timeout_s)
