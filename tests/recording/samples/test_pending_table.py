"""Tests of the table of waiting requests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gameday.recording.samples import PendingReader, PendingWriter, ShardWriter, pending_path


@pytest.fixture
def shard(tmp_path: Path) -> Iterator[ShardWriter]:
    writer = ShardWriter(tmp_path / "load.shard")
    yield writer
    writer.close()


def test_waiting_requests_are_listed_by_age(shard: ShardWriter) -> None:
    """The reader sees the planned time and journey of each waiting request, and none that ended."""
    table, reader = PendingWriter(shard.path, 4), PendingReader(shard.path)
    buy, browse = shard.intern("journey", "buy"), shard.intern("journey", "browse")
    slots = [table.begin(2.0, buy), table.begin(1.0, browse), table.begin(9.0, buy)]
    assert reader.waiting(5.0) == [(1.0, "browse"), (2.0, "buy")]
    table.end(slots[0])
    assert reader.waiting(10.0) == [(1.0, "browse"), (9.0, "buy")]
    table.end(slots[1])
    assert table.begin(3.0, browse) is not None
    assert reader.waiting(5.0) == [(3.0, "browse")]
    table.close()


def test_more_requests_than_slots_are_not_listed(shard: ShardWriter) -> None:
    """A request without a slot isn't listed, and its end frees none."""
    table = PendingWriter(shard.path, 1)
    shard.intern("journey", "buy")
    assert table.begin(1.0, 0) == 0
    assert table.begin(2.0, 0) is None
    table.end(None)
    assert PendingReader(shard.path).waiting(5.0) == [(1.0, "buy")]
    table.close()


def test_a_closed_table_is_gone(shard: ShardWriter) -> None:
    """The file is removed at the end; a reader of it then sees nothing."""
    table, reader = PendingWriter(shard.path, 1), PendingReader(shard.path)
    shard.intern("journey", "buy")
    table.begin(1.0, 0)
    table.close()
    table.close()
    assert not pending_path(shard.path).exists()
    assert reader.waiting(5.0) == []
