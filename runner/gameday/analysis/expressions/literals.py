"""Literals: numbers with units in expectations (`5s`, `300ms`, `2%`), rewritten to what CEL reads.

Seconds and ratios become doubles, and so does every other number, since CEL doesn't compare a double with an integer.
Quoted text and comments stay as they are. Positions in the rewritten text can be mapped to the original.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any

UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "%": 0.01}
TOKEN = re.compile(
    r"""
    (?P<text> [bBrR]{0,2} (?: \"\"\" .*? \"\"\" | ''' .*? ''' | "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' ) )
  | (?P<comment> //[^\n]* )
  | (?P<name> [A-Za-z_]\w* )
  | (?P<number> (?:[0-9]+(?:\.[0-9]+)? | \.[0-9]+) (?:[eE][-+]?[0-9]+)? )
    (?P<unit> [A-Za-z_]\w* | %(?!\s*[\w(.\["']) )?
  | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)


class ExpressionError(ValueError):
    """An invalid expression; `at` counts characters from 0. The text is 'message\\nhint'."""

    def __init__(self, message: str, at: int, hint: str = "") -> None:
        super().__init__(f"{message}\n{hint}" if hint else message)
        self.at = at


class UnitError(ValueError):
    """A number has an unknown unit; `at` is its offset in the text."""

    def __init__(self, unit: str, at: int) -> None:
        super().__init__(f"unknown unit {unit!r}\nknown are {', '.join(UNITS)}")
        self.at = at


@dataclass
class Rewritten:
    """CEL text, with the origin of its pieces: (offset here, offset in the original), ascending."""

    text: str = ""
    origins: list[tuple[int, int]] = field(default_factory=list)

    def add(self, piece: str, origin: int) -> None:
        self.origins.append((len(self.text), origin))
        self.text += piece

    def origin(self, offset: int) -> int:
        """Return the offset in the original of the token at `offset`."""
        index = bisect_right(self.origins, (offset, float("inf"))) - 1
        return self.origins[index][1] if index >= 0 else offset

    def origin_of(self, node: Any) -> int:
        """Return the offset in the original of a node of the tree that was parsed from the text."""
        return self.origin(node.meta.start_pos if not node.meta.empty else 0)

    def offset(self, line: int, column: int) -> int:
        """Return the offset of a position; lines and columns count from 1."""
        lines = self.text.splitlines(keepends=True)
        return sum(map(len, lines[: line - 1])) + column - 1


def rewrite(expression: str) -> Rewritten:
    """Rewrite `ttd < 5s` to `ttd < 5.0`. Raise UnitError for an unknown unit."""
    result = Rewritten()
    for token in TOKEN.finditer(expression):
        if token["number"] is None:
            result.add(token[0], token.start())
            continue
        unit = token["unit"]
        if unit is not None and unit not in UNITS:
            raise UnitError(unit, token.start("unit"))
        value = float(token["number"]) * UNITS.get(unit or "s", 1.0)
        result.add(_double(value), token.start())
    result.add("", len(expression))
    return result


def _double(value: float) -> str:
    """Return a CEL double, which needs a point or an exponent. Twelve digits hide the rounding of 99.9 × 0.01."""
    text = f"{value:.12g}"
    return text if "." in text or "e" in text else text + ".0"
