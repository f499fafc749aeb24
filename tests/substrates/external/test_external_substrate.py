"""The external substrate: it waits for the system, and says why it isn't ready."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from gameday.execution.own.own_wiring import own_topology
from gameday.ports import PortError
from gameday.scenario import System
from gameday.substrates.external.external_substrate import ExternalSubstrate
from tests.support.own_application import application


def substrate(port: int, tmp_path: Path, within: str = "300ms", **ready: object) -> ExternalSubstrate:
    """Return the substrate of an application at that port."""
    spec = System.model_validate(
        {
            "external": {"target": f"http://127.0.0.1:{port}", "release": "v1"},
            "ready": {"within": within, **ready},
            "folder": str(tmp_path),
        }
    )
    return ExternalSubstrate("r1", own_topology(spec), spec, tmp_path)


def test_it_is_open_once_the_probe_answers(tmp_path: Path) -> None:
    """The entrance is the target's, and each service counts as one instance of its release."""
    with application(tmp_path) as (port, _):
        opened = substrate(port, tmp_path, "60s")
        opened.open()
        assert opened.entrance() == ("127.0.0.1", port)
    assert [(one.id, one.release) for one in opened.instances()] == [("local.app.1", "v1")]
    opened.ship("c1", None, "app", "v2")
    assert [(one.id, one.release) for one in opened.instances()] == [("local.app.2", "v2")]


def test_an_unreachable_target_is_named(tmp_path: Path) -> None:
    """The error says where, within what time, and why."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(PortError, match=rf"127.0.0.1:{port} wasn't ready within 0.3 s: .*refused"):
        substrate(port, tmp_path).open()


def test_a_status_that_is_not_ready_is_named(tmp_path: Path) -> None:
    """A probe that answers with an error isn't ready; once the wait is cancelled, it ends without an error."""
    with application(tmp_path) as (port, release):
        release.write_text("v2\n", encoding="utf-8")
        with pytest.raises(PortError, match="/health answers with status 500"):
            substrate(port, tmp_path, probe="/health").open()
        cancelled = threading.Event()
        cancelled.set()
        substrate(port, tmp_path, "60s").await_ready(cancelled)


def test_a_command_can_say_when_it_is_ready(tmp_path: Path) -> None:
    """Its exit status counts, and its log is the reason."""
    substrate(1, tmp_path, command=["true"]).open()
    with pytest.raises(PortError, match="pods are pending"):
        substrate(1, tmp_path, command=["sh", "-c", "echo pods are pending; exit 1"]).open()
