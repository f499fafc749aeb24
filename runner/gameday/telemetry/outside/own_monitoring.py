"""A run's own Prometheus and Alertmanager: real programs of this machine, on loopback, that watch the shop.

Both carry the run's mark in their environment, so that the guard and the reaper find them, however the run ends.
"""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from gameday.host import monitoring_programs
from gameday.host.http_client import DirectConnection
from gameday.ports import PortError
from gameday.recording import atomic_file
from gameday.scenario.detection_model import Prometheus
from gameday.telemetry.metrics_scrape import Address
from gameday.telemetry.outside.monitoring_config import (
    alertmanager_text,
    prometheus_text,
    rules_text,
    targets_text,
)

HOST = "127.0.0.1"
READY_S = 30.0
TRIES = 3
STOP_S = 5.0
TARGETS_S = 0.5
LOG_TAIL = 1500

Sources = tuple[str | None, str | None]


class OwnMonitoring:
    """Implements `monitoring_alerts.Monitoring`. `webhook` returns URL and token of where alerts are taken.

    `folder` is removed at the end; `environment` marks the processes as the run's. Raise PortError if a program is missing.
    """

    def __init__(
        self,
        settings: Prometheus,
        folder: Path,
        logs: Path,
        environment: Mapping[str, str],
        webhook: Callable[[], tuple[str, str]],
    ) -> None:
        missing = monitoring_programs.missing()
        if missing:
            raise PortError(
                f"the scenario's monitoring needs {' and '.join(missing)}: {monitoring_programs.HINT}"
            )
        self._settings = settings
        self._folder = folder.resolve()
        self._logs = logs.resolve()
        self._environment = dict(environment)
        self._webhook = webhook
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, addresses: Callable[[], Mapping[str, Address]]) -> Sources:
        """Start both and await that they are ready; return the addresses of Prometheus and Alertmanager. Raise PortError."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            url, token = self._webhook()
            atomic_file.write(self._folder / "token", token, mode=0o600)
            config = alertmanager_text(self._settings, url, self._folder / "token")
            atomic_file.write(self._folder / "alertmanager.yml", config)
            alertmanager = self._run("Alertmanager", self._alertmanager)
            atomic_file.write(self._folder / "rules.yml", rules_text(self._settings))
            config = prometheus_text(self._settings, f"{HOST}:{alertmanager}", self._folder)
            atomic_file.write(self._folder / "prometheus.yml", config)
            self._write_targets(addresses)
            prometheus = self._run("Prometheus", self._prometheus)
        except BaseException as error:
            self.stop()
            if isinstance(error, OSError):
                raise PortError(f"the run's monitoring can't be started: {error}") from error
            raise
        self._thread = threading.Thread(
            target=self._follow, args=(addresses,), name="monitoring targets", daemon=True
        )
        self._thread.start()
        return f"http://{HOST}:{prometheus}", f"http://{HOST}:{alertmanager}"

    def stop(self) -> None:
        """End both and remove their data. Idempotent."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(STOP_S)
        for process in self._processes.values():
            process.terminate()
        until = time.monotonic() + STOP_S
        for process in self._processes.values():
            try:
                process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(STOP_S)
        self._processes = {}
        shutil.rmtree(self._folder, ignore_errors=True)

    def _prometheus(self, port: int) -> list[str]:
        return [
            f"--config.file={self._folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self._folder / 'data'}",
            f"--web.listen-address={HOST}:{port}",
            "--log.level=warn",
        ]

    def _alertmanager(self, port: int) -> list[str]:
        return [
            f"--config.file={self._folder / 'alertmanager.yml'}",
            f"--storage.path={self._folder / 'alerts'}",
            f"--web.listen-address={HOST}:{port}",
            "--cluster.listen-address=",  # no gossip with others
        ]

    def _run(self, program: str, arguments: Callable[[int], list[str]]) -> int:
        """Start a program on a free port; return the port once it is ready. Raise PortError."""
        path = monitoring_programs.find(program)
        if path is None:
            raise PortError(f"{program} is gone from PATH")
        for attempt in range(TRIES):
            port = _free_port()
            log = self._logs / f"{program.lower()}.log"
            with log.open("ab") as output:
                process = subprocess.Popen(
                    [path, *arguments(port)],
                    env=self._environment,
                    cwd=self._folder,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            self._processes[program] = process
            if self._await_ready(process, program, port):
                return port
            tail = log.read_bytes()[-LOG_TAIL:].decode(errors="replace").strip()
            if "address already in use" not in tail or attempt == TRIES - 1:
                raise PortError(
                    f"{program} ended with exit status {process.returncode} before it was ready; its log ends with\n{tail}"
                )
        raise AssertionError

    def _await_ready(self, process: subprocess.Popen[bytes], program: str, port: int) -> bool:
        """Return True once the program is ready, False if it ended. Raise PortError after READY_S."""
        until = time.monotonic() + READY_S
        while time.monotonic() < until:
            if process.poll() is not None:
                return False
            if _ready(port):
                return True
            self._ended.wait(0.05)
            if self._ended.is_set():
                break
        raise PortError(f"{program} wasn't ready within {READY_S:g} s; its log is in {self._logs}")

    def _follow(self, addresses: Callable[[], Mapping[str, Address]]) -> None:
        """Keep the list of targets as the shop's instances come and go."""
        while not self._ended.wait(TARGETS_S):
            with suppress(PortError, OSError):
                self._write_targets(addresses)

    def _write_targets(self, addresses: Callable[[], Mapping[str, Address]]) -> None:
        path, text = self._folder / "targets.json", targets_text(addresses())
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            atomic_file.write(path, text)


def process_environment(mark: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the programs: the machine's PATH, a HOME of none of its users, and the run's mark."""
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": "/", **mark}


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _ready(port: int) -> bool:
    connection = DirectConnection(HOST, port, timeout=1.0)
    try:
        connection.request("GET", "/-/ready")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
