"""`gameday up` on fakes, and what outlives a trial."""

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


def test_who_asks_for_the_end_waits_for_no_start(capsys: pytest.CaptureFixture[str]) -> None:
    """A bring-up that takes minutes is left alone; taking down ends it."""
    free, asked = threading.Event(), threading.Event()
    asked.set()
    try:
        _bring_up(cast(System, SimpleNamespace(bring_up=free.wait)), asked)
        assert not free.is_set()
    finally:
        free.set()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("left", "dismissed"), [((), True), (("container x",), False)])
def test_what_is_left_at_last_is_the_reaper_s(left: Sequence[str], dismissed: bool, tmp_path: Path) -> None:
    """It is dismissed only where nothing is."""
    results: list[bool] = []
    kept = SystemReuse()
    kept.reaper = cast(Any, SimpleNamespace(dismiss=lambda: results.append(True)))
    operator = cast(Any, SimpleNamespace(take_down=lambda: left))
    kept.operator(
        cast(Any, None), lambda *parts: operator, tmp_path / "work", *cast(Any, (None, None, print))
    )
    kept.finish()
    assert results == [True] * dismissed
