"""Tests of damaged evidence: it is an error of the run's folder, never a failure of the system."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gameday.analysis import measure
from tests.support.run_folders import Story, failing, steadily, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a run with an outage, three orders that clients, database and ledger agree on, and their counts."""
    story = Story().begin().deploy(18.0, 19.0).page(21.0).rollback(22.5, 29.0)
    story.add(
        60.0, "audit", file="audit.jsonl", orders=3, ledger="ledger.jsonl", charges=3, stock=None, why=""
    )
    folder = write(tmp_path / "run", story.finish(), failing(steadily(), 20.0, 30.0))
    run = story.events[0].subject
    (folder / "audit.jsonl").write_text(
        "".join(f'{{"id": "{run}-{n}", "status": "paid", "total_cents": 100}}\n' for n in range(3))
    )
    (folder / "ledger.jsonl").write_text(
        "".join(f'{{"order_id": "{run}-{n}", "amount_cents": 100, "charged_at": 1.0}}\n' for n in range(3))
    )
    return folder


def cut_lines(path: Path, select: Callable[[list[str]], list[str]]) -> None:
    path.write_text("".join(select(path.read_text().splitlines(keepends=True))))


def into_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no first line": (
        lambda run: cut_lines(run / "journal.jsonl", lambda lines: lines[1:]),
        "lacks its first event",
    ),
    "a time before the run": (
        lambda run: (run / "journal.jsonl").write_text(
            (run / "journal.jsonl").read_text().replace('"t":1.0', '"t":-1e9', 1)
        ),
        "impossible time -1e+09 s",
    ),
    "a time after all runs": (
        lambda run: (run / "journal.jsonl").write_text(
            (run / "journal.jsonl").read_text().replace('"t":1.0', '"t":1e300', 1)
        ),
        "impossible time 1e+300 s",
    ),
    "orders cut off": (
        lambda run: cut_lines(run / "audit.jsonl", lambda lines: lines[:1]),
        "audit.jsonl has 1 rows, but the journal says that 3 were written",
    ),
    "charges cut off": (
        lambda run: cut_lines(run / "ledger.jsonl", lambda lines: lines[:2]),
        "ledger.jsonl has 2 rows",
    ),
    "orders removed": (lambda run: (run / "audit.jsonl").unlink(), "audit.jsonl is missing"),
    "charges in a FIFO": (
        lambda run: into_fifo(run / "ledger.jsonl"),
        "ledger.jsonl is missing",
    ),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damaged_evidence_is_an_error(kind: str, folder: Path) -> None:
    """The verdict is an error with exit status 4 that names the file; nothing is said of lost orders."""
    damage, message = DAMAGE[kind]
    assert measure(folder).verdict != "error"
    damage(folder)
    outcome = measure(folder)
    assert (outcome.verdict, outcome.exit_status) == ("error", 4)
    assert message in outcome.reasons[0]
    assert outcome.audit.lost is None


@pytest.mark.parametrize("kind", ["FIFO", "device", "folder"])
def test_a_shard_that_is_no_file_is_refused(kind: str, folder: Path) -> None:
    """A pipe or a device among the samples is neither waited for nor read without end."""
    (shard,) = (folder / "samples").glob("*.shard")
    shard.unlink()
    if kind == "FIFO":
        os.mkfifo(shard)
    elif kind == "device":
        shard.symlink_to("/dev/zero")
    else:
        shard.mkdir()
    with pytest.raises(ValueError, match="it isn't a regular file"):
        measure(folder)
