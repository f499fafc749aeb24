"""Rules over many files: one test for each rule, which fails with all offenders."""

from __future__ import annotations

from collections.abc import Iterable


def refuse(offenders: Iterable[str]) -> None:
    """Fail with all offenders, one a line."""
    lines = list(offenders)
    assert not lines, "\n" + "\n".join(lines)
