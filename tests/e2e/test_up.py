"""The system without a run, for exploration."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import requests

from tests.support.whole_runs import GAMEDAY, processes_of

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


def test_the_shop_is_there_till_it_is_taken_down(room: Path) -> None:
    """The shop answers at the printed address; `down` removes everything, and a second `down` finds
    nothing."""
    out = room / "runs"
    command = [*GAMEDAY, "up", "--substrate", "process", "--out", str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as shop:
        try:
            assert shop.stdout is not None
            address = shop.stdout.readline().strip()
            with requests.Session() as session:
                session.trust_env = False
                assert session.get(address, timeout=10).json()["id"] == 1
            (run,) = (path.name for path in out.iterdir())
            assert processes_of(run)
            subprocess.run([*GAMEDAY, "down"], check=True, capture_output=True, timeout=30)
            assert shop.wait(60) == 0
        finally:
            shop.terminate()
    assert processes_of(run) == []
    assert not (out / run / "work").exists()
    assert subprocess.run([*GAMEDAY, "down"], check=False, capture_output=True, timeout=30).returncode == 2
