"""What the live console asks of a run, a day or a replay: the Protocol between its server and what it shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from gameday.operations import Operation


@dataclass(frozen=True)
class PageFrame:
    """The page of a role at a moment: part → HTML, or plain data for the map. `over`: no further frame follows."""

    parts: Mapping[str, Any]
    over: bool = False
    replay: Mapping[str, Any] | None = None
    epoch: int = 0
    """Another number than before if the whole page has to be loaded again, such as for another system's map."""


@dataclass(frozen=True)
class Command:
    """What a person asks for on the page, beside operations: its action and the texts of its fields."""

    action: str
    fields: Mapping[str, str] = field(default_factory=dict)


class CommandRefused(Exception):
    """A command can't be carried out; the text says why, and what to do."""


class PageSource(Protocol):
    """Thread-safe. Every method may block for a moment, and is called in a thread of its own."""

    def frame(self, role: str) -> PageFrame:
        """Return the page of the role now."""
        ...

    def page(self, role: str) -> str:
        """Return the whole document of the role's page."""
        ...

    def policy(self) -> str:
        """Return the content security policy of the pages."""
        ...

    def operate(self, role: str, operation: Operation) -> str:
        """Request an operation; return its id. Raise CommandRefused."""
        ...

    def command(self, role: str, command: Command) -> None:
        """Carry out a command. Raise CommandRefused."""
        ...
