"""The names table of the process substrate."""

from __future__ import annotations

import json
from pathlib import Path

from gameday.substrates.process.name_table import NameTable, Table, table_key
from tests.support.substrate_lab import topology


def test_key() -> None:
    """A service's name has its region and port."""
    assert table_key(topology().service("us-east", "store")) == "store.us-east:5432"


def test_each_change_is_on_disk_before_the_callback(tmp_path: Path) -> None:
    """Every change is in the file before the callback; a name whose last instance left stays, with
    an empty list."""
    path = tmp_path / "names.json"
    results: list[Table] = []

    def changed(table: Table) -> None:
        assert json.loads(path.read_text()) == {key: list(value) for key, value in table.items()}
        results.append(table)

    names = NameTable(path, changed)
    names.write()
    names.add("web.us-east:8000", "127.0.0.1:1")
    names.add("web.us-east:8000", "127.0.0.1:2")
    names.remove("web.us-east:8000", "127.0.0.1:1")
    names.remove("web.us-east:8000", "127.0.0.1:1")
    names.remove("web.us-east:8000", "127.0.0.1:2")
    assert [table.get("web.us-east:8000") for table in results] == [
        None,
        ("127.0.0.1:1",),
        ("127.0.0.1:1", "127.0.0.1:2"),
        ("127.0.0.1:2",),
        (),
    ]


def test_replaced_and_never_rewritten(tmp_path: Path) -> None:
    """A reader with the file open keeps reading the whole old table."""
    names = NameTable(tmp_path / "names.json")
    names.write()
    with names.path.open() as old:
        names.add("web.us-east:8000", "127.0.0.1:1")
        assert old.read() == "{}"
