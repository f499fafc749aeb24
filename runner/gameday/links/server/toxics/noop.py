"""Toxic `noop`: passes everything on; the real server has it, and its clients' tests use it."""

from __future__ import annotations

from dataclasses import dataclass

from gameday.links.server.toxics.toxic_stage import Attributes, Line, Stage


@dataclass(frozen=True)
class Noop(Attributes):
    def stage(self, line: Line) -> Stage:
        return Stage(line)
