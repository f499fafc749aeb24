"""The memory-mapped shard: store and stream at once."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gameday.recording.samples import (
    HEADER_BYTES,
    RECORD,
    ErrorKind,
    ShardReader,
    ShardWriter,
    names_path,
    read_names,
    read_samples,
)
from tests.support.paths import SOURCE_PATH
from tests.support.small_disk import small_disk


def put(
    shard: ShardWriter, planned: float, *, journey: str = "browse", error: ErrorKind = ErrorKind.NONE
) -> None:
    names = (
        shard.intern("release", "r-1"),
        200,
        shard.intern("journey", journey),
        shard.intern("step", "product"),
    )
    shard.append(
        planned, planned, planned + 0.01, 7, 0, -1, *names, shard.intern("region", "us-east"), error, 1
    )


def test_every_field_comes_back(tmp_path: Path) -> None:
    """Every field of an appended record is read back, with its names."""
    shard = ShardWriter(tmp_path / "a.shard")
    names = [
        shard.intern(table, name) for table, name in (("release", "x"), ("release", "a b"), ("region", ""))
    ]
    shard.append(
        1.5, 1.6, 1.7, 20_000, 3, 1999, names[1], 201, shard.intern("journey", "buy"), 0, names[2], 4, 0, 255
    )
    shard.close()
    samples = read_samples(tmp_path)
    assert samples.records[0].item()[:14] == (1.5, 1.6, 1.7, 20_000, 3, 1999, 1, 201, 0, 0, 0, 4, 0, 255)
    assert (samples.releases, samples.regions, samples.journeys) == (("x", "a b"), ("",), ("buy",))


def test_a_record_is_as_long_as_ever(tmp_path: Path) -> None:
    """A record has 48 bytes, as in shards of earlier versions; `attempts` is 1 by default."""
    assert RECORD.itemsize == 48
    shard = ShardWriter(tmp_path / "a.shard")
    put(shard, 1.0)
    shard.close()
    assert read_samples(tmp_path).records["attempts"].tolist() == [1]


def test_it_streams_while_it_grows(tmp_path: Path) -> None:
    """A reader sees each record once, in order, across several steps of growth, and nothing of the space ahead."""
    shard = ShardWriter(tmp_path / "a.shard", grow=8)
    reader, seen = ShardReader(shard.path), []
    for n in range(50):
        put(shard, float(n))
        if n % 3 == 0:
            seen.extend(reader.new()["planned"].tolist())
    seen.extend(reader.new()["planned"].tolist())
    assert seen == [float(n) for n in range(50)]
    assert reader.new().size == 0
    shard.close()
    shard.close()
    assert shard.path.stat().st_size == HEADER_BYTES + 50 * RECORD.itemsize


def test_the_count_never_goes_back(tmp_path: Path) -> None:
    """A reader in another process never sees a count lower than before, however fast it is raised."""
    script = """
import sys, tempfile, pathlib
from gameday.recording.samples import ShardWriter
shard = ShardWriter(pathlib.Path(sys.argv[1]), grow=400_000)
print("ready", flush=True)
for n in range(400_000):
    shard.append(n, n, n, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
"""
    path = tmp_path / "a.shard"
    command = [sys.executable, "-c", script, str(path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": SOURCE_PATH}
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
        reader, last = ShardReader(path), 0
        while writer.poll() is None:
            count = reader.count()
            assert count >= last
            last = count
    assert (writer.returncode, reader.count()) == (0, 400_000)


def test_names_are_written_before_the_record_that_uses_them(tmp_path: Path) -> None:
    """With the writer still open, every committed record's names can be read; a line cut short is left out."""
    shard = ShardWriter(tmp_path / "a.shard")
    put(shard, 1.0)
    assert read_names(shard.path).tables["journey"] == ["browse"]
    with names_path(shard.path).open("a") as side:
        side.write('["journey", "cut')
    assert read_names(shard.path).tables["journey"] == ["browse"]
    shard.close()


def test_shards_get_common_names(tmp_path: Path) -> None:
    """Two shards that number their names differently are one set, sorted by planned time."""
    for name, journeys in (("a", ("browse", "buy")), ("b", ("buy", "browse"))):
        shard = ShardWriter(tmp_path / f"{name}.shard")
        for n, journey in enumerate(journeys):
            put(shard, n + (0.5 if name == "b" else 0.0), journey=journey)
        shard.close()
    samples = read_samples(tmp_path)
    assert np.all(np.diff(samples.records["planned"]) > 0)
    assert [samples.journeys[n] for n in samples.records["journey"]] == ["browse", "buy", "buy", "browse"]


def test_no_samples_is_an_empty_set(tmp_path: Path) -> None:
    """An empty folder, and a shard without records, are sets of none."""
    assert read_samples(tmp_path).records.size == 0
    ShardWriter(tmp_path / "a.shard").close()
    assert read_samples(tmp_path).records.size == 0


def test_another_file_is_refused(tmp_path: Path) -> None:
    """A file that isn't a shard is an error that names it."""
    (tmp_path / "a.shard").write_bytes(b"something else")
    with pytest.raises(ValueError, match=r"a\.shard: not a shard"):
        ShardReader(tmp_path / "a.shard")


def test_another_file_among_shards_is_refused(tmp_path: Path) -> None:
    """So is one as long as a shard among those of a folder, though its count were zero."""
    (tmp_path / "a.shard").write_bytes(b"GDSHARD0" + bytes(HEADER_BYTES))
    (tmp_path / "a.names").touch()
    with pytest.raises(ValueError, match=r"a\.shard: not a shard"):
        read_samples(tmp_path)


@pytest.mark.parametrize("size", [0, 20, HEADER_BYTES - 1, HEADER_BYTES + 8 * RECORD.itemsize])
def test_a_shard_that_was_never_begun_has_no_records(tmp_path: Path, size: int) -> None:
    """One whose writer was killed before the first word of it; the other shards are read, and it may begin yet."""
    begun = ShardWriter(tmp_path / "b.shard", grow=8)
    put(begun, 1.0)
    path = tmp_path / "a.shard"
    path.write_bytes(bytes(size))
    names_path(path).touch()
    reader = ShardReader(path)
    assert (reader.count(), reader.new().size) == (0, 0)
    assert read_samples(tmp_path).records["planned"].tolist() == [1.0]
    begun.close()
    path.write_bytes(begun.path.read_bytes())
    assert reader.new()["planned"].tolist() == [1.0]


def test_no_room_to_begin_leaves_nothing(tmp_path: Path) -> None:
    """On a full disk the writer raises OSError, and neither a shard nor names are left that would be read."""
    with small_disk(tmp_path / "disk", 64 * 1024) as disk:
        with pytest.raises(OSError, match="No space left on device"):
            ShardWriter(disk / "a.shard")
        assert read_samples(disk).records.size == 0
        assert not list(disk.iterdir())


def test_a_full_disk_is_an_error_and_loses_nothing(tmp_path: Path) -> None:
    """Where there is no room to grow append raises OSError; what was committed stays readable."""
    shard = ShardWriter(tmp_path / "a.shard", grow=8)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (HEADER_BYTES + 20 * RECORD.itemsize, limits[1]))
    try:
        for n in range(16):
            put(shard, float(n))
        with pytest.raises(OSError, match="too large"):
            put(shard, 16.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    shard.close()
    assert read_samples(tmp_path).records["planned"].tolist() == [float(n) for n in range(16)]
