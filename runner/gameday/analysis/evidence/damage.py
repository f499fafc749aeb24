"""Damage of a run's folder: what shows that its evidence isn't whole, so that no verdict can stand on it.

A journal without its beginning or records that were cut off would look like lost orders. What can't be trusted is an error
of the evidence, never a failure of the system under test.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gameday.recording.journal_events import OrdersCollected, RunStarted
from gameday.recording.journal_index import JournalIndex

LONGEST_S = 10 * 86_400.0
"""No run lasts longer than this."""
BLOCK = 1 << 20


def damage(folder: Path, journal: JournalIndex) -> Iterator[str]:
    """Yield what is wrong with the journal and the records of orders, in plain sentences."""
    if not journal.events:
        return
    if not journal.first(RunStarted):
        yield "the journal lacks its first event, run.started: its beginning was cut off"
    for event in journal.events:
        if not 0.0 <= event.t <= LONGEST_S:
            yield f"the journal has an event at the impossible time {event.t:g} s"
            break
    for collected in journal.of(OrdersCollected):
        yield from _cut_records(folder, collected.file, collected.orders)
        yield from _cut_records(folder, collected.ledger, collected.charges)


def _cut_records(folder: Path, name: str | None, wanted: int | None) -> Iterator[str]:
    if name is None or wanted is None or Path(name).name != name:
        return
    rows = _rows(folder / name)
    if rows is None:
        yield f"{name} is missing, though the journal says that it was written with {wanted} rows"
    elif rows != wanted:
        yield f"{name} has {rows} rows, but the journal says that {wanted} were written"


def _rows(path: Path) -> int | None:
    """Return the number of lines; None if there is no such file."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(BLOCK), b""))
