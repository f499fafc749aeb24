"""Tests of the order audit: planted faults in three records of orders are each detected and counted
once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gameday.recording.samples import ErrorKind
from tests.support.measured import measure
from tests.support.run_folders import END, RUN, Request, Story, row, steadily, write

STORY = Story().begin().finish()
SOUND: dict[str, Any] = {
    "acknowledged": 2,
    "lost": 0,
    "duplicated": 0,
    "charged_twice": 0,
    "oversold": 0,
    "sold_out": 0,
    "asynchronous_s": None,
    "wrong_amount": 0,
    "wrong_amount_cents": 0,
    "indeterminate": 0,
    "charged_not_kept": 0,
    "kept_not_charged": 0,
    "wrong_customer": 0,
    "wrong_basket": 0,
    "stock_without_order": 0,
    "rpo_s": 0.0,
    "two_primaries": None,
    "primaries": [],
    "two_primaries_spans": [],
}
LISTS: dict[str, Any] = {"primaries": [], "two_primaries_spans": []}


def buying() -> list[Request]:
    """Return requests with orders 1 to 4: acknowledged, acknowledged with wrong content, refused
    (500), timed out."""
    requests = steadily()
    for number, error in enumerate((ErrorKind.NONE, ErrorKind.WRONG, ErrorKind.STATUS, ErrorKind.TIMEOUT), 1):
        requests[number].order, requests[number].error, requests[number].user = number, error, 7
        requests[number].items = {1: {1: 2}, 2: {2: 3}}.get(number)
        requests[number].total = 1000 * number if number < 3 else -1
    return requests


class Records:
    """Postgres, ledger and stock for orders 1 and 2: two units of product 1, three of product 2."""

    def __init__(self) -> None:
        self.orders: Any = [row(1, cents=1000, items={1: 2}), row(2, cents=2000, items={2: 3})]
        self.ledger: Any = [(1, 1000), (2, 2000)]
        self.stock: Any = {1: (98, 2), 2: (97, 3)}

    def audited(self, folder: Path, requests: list[Request] | None = None, **scenario: Any) -> dict[str, Any]:
        requests = buying() if requests is None else requests
        path = write(folder / "run", STORY, requests, self.orders, self.ledger, self.stock, **scenario)
        audit: dict[str, Any] = measure(path)["audit"]
        return audit


def test_sound_records_have_no_findings(tmp_path: Path) -> None:
    """Both acknowledged orders are paid and charged at the same amount, and every count is 0."""
    assert Records().audited(tmp_path) == SOUND


def deleted(records: Records) -> dict[str, Any]:
    """Delete a row by hand; the stock stays taken, and the charge stays."""
    records.orders.pop()
    records.stock = {1: (98, 2), 2: (97, 0)}
    return {"lost": 1, "charged_not_kept": 1, "rpo_s": None}


def inserted_twice(records: Records) -> dict[str, Any]:
    """Insert a copy under another id, as the key of the table demands; no stock is taken for it."""
    records.orders.append(row(999, cents=1000, items={1: 2}))
    records.stock = {1: (98, 4), 2: (97, 3)}
    return {"duplicated": 1}


def inserted_under_any_name(records: Records) -> dict[str, Any]:
    """Insert a copy under an id that isn't a number of the load's."""
    records.orders.append({**row(1, cents=1000, items={1: 2}), "id": f"{RUN}-1-copy"})
    records.stock = {1: (98, 4), 2: (97, 3)}
    return {"duplicated": 1}


def held_twice(records: Records) -> dict[str, Any]:
    """Store the same row twice, as in a table whose key was dropped."""
    records.orders.append(records.orders[0])
    records.stock = {1: (98, 4), 2: (97, 3)}
    return {"duplicated": 1}


def charged_twice(records: Records) -> dict[str, Any]:
    """Charge an order three times; it counts as one order all the same."""
    records.ledger += [(1, 1000), (1, 1000)]
    return {"charged_twice": 1}


def a_cent_too_much_charged(records: Records) -> dict[str, Any]:
    records.ledger[0] = (1, 1001)
    return {"wrong_amount": 1, "wrong_amount_cents": 1}


def a_cent_too_much_kept(records: Records) -> dict[str, Any]:
    records.orders[1]["total_cents"] = 2001
    return {"wrong_amount": 1, "wrong_amount_cents": 1}


def three_amounts(records: Records) -> dict[str, Any]:
    """Make all three amounts of an order differ; the difference is from the lowest to the highest."""
    records.orders[1]["total_cents"], records.ledger[1] = 2050, (2, 1950)
    return {"wrong_amount": 1, "wrong_amount_cents": 100}


def sold_without_stock(records: Records) -> dict[str, Any]:
    """Sell three units and take one from the stock."""
    records.stock = {1: (98, 2), 2: (99, 3)}
    return {"oversold": 2}


def timed_out_but_paid(records: Records) -> dict[str, Any]:
    records.orders.append(row(4, cents=9, items={}))
    records.ledger.append((4, 9))
    return {"indeterminate": 1}


def charged_and_then_nothing(records: Records) -> dict[str, Any]:
    """Charge an order whose client got an error; the order stays pending."""
    records.orders.append(row(3, "pending", 9))
    records.ledger.append((3, 9))
    return {"charged_not_kept": 1}


def never_paid(records: Records) -> dict[str, Any]:
    """Leave an acknowledged order pending, which counts as lost."""
    records.orders[0]["status"] = "pending"
    return {"lost": 1, "charged_not_kept": 1, "rpo_s": None}


def all_charges_removed(records: Records) -> dict[str, Any]:
    """Give everything away: the ledger has no charge at all."""
    records.ledger = []
    return {"kept_not_charged": 2}


def a_charge_removed(records: Records) -> dict[str, Any]:
    records.ledger.pop()
    return {"kept_not_charged": 1}


def charged_for_another(records: Records) -> dict[str, Any]:
    """Charge one order twice and another never: the number of charges is right."""
    records.ledger = [(1, 1000), (1, 1000)]
    return {"kept_not_charged": 1, "charged_twice": 1}


def basket_changed(records: Records) -> dict[str, Any]:
    """Change an order's items at the same total; the stock was taken for the client's own items."""
    records.orders[0]["items"] = [{"product": 2, "quantity": 2}]
    records.stock = {1: (98, 0), 2: (97, 5)}
    return {"wrong_basket": 1}


def customer_changed(records: Records) -> dict[str, Any]:
    records.orders[1]["user"] = 8
    return {"wrong_customer": 1}


def stock_taken_beside_oversold(records: Records) -> dict[str, Any]:
    """Take five units of one product for no order, and sell five of another without taking any: the sums agree."""
    records.orders[1]["items"] = [{"product": 2, "quantity": 3}]
    records.stock = {1: (93, 2), 2: (102, 3)}
    return {"stock_without_order": 5, "oversold": 5}


def stock_taken(records: Records) -> dict[str, Any]:
    records.stock = {1: (93, 2), 2: (97, 3)}
    return {"stock_without_order": 5}


PLANTED: list[Callable[[Records], dict[str, Any]]] = [
    deleted,
    inserted_twice,
    inserted_under_any_name,
    held_twice,
    charged_twice,
    a_cent_too_much_charged,
    a_cent_too_much_kept,
    three_amounts,
    sold_without_stock,
    timed_out_but_paid,
    charged_and_then_nothing,
    never_paid,
    all_charges_removed,
    a_charge_removed,
    charged_for_another,
    basket_changed,
    customer_changed,
    stock_taken,
    stock_taken_beside_oversold,
]


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_a_planted_fault_is_detected_and_counted_once(
    tmp_path: Path, plant: Callable[[Records], dict[str, Any]]
) -> None:
    """A planted fault changes its own figure and no other."""
    records = Records()
    expected = plant(records)
    assert records.audited(tmp_path) == {**SOUND, **expected}


def test_several_planted_faults_don_t_hide_each_other(tmp_path: Path) -> None:
    """A second charge, a copy and a wrong cent are all counted."""
    records = Records()
    expected = {**charged_twice(records), **inserted_twice(records), **a_cent_too_much_kept(records)}
    assert records.audited(tmp_path) == {**SOUND, **expected}


def test_a_queued_order_may_be_pending(tmp_path: Path) -> None:
    """A queued order may be pending; a missing one is lost; an order acknowledged as paid may not
    be pending."""
    lost = []
    for name, answer, status in (
        ("a", 202, "pending"),
        ("b", 202, "failed"),
        ("c", 201, "pending"),
        ("d", 202, "paid"),
    ):
        records, requests = Records(), buying()
        requests[1].answer, records.orders[0]["status"] = answer, status
        lost.append(records.audited(tmp_path / name, requests)["lost"])
    assert lost == [0, 1, 1, 0]


def test_all_planted_faults_together_are_each_found(tmp_path: Path) -> None:
    """A charge removed, a customer changed, and stock taken beside units oversold are all counted."""
    records = Records()
    planted = (a_charge_removed, customer_changed, stock_taken_beside_oversold)
    expected = {key: value for plant in planted for key, value in plant(records).items()}
    assert records.audited(tmp_path) == {**SOUND, **expected}


def test_a_shard_without_baskets_has_no_wrong_ones(tmp_path: Path) -> None:
    """Shards of older versions don't say what was ordered, so no basket is called wrong."""
    records, requests = Records(), buying()
    for request in requests:
        request.items = None
    records.orders[0]["items"] = [{"product": 2, "quantity": 2}]
    records.stock = {1: (100, 0), 2: (95, 5)}
    assert records.audited(tmp_path, requests) == SOUND


def test_two_customers_may_want_the_same(tmp_path: Path) -> None:
    """Orders of equal baskets aren't duplicates, neither of one customer who ordered twice nor of
    two customers."""
    records, requests = Records(), buying()
    requests[3].error, requests[3].total = ErrorKind.NONE, 1000
    records.orders += [row(3, cents=1000, items={1: 2}), {**row(999, cents=1000, items={1: 2}), "user": 77}]
    records.ledger.append((3, 1000))
    records.stock[1] = (94, 6)
    assert records.audited(tmp_path, requests) == {**SOUND, "acknowledged": 3}


@pytest.mark.parametrize(
    ("gone", "unknown"),
    [
        ("orders", set(SOUND) - set(LISTS) - {"acknowledged", "charged_twice", "sold_out"}),
        (
            "ledger",
            {"charged_twice", "wrong_amount", "wrong_amount_cents", "charged_not_kept", "kept_not_charged"},
        ),
        ("stock", {"oversold", "stock_without_order"}),
    ],
)
def test_a_missing_record_makes_its_figures_null(tmp_path: Path, gone: str, unknown: set[str]) -> None:
    """A missing record makes its figures null, not 0; the others stay."""
    records = Records()
    setattr(records, gone, None)
    assert records.audited(tmp_path) == {**SOUND, **dict.fromkeys(unknown)}


def test_unaudited_is_null_and_not_none_lost(tmp_path: Path) -> None:
    """Without any record every figure is null."""
    audit = measure(write(tmp_path / "run", STORY, buying()))["audit"]
    assert audit == {**dict.fromkeys(SOUND), **LISTS}


def test_nothing_acknowledged_is_nothing_audited(tmp_path: Path) -> None:
    """If buys were planned and none was acknowledged, `lost == 0` is unknown."""
    audit = Records().audited(tmp_path, steadily(), expect=["audit.lost == 0"])
    assert audit == {**dict.fromkeys(SOUND), **LISTS, "acknowledged": 0}
    assert json.loads(json.dumps(measure(tmp_path / "run")["expectations"]))[0]["holds"] is None


def test_without_buyers_no_order_is_lost(tmp_path: Path) -> None:
    """A load without buyers has no order to lose, and its audit says 0."""
    records = Records()
    records.orders, records.ledger, records.stock = [], [], {1: (100, 0)}
    assert records.audited(tmp_path, steadily(), load={"journeys": {"browse": 1}}) == {
        **SOUND,
        "acknowledged": 0,
    }


def test_a_broken_record_names_its_line(tmp_path: Path) -> None:
    """Half a row is an error with its line, in each of the files."""
    for name in ("audit", "ledger", "stock"):
        records = Records()
        folder = tmp_path / name
        records.audited(folder)
        with (folder / "run" / f"{name}.jsonl").open("a", encoding="utf-8") as file:
            file.write('{"id": "x"}\n')
        with pytest.raises(ValueError, match=rf"{name}\.jsonl:3: invalid row"):
            measure(folder / "run")


class TestRecoveryPoint:
    """The age of the oldest lost order: orders 1 to 4 were acknowledged at 10, 12, 14 and 30 s."""

    def lost(self, folder: Path, story: Story, *kept: int) -> tuple[int, float | None]:
        requests = steadily()
        for n, t in enumerate((10.0, 12.0, 14.0, 30.0), 1):
            request = next(purchase for purchase in requests if purchase.planned > t)
            request.planned = t
            request.order, request.total, request.took = n, 5, 0.0
        folder = write(folder / "run", story.finish(), requests, [row(n, cents=5) for n in kept])
        audit = measure(folder)["audit"]
        return audit["lost"], audit["rpo_s"]

    def region_lost(self, region: str = "us-east") -> Story:
        story = (
            Story()
            .begin()
            .add(15.0, "fault.intended", "f1", kind="region.lose", target=region, region=region)
        )
        return story.add(15.2, "fault.injected", "f1").add(19.0, "fence.confirmed", region)

    def test_it_counts_from_the_kill_to_the_oldest_lost(self, tmp_path: Path) -> None:
        """The oldest lost order is of 12 s; the region was lost at 15.2 s and fenced later, which
        lost nothing more."""
        assert self.lost(tmp_path, self.region_lost(), 1, 4) == (2, 3.2)

    def test_it_counts_from_the_kill_of_the_database_if_recorded(self, tmp_path: Path) -> None:
        """The recovery point counts to 15.06 s, when the region's database was killed."""
        story = self.region_lost()
        for t, service, region in ((15.02, "pricing", "us-east"), (15.04, "postgres", "eu-west")):
            story.add(t, "instance.killed", service, service=service, region=region)
        story.add(15.06, "instance.killed", "us-east.postgres.1", service="postgres", region="us-east")
        assert self.lost(tmp_path, story, 1, 4) == (2, 3.06)

    def test_none_lost_is_zero(self, tmp_path: Path) -> None:
        assert self.lost(tmp_path, self.region_lost(), 1, 2, 3, 4) == (0, 0.0)

    def test_without_an_audit_it_is_unknown(self, tmp_path: Path) -> None:
        """Without an audit the recovery point is null, not 0."""
        folder = write(tmp_path / "run", self.region_lost().finish(), buying())
        assert measure(folder)["audit"]["rpo_s"] is None

    def test_one_cut_off_lives_until_it_is_fenced(self, tmp_path: Path) -> None:
        """An isolated primary took orders until the fence stopped it."""
        story = Story().begin().add(11.0, "fault.intended", "f1", kind="region.isolate", target="us-east")
        story.add(11.1, "fault.injected", "f1").add(15.5, "fence.confirmed", "us-east")
        assert self.lost(tmp_path, story, 1, 4) == (2, 3.5)

    def test_a_standby_that_is_lost_takes_no_order_with_it(self, tmp_path: Path) -> None:
        """A fault in another region than the primary's doesn't explain a lost order."""
        story = Story().begin().add(15.0, "fault.intended", "f1", kind="region.lose", target="eu-west")
        assert self.lost(tmp_path, story.add(15.2, "fault.injected", "f1"), 1, 4) == (2, None)

    def test_after_a_promotion_the_primary_is_another(self, tmp_path: Path) -> None:
        """If the promoted region is lost, the recovery point counts to that loss."""
        story = self.region_lost().add(20.0, "database.promoted", "eu-west")
        story.add(33.0, "fault.intended", "f2", kind="database.kill", target="eu-west.postgres")
        assert self.lost(tmp_path, story.add(33.5, "fault.injected", "f2"), 1, 2, 3) == (1, 3.5)

    def test_a_deleted_environment_is_a_loss(self, tmp_path: Path) -> None:
        """The recovery point counts to the deletion; `fault.injected` comes only when the
        environment runs again."""
        story = (
            Story()
            .begin()
            .add(15.0, "fault.intended", "f1", kind="environment.delete", target="us-east", plan="c1")
        )
        story.add(16.0, "environment.deleted", "us-east").add(28.0, "fault.injected", "f1")
        assert self.lost(tmp_path, story, 1, 4) == (2, 4.0)

    def test_an_answer_may_be_read_after_its_sender_died(self, tmp_path: Path) -> None:
        """An order whose answer is read 0.5 s after the loss gives 0 s, and isn't unknown."""
        story = Story().begin().add(29.0, "fault.intended", "f1", kind="region.lose", target="us-east")
        assert self.lost(tmp_path, story.add(29.5, "fault.injected", "f1"), 1, 2, 3) == (1, 0.0)


def test_two_primaries_are_told_with_their_time(tmp_path: Path) -> None:
    """The first and the third order were taken by one database, the second by another one."""
    requests, records = steadily(), Records()
    for number, primary in enumerate(("eu-west/2", "us-east/2", "eu-west/2"), 1):
        requests[number * 100].order, requests[number * 100].total = number, 1000 * number
        requests[number * 100].primary = primary
    records.orders.append(row(3, cents=3000, items={}))
    records.ledger.append((3, 3000))
    audit = records.audited(tmp_path, requests)
    assert audit["two_primaries"] == 1
    (pair,) = audit["two_primaries_spans"]
    second = requests[200]
    assert pair["primaries"] == ["eu-west/2", "us-east/2"]
    assert (pair["since"], pair["until"]) == (second.planned, second.planned + second.took)
    assert [(span["primary"], span["acknowledged"]) for span in audit["primaries"]] == [
        ("eu-west/2", 2),
        ("us-east/2", 1),
    ]


def test_an_answer_that_names_its_database_makes_one_primary(tmp_path: Path) -> None:
    """Measured, and zero."""
    requests = buying()
    requests[0].primary = requests[1].primary = "us-east/1"
    audit = Records().audited(tmp_path, requests)
    assert (audit["two_primaries"], audit["two_primaries_spans"]) == (0, [])


def test_an_order_is_sold_out_if_that_was_the_last_answer(tmp_path: Path) -> None:
    """Neither acknowledged nor lost; one that was sold in the end, after a retry, isn't counted."""
    requests = buying()
    for number, order, answer in ((7, 7, 409), (8, 8, 409), (9, 8, 201), (10, 9, 503), (11, 9, 409)):
        requests[number].order, requests[number].answer, requests[number].user = order, answer, 7
        requests[number].total = 1000 if answer == 201 else -1
    records = Records()
    records.orders.append(row(8, cents=1000, items={1: 1}))
    records.ledger.append((8, 1000))
    records.stock = {1: (97, 3), 2: (97, 3)}
    audit = records.audited(tmp_path, requests)
    assert audit == SOUND | {"acknowledged": 3, "sold_out": 2}


@pytest.mark.parametrize(
    ("spans", "seconds"),
    [
        ((), 0.0),
        (((20.0, "us-east", True), (23.5, "us-east", False)), 3.5),
        (
            (
                (20.0, "us-east", True),
                (21.0, "eu-west", True),
                (22.0, "us-east", False),
                (24.0, "eu-west", False),
            ),
            4.0,
        ),
        (((END - 2.0, "eu-west", True),), 2.0),
    ],
)
def test_time_without_a_standby_is_counted_in_synchronous_mode(
    tmp_path: Path, spans: tuple[tuple[float, str, bool], ...], seconds: float
) -> None:
    """As long as some region acknowledges orders that only the primary has, to the end of the run if need be."""
    story = Story().begin()
    for t, region, without in spans:
        story.add(t, "region.seen", region, up=True, database=True, drained=False, asynchronous=without)
    system = {"system": {"regions": ["us-east", "eu-west"], "replication": {"mode": "sync"}}}
    records = Records()
    path = write(
        tmp_path / "run", story.finish(), buying(), records.orders, records.ledger, records.stock, **system
    )
    assert measure(path)["audit"] == SOUND | {"asynchronous_s": seconds}
