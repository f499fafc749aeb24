"""A run as the live console shows it while it is in progress; a no-op without a console."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gameday.recording.clock import Clock
from gameday.recording.journal_events import JournalEvent
from gameday.scenario import Scenario

if TYPE_CHECKING:
    from gameday.execution.live_console.console_hub import ConsoleHub
    from gameday.run.interpreter import Interpreter

Listener = Callable[[JournalEvent], None]


class ShownRun:
    """What a run hands to the console: its events and the interpreter; without a console it is dropped."""

    def __init__(self, take: Listener | None = None) -> None:
        self._take = take
        self.interpreter: Interpreter | None = None
        self.over = False

    def listener(self, also: Listener) -> Listener:
        """Return what the journal calls with each event."""
        take = self._take
        if take is None:
            return also

        def both(event: JournalEvent) -> None:
            take(event)
            also(event)

        return both


@contextmanager
def shown(console: ConsoleHub | None, folder: Path, scenario: Scenario, clock: Clock) -> Iterator[Any]:
    """Show the run on the console while the block runs; yield a `ShownRun`."""
    if console is None:
        yield ShownRun()
        return
    live = console.begin(folder, scenario, clock)
    try:
        yield live
    finally:
        console.end(live)


@contextmanager
def console_of(
    wanted: bool, host: str, port: int, *, without: Collection[str] = (), title: str = "Game day"
) -> Iterator[ConsoleHub | None]:
    """Serve a console while the block runs, without the pages of some roles; yield its hub, None if none is wanted."""
    if not wanted:
        yield None
        return
    from gameday.execution.live_console.console_hub import ConsoleHub
    from gameday.execution.live_console.serving import served

    hub = ConsoleHub(title=title)
    with served(hub, host, port, [role for role in hub.roles if role not in without]):
        yield hub
