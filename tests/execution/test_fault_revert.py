"""Revert of faults from a journal alone, on a real link server whose runner is gone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gameday.execution import library
from gameday.execution.fault_revert import revert_faults
from gameday.ports import PortError
from gameday.reaper.journal_closing import JOURNAL
from gameday.recording.journal import Journal, read_journal
from gameday.recording.journal_events import FaultFailed, FaultIntended, JournalEvent, LinkServerReady
from tests.support.link_servers import Server, running

DOWN = "us-east.catalog--pricing"
SLOW = "us-east.gateway--catalog"
LINK_DOWN = {
    "kind": "link.down",
    "spec": {"link": {"from": "catalog", "to": "pricing"}},
    "chosen": {"mark": "gameday-link-down-1", "links": [DOWN]},
}
LATENCY = {
    "kind": "link.latency",
    "spec": {"link": {"from": "gateway", "to": "catalog"}, "latency": "400ms", "direction": "both"},
    "chosen": {"mark": "gameday-link-latency-2", "links": [SLOW]},
}
PAUSE = {
    "kind": "instance.pause",
    "spec": {"service": "pricing"},
    "chosen": {"instances": ["us-east.pricing.1"]},
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as started:
        yield started


def fault(name: str, undo: dict[str, Any]) -> FaultIntended:
    return FaultIntended(name, kind=str(undo.get("kind", "bad-deploy")), target="somewhere", undo=undo)


class DeadRun:
    """The folder of a run whose runner was killed, and the proxies that its link server still has."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.folder, self.server = folder, server
        server.ask("POST", "/populate", [self._proxy(DOWN), self._proxy(SLOW)])
        server.ask("POST", f"/proxies/{DOWN}", {"enabled": False})
        for stream in ("upstream", "downstream"):
            self._add_toxic(f"gameday-link-latency-2-{stream}", stream)
        self._add_toxic("mine", "downstream")
        scenario = library.read(library.find("good-release"))
        (folder / "scenario.yaml").write_text(yaml.safe_dump(scenario.document()), encoding="utf-8")

    def _proxy(self, name: str) -> dict[str, object]:
        return {"name": name, "listen": "127.0.0.1:0", "upstream": "127.0.0.1:9", "enabled": True}

    def _add_toxic(self, name: str, stream: str) -> None:
        toxic = {"name": name, "type": "latency", "stream": stream, "attributes": {"latency": 400}}
        assert self.server.ask("POST", f"/proxies/{SLOW}/toxics", toxic).status_code == 200

    def journal(self, *events: JournalEvent, port: int | None = None) -> None:
        """Write a journal with these events, cut short in the middle of a line."""
        journal = Journal(self.folder / JOURNAL)
        ready = LinkServerReady("us-east", host="127.0.0.1", port=port or self.server.port)
        for event in (ready, *events):
            journal.append(event.at(1.0))
        journal.close()
        with (self.folder / JOURNAL).open("a") as file:
            file.write('{"t":2.0,"kind":"po')

    def reverted(self) -> list[str]:
        return [
            event.subject for event in read_journal(self.folder / JOURNAL) if event.kind == "fault.reverted"
        ]

    def links(self) -> tuple[bool, list[str]]:
        """Return whether the cut link is enabled, and the toxics of the slow one."""
        proxies = self.server.ask("GET", "/proxies").json()
        return proxies[DOWN]["enabled"], sorted(toxic["name"] for toxic in proxies[SLOW]["toxics"])


@pytest.fixture
def dead_run(tmp_path: Path, server: Server) -> Iterator[DeadRun]:
    yield DeadRun(tmp_path, server)
    for name in (DOWN, SLOW):
        server.ask("DELETE", f"/proxies/{name}")


def test_active_faults_are_reverted_and_journalled(dead_run: DeadRun) -> None:
    """The latest is reverted first, after the incomplete line was cut; a toxic that isn't a fault's
    stays."""
    dead_run.journal(fault("f1", LINK_DOWN), fault("f2", LATENCY))
    result = revert_faults(dead_run.folder)
    assert result.reverted == ["f2 (link.latency on somewhere)", "f1 (link.down on somewhere)"]
    assert result.left == []
    assert dead_run.links() == (True, ["mine"])
    assert dead_run.reverted() == ["f2", "f1"]


def test_reverting_twice_changes_nothing(dead_run: DeadRun) -> None:
    """A fault that is reverted on disk isn't touched, since another tool may have cut the link since."""
    dead_run.journal(fault("f1", LINK_DOWN))
    revert_faults(dead_run.folder)
    dead_run.server.ask("POST", f"/proxies/{DOWN}", {"enabled": False})
    assert revert_faults(dead_run.folder).reverted == []
    assert dead_run.links()[0] is False
    assert dead_run.reverted() == ["f1"]


def test_an_interrupted_revert_can_be_repeated(dead_run: DeadRun) -> None:
    """If the process died between mending the link and journalling it, the next call journals the
    revert."""
    dead_run.journal(fault("f1", LINK_DOWN))
    dead_run.server.ask("POST", f"/proxies/{DOWN}", {"enabled": True})
    assert revert_faults(dead_run.folder).reverted == ["f1 (link.down on somewhere)"]
    assert dead_run.reverted() == ["f1"]


def test_a_fault_that_failed_is_not_active(dead_run: DeadRun) -> None:
    """A fault is reverted when it fails."""
    dead_run.journal(fault("f1", LINK_DOWN), FaultFailed("f1", why="refused"))
    assert revert_faults(dead_run.folder).reverted == []
    assert dead_run.links()[0] is False


@pytest.mark.parametrize(
    ("undo", "why"),
    [
        (PAUSE, "only the runner could revert it"),
        ({"rollback": "c1"}, "only a rollback reverts it"),
        ({"kind": "of.another.plugin", "spec": {}, "chosen": {}}, "its undo can't be read"),
    ],
)
def test_what_cannot_be_reverted_is_left(dead_run: DeadRun, undo: dict[str, Any], why: str) -> None:
    """It is named with its reason, the other faults are reverted, and it stays active in the journal."""
    dead_run.journal(fault("f1", LINK_DOWN), fault("f2", undo))
    result = revert_faults(dead_run.folder)
    assert result.reverted == ["f1 (link.down on somewhere)"]
    assert len(result.left) == 1
    assert why in result.left[0]
    assert dead_run.reverted() == ["f1"]


def test_a_link_server_that_is_gone_leaves_the_fault_active(dead_run: DeadRun) -> None:
    """A fault that wasn't reverted isn't journalled as reverted."""
    dead_run.journal(fault("f1", LINK_DOWN), port=9)
    assert "f1 (link.down on somewhere): link server 127.0.0.1:9" in revert_faults(dead_run.folder).left[0]
    assert dead_run.reverted() == []


def test_a_folder_without_a_journal_is_an_error(tmp_path: Path) -> None:
    """The message names the run."""
    with pytest.raises(PortError, match=f"the faults of {tmp_path.name} can't be reverted: .*No such file"):
        revert_faults(tmp_path)
