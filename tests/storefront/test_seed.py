"""The template: what it holds, its key, and its making."""

import json
import subprocess
import sys
from itertools import islice, pairwise

import pytest

from storefront import rows, seed
from tests.support import storefront_services
from tests.support.nonempty_all import nonempty_all
from tests.support.storefront_services import right_prices


def test_preloaded_rows_are_the_same_each_time() -> None:
    """Two makings give the same rows."""
    for table in rows.tables():
        assert list(islice(rows.tables()[table], 50)) == list(islice(rows.tables()[table], 50))


def test_every_user_has_ten_orders_at_right_prices() -> None:
    """200,000 orders, ten each, each total by the rule, ids unique, in order of time."""
    prices, seen, placed = right_prices(), set(), []
    each = dict.fromkeys(range(1, rows.USERS + 1), 0)
    for identity, user, status, total, at, _, items, _ in rows.orders():
        assert isinstance(user, int)
        assert isinstance(items, str)
        each[user] += 1
        seen.add(identity)
        placed.append(at)
        bought = json.loads(items)
        assert status == "paid"
        assert total == sum(prices[item["product"]] * item["quantity"] for item in bought)
    assert len(seen) == 200_000
    assert set(each.values()) == {10}
    assert nonempty_all(earlier <= later for earlier, later in pairwise(placed))  # type: ignore[operator]


def test_the_key_of_the_template_follows_its_ingredients() -> None:
    """The key is the same twice, and every file it names is there."""
    assert seed.template_key() == seed.template_key()
    assert nonempty_all((seed.HERE / name).is_file() for name in seed.INGREDIENTS)


# `python -m storefront.seed DIR` with a hundredth of the users: it takes a second in place of five.
SMALL_SEED = """
import runpy
from storefront import rows
rows.USERS //= 100
runpy.run_module("storefront.seed", run_name="__main__", alter_sys=True)
"""


@pytest.mark.system
def test_two_makers_at_once_leave_one_whole_template() -> None:
    """Both succeed, one folder stands, nothing else is left beside it."""
    with storefront_services.open_folder() as folder:
        makers = [
            subprocess.Popen(
                [sys.executable, "-c", SMALL_SEED, str(folder / "template")],
                env={"PYTHONPATH": str(storefront_services.COMPOSE)},
            )
            for _ in range(2)
        ]
        assert [maker.wait(timeout=60) for maker in makers] == [0, 0]
        assert [path.name for path in folder.iterdir()] == ["template"]
        assert (folder / "template" / "PG_VERSION").exists()
