"""The command: it runs without the rest of the package, starts quickly, and ends on SIGTERM."""

from __future__ import annotations

import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import sys

import gameday.links.server
from tests.support.link_servers import PATIENCE_S, Server, Upstream, echo_of, running

PACKAGE = pathlib.Path(gameday.links.server.__file__).parent


def test_it_runs_from_a_copy_without_the_rest_of_the_runner(tmp_path: pathlib.Path) -> None:
    """The command runs from its package and two empty `__init__` files, which is all that the
    container image holds."""
    shutil.copytree(PACKAGE, tmp_path / "gameday/links/server", ignore=shutil.ignore_patterns("__pycache__"))
    for package in ("gameday", "gameday/links"):
        (tmp_path / package / "__init__.py").touch()
    code = "import sys, gameday.links.server.__main__; print(*sys.modules)"
    environment = {"PYTHONPATH": str(tmp_path), "PATH": os.environ["PATH"]}
    loaded = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
    ).stdout.split()
    assert "gameday.links.server.toxiproxy_api" in loaded
    assert [name for name in loaded if name.startswith("gameday") and "links" not in name] == ["gameday"]
    assert not {"aiohttp", "starlette", "pydantic", "requests"} & set(loaded)


def test_its_start_costs_little() -> None:
    """The command uses less than half a second of processor time up to the end of --help, since one
    runs in every region."""
    start = [sys.executable, "-m", "gameday.links.server", "--help"]
    subprocess.run(
        start, check=True, capture_output=True, timeout=PATIENCE_S
    )  # what is compiled is compiled once
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(start, check=True, capture_output=True, timeout=PATIENCE_S)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime) < 0.5


def test_sigterm_ends_connections_and_the_server(echoing: Upstream) -> None:
    """On SIGTERM open connections end, the listeners close, and the exit status is 0 (checked by
    `running`)."""
    with running() as server:
        proxy = server.proxy(echoing.port)
        with proxy.connect() as client:
            assert echo_of(client, b"x") == b"x"
            server.process.send_signal(signal.SIGTERM)
            assert client.recv(1) == b""
        server.process.wait(PATIENCE_S)
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", proxy.port)) != 0


def test_a_busy_port_is_one_clear_message() -> None:
    """If the API's port is taken, the exit status is 1 and one line has address and cause, without
    a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        argv = [sys.executable, "-m", "gameday.links.server", "--port", str(port)]
        ended = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert ended.returncode == 1
    assert ended.stderr == f"link server: listen tcp 127.0.0.1:{port}: bind: address already in use\n"


def test_without_uvloop_a_warning_names_the_cost(either_server: Server) -> None:
    """If uvloop is missing, the log has one warning; with uvloop it has none."""
    warned = [line for line in either_server.log if "uvloop is missing" in line]
    assert len(warned) == ("-c" in either_server.process.args)  # type: ignore[operator]
