"""gameday.execution.system_reuse: a process that makes many runs holds nothing of those that are over."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from gameday.execution.system_reuse import SystemReuse, wanted
from gameday.reaper.runner_claim import claimed
from gameday.scenario import Scenario
from tests.support.scenarios import SMALL, read


class FakeDeployer:
    """A deployer of a system that is always taken down whole."""

    def take_down(self) -> tuple[str, ...]:
        return ()

    def reset(self, *_: Any) -> None:
        """Do nothing: nothing was changed."""


def operate(kept: SystemReuse, scenario: Scenario, folder: Path) -> None:
    """Begin a run of the scenario in this folder."""
    kept.reaper.watch(folder.name, folder, "process")
    nothing: Any = None
    kept.operator(wanted(scenario), lambda *_: FakeDeployer(), folder / "work", nothing, nothing, nothing)  # type: ignore[arg-type]


def test_only_the_run_whose_system_is_up_stays_claimed(tmp_path: Path) -> None:
    """After a run, the run that brought the kept system up is claimed, and no other; file handles don't add up."""
    scenario, kept = read(SMALL, tmp_path), SystemReuse()
    runs = [tmp_path / f"20260101-00000{number}-{os.getpid() % 65536:04x}" for number in range(4)]
    handles = []
    for run in runs:
        run.mkdir()
        operate(kept, scenario, run)
        assert claimed(run.name)
        kept.release()
        handles.append(len(list(Path("/proc/self/fd").iterdir())))
    assert [claimed(run.name) for run in runs] == [True, False, False, False]
    assert handles[1:] == [handles[1]] * 3
    kept.close()
    kept.release()
    assert not claimed(runs[0].name)
    kept.finish()
