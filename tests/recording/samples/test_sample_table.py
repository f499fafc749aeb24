"""Columns of records against the structured array that they stand for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gameday.recording.samples import RECORD, Records, ShardWriter, among, read_samples

COLUMNS = list(RECORD.names or ())


def shards(folder: Path) -> Records:
    """Two shards written in order of answers, so not of planned times; the records as one array in planned order."""
    random, rows = np.random.default_rng(5), []
    for name, count in (("a", 700), ("b", 300)):
        writer = ShardWriter(folder / f"{name}.shard", grow=128)
        numbers = [
            [writer.intern(table, f"{name}{n}") for n in range(3)]
            for table in ("release", "journey", "region", "primary")
        ]
        step = writer.intern("step", "step")
        for planned in random.permutation(count) + (0.5 if name == "b" else 0.0):
            release, journey, region, primary = (int(random.choice(number)) for number in numbers)
            facts = (int(random.integers(1, 99)), int(random.integers(0, 9)), int(random.integers(-1, 999)))
            when = (float(planned), planned + 0.1, planned + 0.2)
            attempts, basket = int(random.integers(0, 256)), int(random.integers(0, 256))
            writer.append(*when, *facts, release, 200, journey, step, region, 1, 2, attempts, primary, basket)
            shift = 3 if name == "b" else 0  # the common numbers: those of the first shard come first
            names = (release + shift, 200, journey + shift, 0, region + shift)
            rows.append((*when, *facts, *names, 1, 2, attempts, primary + shift, basket))
        writer.close()
    wanted = np.zeros(len(rows), RECORD)
    for record, row in zip(wanted, rows, strict=True):
        for column, value in zip(COLUMNS, row, strict=True):
            record[column] = value
    found: Records = wanted[np.argsort(wanted["planned"], kind="stable")]
    return found


@pytest.mark.parametrize("chunk", [1, 64, 1 << 18])
def test_columns_are_those_of_the_array(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    """Every column, in planned order and with common names, however few records are read at a time."""
    monkeypatch.setattr("gameday.recording.samples.sample_table.CHUNK", chunk)
    wanted, records = shards(tmp_path), read_samples(tmp_path).records
    assert len(records) == records.size == 1000
    for name in COLUMNS:
        np.testing.assert_array_equal(records[name], wanted[name])
    np.testing.assert_array_equal(np.asarray(records), wanted)


def test_parts_are_chosen_as_from_the_array(tmp_path: Path) -> None:
    """By slice, mask and indices, one after the other; a number gives one record, and iterating every one."""
    wanted, records = shards(tmp_path), read_samples(tmp_path).records
    for key in (slice(10, 20), slice(None, -5), wanted["journey"] == 2, np.array([5, 3, 5])):
        assert len(records[key]) == len(wanted[key])
        np.testing.assert_array_equal(records[key]["order"], wanted[key]["order"])
    twice = records[100:900][wanted["user"][100:900] > 50]
    np.testing.assert_array_equal(np.asarray(twice), wanted[100:900][wanted["user"][100:900] > 50])
    assert [records[n] for n in (0, 17, -1)] == [wanted[n] for n in (0, 17, -1)]
    assert [record["total"] for record in records[:3]] == wanted["total"][:3].tolist()


def test_what_is_read_cannot_be_changed(tmp_path: Path) -> None:
    """A column that is kept is shared by all who ask for it."""
    shards(tmp_path)
    with pytest.raises(ValueError, match="read-only"):
        read_samples(tmp_path).records["planned"][0] = 7.0


def test_it_is_the_moment_that_was_read(tmp_path: Path) -> None:
    """Records that are written later aren't in it, though its columns are read only then; nor does it need the file."""
    writer = ShardWriter(tmp_path / "a.shard", grow=4)
    release, journey, step, region = (
        writer.intern(table, "x") for table in ("release", "journey", "step", "region")
    )
    for n in range(10):
        if n == 3:
            records = read_samples(tmp_path).records
        writer.append(n, n, n, 0, 0, 0, release, 200, journey, step, region, 0, 1)
    writer.close()
    writer.path.unlink()
    assert records["planned"].tolist() == [0.0, 1.0, 2.0]
    assert records["user"].tolist() == [0, 0, 0]


def test_values_among_others() -> None:
    """Values of a column that are among the wanted numbers; none if no number is wanted."""
    column = np.array([0, 3, 65_535, 3], np.uint16)
    assert among(column, (3, 65_535)).tolist() == [False, True, True, True]
    assert among(column, (1, 2, 4, 5, 3)).tolist() == [False, True, False, True]
    assert not among(column, ()).any()
