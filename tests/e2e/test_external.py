"""A whole run against an application that gameday didn't start, with its own deploy and rollback commands."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.own_application import SCENARIO, application
from tests.support.whole_runs import GAMEDAY, finished

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


def test_a_bad_deploy_of_ones_own_application_is_found_and_rolled_back(tmp_path: Path) -> None:
    """The run has all clocks and a report; the application runs its first release again, and goes on running."""
    with application(tmp_path) as (port, release):
        scenario, out = tmp_path / "bad.yaml", tmp_path / "runs"
        scenario.write_text(SCENARIO.replace("PORT", str(port)), encoding="utf-8")
        command = [*GAMEDAY, "run", str(scenario), "--out", str(out)]
        process = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
        run = finished(out, process.returncode, process.stderr + process.stdout)
        assert release.read_text(encoding="utf-8") == "v1\n"
    assert run.status == 0
    assert (run.outcome["ttd_state"], run.outcome["ttr_state"]) == ("measured", "measured")
    assert [event.data["release"] for event in run.events("change.started")] == ["v2", "v1"]
    assert (run.folder / "samples" / "saved.jsonl").read_text(encoding="utf-8").count('"id": 3') > 50
    audit = run.outcome["audit"]
    assert (audit["acknowledged"], audit["lost"], audit["duplicated"]) == (1, 0, 1)
