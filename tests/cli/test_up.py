"""`gameday up` on fakes, and systems that outlive a trial."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gameday.cli.up import _bring_up
from gameday.execution.system_reuse import SystemReuse
from gameday.system.system import System


def test_closing_does_not_wait_for_a_bring_up(capsys: pytest.CaptureFixture[str]) -> None:
    """Closing doesn't wait for a bring-up that takes minutes; the teardown ends it."""
    free, asked = threading.Event(), threading.Event()
    asked.set()
    try:
        _bring_up(cast(System, SimpleNamespace(bring_up=free.wait)), asked)
        assert not free.is_set()
    finally:
        free.set()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("left", "dismissed"), [((), True), (("container x",), False)])
def test_the_reaper_stays_if_something_is_left(left: Sequence[str], dismissed: bool, tmp_path: Path) -> None:
    """The reaper is dismissed only if nothing is left."""
    results: list[bool] = []
    kept = SystemReuse()
    kept.reaper = cast(Any, SimpleNamespace(dismiss=lambda: results.append(True)))
    operator = cast(Any, SimpleNamespace(take_down=lambda: left))
    kept.operator(
        cast(Any, None), lambda *parts: operator, tmp_path / "work", *cast(Any, (None, None, print))
    )
    kept.finish()
    assert results == [True] * dismissed
