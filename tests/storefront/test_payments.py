"""The ledger: append-only, and true after a crash."""

from pathlib import Path

from storefront.payments import Ledger


def test_a_ledger_is_read_again_with_all_its_charges(tmp_path: Path) -> None:
    """What was charged before a restart is known after it."""
    first = Ledger(tmp_path / "ledger.jsonl")
    charge = first.add("a", 100)
    first.close()
    again = Ledger(tmp_path / "ledger.jsonl")
    assert (again.find("a"), again.find("b")) == (charge, None)
    again.close()


def test_a_charge_is_in_the_file_before_it_is_answered(tmp_path: Path) -> None:
    """The file holds the charge while the ledger is still open: a killed process has lost nothing it answered."""
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.add("a", 100)
    assert (tmp_path / "ledger.jsonl").read_text() == ledger.lines() != ""
    ledger.close()


def test_half_a_line_is_no_charge(tmp_path: Path) -> None:
    """A line cut short by a crash is dropped, and the next charge starts a line of its own."""
    path = tmp_path / "ledger.jsonl"
    first = Ledger(path)
    first.add("a", 100)
    first.close()
    with path.open("a") as file:
        file.write('{"order_id": "b", "amou')
    second = Ledger(path)
    assert second.find("b") is None
    second.add("c", 300)
    second.close()
    third = Ledger(path)
    assert [third.find(key) is not None for key in "abc"] == [True, False, True]
    third.close()
