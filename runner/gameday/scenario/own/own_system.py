"""Parts of `system:` for a system of one's own: where it is, how it is entered, and the commands that act on it."""

from __future__ import annotations

import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, field_validator

from gameday.scenario.scenario_part import LONGEST_NAME, Part
from gameday.scenario.units import Seconds

SERVICE = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"
COMMAND_VARIABLES = frozenset({"release", "previous", "service", "region", "target", "run"})
"""Names that a command's arguments may hold as `${NAME}`."""

STORED = "stored.jsonl"
"""File of a run's folder with the ids that the system stores, a JSON text each line."""

ServiceName = Annotated[str, Field(pattern=SERVICE, max_length=LONGEST_NAME)]


def _argument_list(value: Any) -> Any:
    return {"command": value} if isinstance(value, list | tuple) else value


class CommandSpec(Part):
    """A program with its arguments, run without a shell in the folder of the scenario; it must end with status 0."""

    command: tuple[str, ...] = Field(min_length=1, max_length=200)
    timeout: Seconds = 60.0

    @field_validator("command")
    @classmethod
    def _arguments_are_plain(cls, command: tuple[str, ...]) -> tuple[str, ...]:
        if not command[0].strip():
            raise ValueError("the program's name is empty")
        for argument in command:
            if "\0" in argument:
                raise ValueError("an argument contains the character NUL")
            unknown = [
                name for name in re.findall(r"\$\{([^}]*)\}", argument) if name not in COMMAND_VARIABLES
            ]
            if unknown:
                known = ", ".join(sorted(COMMAND_VARIABLES))
                raise ValueError(
                    f"uses ${{{unknown[0][:40]}}}, which isn't a variable of commands\nknown: {known}"
                )
        return command


_ARGUMENTS: dict[str, Any] = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 200}
_SCHEMA = {
    "anyOf": [
        _ARGUMENTS,
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["command"],
            "properties": {"command": _ARGUMENTS, "timeout": {"type": "string", "examples": ["60s"]}},
        },
    ]
}

Command = Annotated[CommandSpec, BeforeValidator(_argument_list), WithJsonSchema(_SCHEMA)]
"""A list of arguments, or `{command: [...], timeout: 60s}`."""


def _target(value: str) -> str:
    """Check a URL of scheme, host and port only."""
    try:
        parts = urlsplit(value)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        raise ValueError(f"{value[:80]!r} isn't a URL\nfor instance http://127.0.0.1:8080") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_valid:
        raise ValueError(f"{value[:80]!r} isn't a URL\nfor instance http://127.0.0.1:8080")
    if parts.path not in ("", "/") or parts.query or parts.fragment or parts.username:
        raise ValueError("must be scheme, host and port only\nput the path into the steps of the journeys")
    return value.rstrip("/")


Target = Annotated[str, AfterValidator(_target)]


class External(Part):
    """A system that is running already, at a URL. Nothing is brought up or taken down."""

    target: Target
    services: tuple[ServiceName, ...] = Field(
        default=("app",), min_length=1, max_length=100, description="names for deploys and reports"
    )
    release: str = Field(default="initial", max_length=200, description="what runs before the first deploy")


class ComposeFiles(Part):
    """A Compose project, unmodified: brought up by Compose under a name of its own, and taken down at the end."""

    files: tuple[str, ...] = Field(default=("compose.yaml",), min_length=1, max_length=20)
    profiles: tuple[str, ...] = Field(default=(), max_length=50)
    env_file: str | None = Field(default=None, alias="envFile")
    project: str | None = Field(
        default=None, pattern=r"^[a-z0-9][a-z0-9_-]*$", description="its name; default: one of the run's own"
    )


class Attach(Part):
    """A Compose project that runs already, by its name. It stays up, and is as it was found at the end."""

    project: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=200)


class OwnAudit(Part):
    """Comparison of the ids that a journey saved with those that `command` prints, one a line, after the load."""

    command: Command
    journey: str
    id: str = Field(default="id", description="the name under which a step of the journey saves it")


class Ready(Part):
    """When the system counts as ready: `probe` answers with a status below 400, or `command` ends with status 0."""

    probe: str = Field(default="/", pattern=r"^/[^\s#]*$", max_length=2000)
    command: Command | None = None
    within: Seconds = 60.0


class EntryPoint(Part):
    """A published port of one of the project's services."""

    service: ServiceName
    port: int = Field(ge=1, le=65535, description="the port inside the container")
