"""The files that Compose is given beside a stranger's own: labels, and changes to single services."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gameday.host.user_command import CommandFailed, run_command
from gameday.ports import PortError
from gameday.recording import atomic_file
from gameday.scenario.own.own_system import ComposeFiles
from gameday.substrates.compose.compose_program import FoundSettings, project_command

UP_S = 600.0
STOP_S = 120.0


class ProjectFiles:
    """A project with generated files in the run's work folder. The project's own files are only read."""

    def __init__(
        self,
        spec: ComposeFiles,
        folder: Path,
        project: str,
        settings: FoundSettings,
        work: Path,
        closing: threading.Event,
    ) -> None:
        self._closing, self._in_flight, self._calls = closing, 0, threading.Condition()
        self._spec, self._folder, self.project, self._settings = spec, folder, project, settings
        self._labels, self._changes = work / "labels.json", work / "changes.json"
        self._services: dict[str, Mapping[str, Any]] = {}
        """Service → what is changed of it."""

    def write_labels(self, override: Mapping[str, Any]) -> None:
        """Write the file of labels. Raise PortError."""
        self._write(self._labels, override)

    def change(self, service: str, change: Mapping[str, Any] | None) -> None:
        """Change a service's definition from now on; None takes the change back. Raise PortError."""
        self._services.pop(service, None)
        if change is not None:
            self._services[service] = change
        self._write(self._changes, {"services": self._services})

    def up(self, *services: str, timeout: float = UP_S) -> None:
        """Let Compose start the project, or only these services, as the files say. Raise PortError.

        Compose is killed once the run closes; from then on nothing is started.
        """
        with self._calls:
            if self._closing.is_set():
                raise PortError("Compose wasn't called: the run is closing")
            self._in_flight += 1
        try:
            self._run(self._up(services), timeout, self._closing)
        finally:
            with self._calls:
                self._in_flight -= 1
                self._calls.notify_all()

    def up_unchanged(self, service: str) -> list[str]:
        """Return the command line that brings a service back to what the project's own files say."""
        return self._command(self._up([service]), changed=False)

    def _up(self, services: Sequence[str]) -> list[str]:
        scales = [
            f"{name}={self._settings.scales[name]}" for name in services if name in self._settings.scales
        ]
        flags = ["--detach", *(["--no-deps"] if services else [])]
        return ["up", *flags, *(word for scale in scales for word in ("--scale", scale)), *services]

    def stop(self) -> None:
        """Let Compose stop the project, once no `up` is in flight: the run is closing. Raise PortError.

        Compose doesn't remove anything: `down --volumes` removes volumes by their names, a stranger's too.
        """
        with self._calls:
            self._calls.wait_for(lambda: not self._in_flight, STOP_S)
        self._run(["stop", "--timeout", "5"], STOP_S)

    def _command(self, words: Sequence[str], *, changed: bool = True) -> list[str]:
        """Return Compose's command line; without `changed` that of the project as its own files have it."""
        generated = [self._labels] if self._labels.is_file() else []
        if changed and self._services:
            generated.append(self._changes)
        command = project_command(self._spec, self._folder, *generated, settings=self._settings)
        return [*command, "--project-name", self.project, *words]

    def _run(self, words: list[str], timeout: float, stop: threading.Event | None = None) -> None:
        try:
            run_command(self._command(words), timeout, self._folder, stop)
        except CommandFailed as error:
            raise PortError(f"Compose failed: {error}") from error

    def _write(self, path: Path, content: Mapping[str, Any]) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_file.write(path, json.dumps(content, indent=2))
        except OSError as error:
            raise PortError(f"{path} can't be written: {error.strerror or error}") from error
