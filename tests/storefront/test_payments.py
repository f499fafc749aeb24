"""The ledger: append-only, and true after a crash. The sandbox: misbehaves as told."""

import errno
import json
import os
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from storefront.payments import Ledger
from tests.support import storefront_services
from tests.support.small_disk import fill, small_disk
from tests.support.storefront_services import Shop, sql

MERCHANT = {"Authorization": f"Bearer {storefront_services.PAYMENTS_KEY}"}


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


def charge(shop: Shop, key: str, timeout: float = 5.0) -> requests.Response:
    """Charge a cent at the third party itself."""
    url, headers = shop.url("payments") + "/charges", {"Idempotency-Key": key, **MERCHANT}
    return requests.post(url, json={"amount_cents": 1}, headers=headers, timeout=timeout)


def test_half_a_line_is_dropped_without_room_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restart on a full disk keeps the charges: the file is only made shorter."""
    path = tmp_path / "ledger.jsonl"
    first = Ledger(path)
    first.add("a", 100)
    first.close()
    with path.open("a") as file:
        file.write('{"order_id": "b", "amou')

    def no_room(*_arguments: object, **_options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", no_room)
    second = Ledger(path)
    assert second.find("a") is not None
    second.close()


@pytest.mark.parametrize("taken", [0, 10])
@pytest.mark.parametrize("shortened", [True, False])
def test_a_charge_that_the_disk_refused_is_written_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: int, shortened: bool
) -> None:
    """Whether the kernel took nothing or half of the line, and whether that half could be removed; asked again, it is in
    the ledger once, and so it is after a restart."""
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.add("before", 1)
    write, full = os.pwrite, [True]

    def pwrite(file: int, line: bytes, position: int) -> int:
        if not full[0]:
            return write(file, line, position)
        if len(line) > 50 and taken:
            return write(file, line[:taken], position)
        raise OSError(errno.ENOSPC, "No space left on device")

    def ftruncate(*_arguments: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "pwrite", pwrite)
    if not shortened:
        monkeypatch.setattr(os, "ftruncate", ftruncate)
    for _ in range(3):
        with pytest.raises(OSError, match="No space left"):
            ledger.add("refused", 2)
    assert ledger.find("refused") is None
    assert [json.loads(line)["order_id"] for line in ledger.lines().splitlines()] == ["before"]
    full[0] = False
    ledger.add("refused", 2)
    ledger.add("after", 3)
    ledger.close()
    again = Ledger(tmp_path / "ledger.jsonl")
    written = [json.loads(line)["order_id"] for line in again.lines().splitlines()]
    again.close()
    assert written == ["before", "refused", "after"]


def test_a_ledger_on_a_full_disk_charges_once(tmp_path: Path) -> None:
    """On a real file system: refused while it is full, charged once there is room."""
    with small_disk(tmp_path / "disk", 2**20) as disk:
        ledger = Ledger(disk / "ledger.jsonl")
        filler = fill(disk)
        with suppress(OSError):
            for n in range(1000):
                ledger.add(f"many-{n}", 1)
        charged = len(ledger.lines().splitlines())
        with pytest.raises(OSError, match="No space left"):
            ledger.add(f"many-{charged}", 1)
        filler.unlink()
        ledger.add(f"many-{charged}", 1)
        keys = [json.loads(line)["order_id"] for line in ledger.lines().splitlines()]
        ledger.close()
        assert keys == [f"many-{n}" for n in range(charged + 1)]


@pytest.mark.system
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer "}, {"Authorization": "Bearer guessed"}])
def test_without_the_merchants_key_nothing_is_charged_or_shown(shop: Shop, headers: dict[str, str]) -> None:
    """Another account of the machine can neither charge a card nor read who was charged."""
    url, own = shop.url("payments"), {"Idempotency-Key": "stranger", **headers}
    assert (
        requests.post(f"{url}/charges", json={"amount_cents": 1}, headers=own, timeout=5).status_code == 401
    )
    assert requests.get(f"{url}/ledger", headers=headers, timeout=5).status_code == 401
    assert shop.charges("stranger") == []


@pytest.mark.system
def test_a_share_of_charges_fails_as_told(shop: Shop) -> None:
    """At a quarter every fourth is a 500 and charges nothing; `ok` ends it; the ledger is readable all along."""
    assert shop.operate("payments", "behaviour", {"mode": "error", "share": 0.25}) == {
        "mode": "error",
        "share": 0.25,
    }
    statuses = [charge(shop, f"share-{n}").status_code for n in range(8)]
    assert statuses == [201, 201, 201, 500] * 2
    assert [len(shop.charges(f"share-{n}")) for n in range(8)] == [1, 1, 1, 0] * 2
    shop.operate("payments", "behaviour", {"mode": "ok"})
    assert charge(shop, "share-3").status_code == 201


@pytest.mark.system
@pytest.mark.parametrize(("mode", "status"), [("error", 502), ("garbage", 502), ("silent", 504)])
def test_a_charge_whose_answer_was_lost_is_made_once(shop: Shop, mode: str, status: int) -> None:
    """The order stays pending though the card was charged; its key sent again pays it with that charge."""
    behaviour: dict[str, object] = {"mode": mode, "share": 1.0, "after": True}
    assert shop.operate("payments", "behaviour", behaviour) == behaviour
    try:
        assert shop.checkout_once(f"lost-{mode}", 72, {122: 1}).status_code == status
        assert len(shop.charges(f"lost-{mode}")) == 1
        assert sql(shop, "SELECT status FROM orders WHERE id = $1", f"lost-{mode}") == "pending"
        assert shop.checkout(f"lost-{mode}", 72, {122: 1}).status_code == 201
    finally:
        shop.operate("payments", "behaviour", {"mode": "ok"})
    assert len(shop.charges(f"lost-{mode}")) == 1
    assert shop.checkout(f"lost-{mode}", 72, {122: 1}).status_code == 200


@pytest.mark.system
def test_garbage_is_a_200_of_nonsense_that_pays_for_nothing(shop: Shop) -> None:
    """Its caller takes it for what it is: a failed payment, the order pending and paid when payments are sane again."""
    shop.operate("payments", "behaviour", {"mode": "garbage"})
    try:
        answer = charge(shop, "nonsense")
        assert answer.status_code == 200
        with pytest.raises(requests.JSONDecodeError, match="Expecting value"):
            answer.json()
        bought = shop.checkout("nonsense", 70, {120: 1})
        assert (bought.status_code, bought.json()) == (
            502,
            {"error": "payments failed: its answer is not JSON"},
        )
    finally:
        shop.operate("payments", "behaviour", {"mode": "ok"})
    assert shop.charges("nonsense") == []
    assert shop.checkout("nonsense", 70, {120: 1}).status_code == 201


@pytest.mark.system
def test_silence_lasts_until_the_client_gives_up(shop: Shop) -> None:
    """No byte of an answer, no charge, and afterwards the instance still stops in good time."""
    shop.operate("payments", "behaviour", {"mode": "silent"})
    with pytest.raises(requests.ReadTimeout, match="Read timed out"):
        charge(shop, "silence", timeout=0.5)
    assert shop.checkout_once("silence", 71, {121: 1}).status_code == 504
    shop.operate("payments", "behaviour", {"mode": "ok"})
    assert shop.charges("silence") == []
    assert storefront_services.stop(shop.running["payments"]) == 0
    shop.stop("payments")
    shop.start("payments")


@pytest.mark.system
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"mode": "rude"},
        {"mode": "error", "share": 0},
        {"mode": "error", "share": True},
        {"mode": "error", "after": 1},
    ],
)
def test_a_misfit_behaviour_is_400(shop: Shop, body: dict[str, object]) -> None:
    """What the sandbox can't do changes nothing."""
    headers = {"Authorization": f"Bearer {storefront_services.TOKEN}"}
    answer = requests.post(
        shop.url("payments") + "/_operator/behaviour", json=body, headers=headers, timeout=5
    )
    assert answer.status_code == 400
    assert charge(shop, "misfit").status_code in (200, 201)
