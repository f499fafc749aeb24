"""`all` for assertions: false of nothing, so that an empty sequence can't pass a test."""

from __future__ import annotations

from collections.abc import Iterable


def nonempty_all(values: Iterable[object]) -> bool:
    """Return True if there are values and all are true; `all` returns True if there is none."""
    listed = list(values)
    return bool(listed) and all(listed)
