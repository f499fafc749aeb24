"""Toxic `limit_data`: passes `bytes` bytes on each connection, then closes it; a changed limit
counts earlier bytes."""

from __future__ import annotations

from dataclasses import dataclass

from gameday.links.server.toxics.toxic_stage import Attributes, Line, Stage


@dataclass(frozen=True)
class LimitData(Attributes):
    bytes: int = 0

    def stage(self, line: Line) -> LimitDataStage:
        return LimitDataStage(line, self)


class LimitDataStage(Stage):
    def __init__(self, line: Line, attributes: LimitData) -> None:
        super().__init__(line)
        self._limit = attributes.bytes
        self._passed = 0
        self._over = False

    def feed(self, data: bytes) -> None:
        part = data[: max(0, self._limit - self._passed)]
        if part:
            self._passed += len(part)
            self.next.feed(part)
        if self._passed >= self._limit and not self._over:
            self._over = True
            self.cut()

    def inherit(self, before: Stage) -> None:
        if isinstance(before, LimitDataStage):
            self._passed = before._passed
