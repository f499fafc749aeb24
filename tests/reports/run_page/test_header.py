"""The head of a run's page: what ran where."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gameday_reports.run_page.render import render
from gameday_reports.run_page.run_data import read
from tests.support import sample_run


@pytest.mark.parametrize("shipped", [True, False], ids=["with a deploy", "without a deploy"])
def test_a_real_toxiproxy_is_named(shipped: bool, tmp_path: Path) -> None:
    """The page says which link server ran, and that deploys dropped connections only if there were any."""
    folder = sample_run.bad_deploy(tmp_path / "run")
    journal = folder / "journal.jsonl"
    lines = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    lines[0]["data"]["links"] = "/opt/toxiproxy-server"
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    outcome = json.loads((folder / "outcome.json").read_text(encoding="utf-8"))
    if not shipped:
        outcome["changes"] = []
        (folder / "outcome.json").write_text(json.dumps(outcome), encoding="utf-8")
    page = render(read(folder))
    assert "a real Toxiproxy (/opt/toxiproxy-server)" in page
    assert ("each deploy moved their upstreams" in page) is shipped
