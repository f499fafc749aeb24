"""Tests of every release: its patch applies exactly, and the release shows its defect or none."""

import ast
import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import yaml

from gameday.changes.change_identity import Ai, diff_hash, text_hash
from gameday.execution import library
from tests.support.release_trees import deploy, tree
from tests.support.storefront_services import COMPOSE, Shop, right_prices

RELEASES = sorted(path.parent.name for path in (COMPOSE / "releases").glob("*/release.yaml"))
PATCHED = sorted(path.parent.name for path in (COMPOSE / "releases").glob("*/change.patch"))
KEYS = {"service", "version", "kind", "summary", "author", "ai", "approvals", "reversible"}
OPTIONAL = {"defect", "migration", "task", "scope"}


@pytest.mark.parametrize("release", RELEASES)
def test_a_release_file_is_complete(release: str) -> None:
    """release.yaml has all keys, no unknown one, and the name of its folder."""
    spec = yaml.safe_load((COMPOSE / "releases" / release / "release.yaml").read_text(encoding="utf-8"))
    assert set(spec) - OPTIONAL == KEYS
    assert f"{spec['service']}-{spec['version']}" == release
    assert spec["kind"] in {"code", "config", "schema", "auth", "infra"}
    assert set(spec["author"]) == {"id", "role", "level"}
    assert [set(person) for person in spec["approvals"]] == [{"id", "role", "level"}] * len(spec["approvals"])
    assert spec["ai"] == "none" or set(spec["ai"]) == {"tool", "model", "prompt", "promptHash", "diffHash"}
    assert spec["reversible"] is True


@pytest.mark.parametrize("release", RELEASES)
def test_identities_and_hashes_are_right(release: str) -> None:
    """Authors and approvers are in people.yaml, the service has an owner, and AI is bound to prompt and diff."""
    catalogue = library.catalogue()
    spec = catalogue.spec(release)
    assert catalogue.check(release) == []
    assert catalogue.people().owners_of_service(spec.service) != ("platform-owner",)
    if isinstance(spec.ai, Ai):
        assert spec.ai.prompt_hash == text_hash(spec.ai.prompt)
        assert spec.ai.diff_hash == diff_hash(catalogue.patch(release))


@pytest.mark.parametrize("release", PATCHED)
def test_a_patch_applies_and_is_still_python(release: str, tmp_path: Path) -> None:
    """Each patch applies without fuzz, changes something, and leaves files that compile and use no undefined name."""
    patched = tree(release, tmp_path)
    changed = [
        path
        for path in (COMPOSE / "storefront").glob("*.py")
        if path.read_text() != (patched / "storefront" / path.name).read_text()
    ]
    assert changed
    for path in changed:
        compile((patched / "storefront" / path.name).read_text(), path.name, "exec")
    command = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--isolated",
        "--no-cache",
        "--select",
        "F821",
        str(patched),
    ]
    undefined = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert undefined.returncode == 0, undefined.stdout


@pytest.mark.parametrize("release", PATCHED)
def test_no_patch_fakes_its_defect(release: str) -> None:
    """A patch has no sleep, no switch and no random numbers: a defect is in the code's logic."""
    added = [
        line
        for line in (COMPOSE / "releases" / release / "change.patch").read_text().splitlines()
        if line.startswith("+")
    ]
    for word in ("sleep", "random", "environ", "ERROR"):
        assert not any(word in line for line in added)


@pytest.mark.parametrize("release", RELEASES)
def test_a_migration_is_in_the_folder_of_a_schema_change(release: str) -> None:
    """release.yaml names every SQL file of the folder as its migration, and no other file."""
    spec = yaml.safe_load((COMPOSE / "releases" / release / "release.yaml").read_text(encoding="utf-8"))
    there = [path.name for path in (COMPOSE / "releases" / release).glob("*.sql")]
    assert there == ([spec["migration"]] if spec.get("migration") else [])
    assert not there or spec["kind"] == "schema"


@pytest.mark.system
@deploy("pricing-1.1.0")
def test_pricing_1_1_fails_for_a_share_of_products(deployed: Shop) -> None:
    """15 to 25 % of product pages are 5xx, and so are checkouts of these products; all others are
    right."""
    statuses = {product: deployed.get(f"/products/{product}").status_code for product in range(1, 1001)}
    failed = [product for product, status in statuses.items() if status != 200]
    assert {statuses[product] for product in failed} == {502}
    assert 150 <= len(failed) <= 250
    assert deployed.checkout("pricing-1.1-bad", 1, {failed[0]: 1}).status_code == 502
    good = next(product for product, status in statuses.items() if status == 200)
    assert deployed.get(f"/products/{good}").json()["price_cents"] == right_prices()[good]
    assert deployed.checkout("pricing-1.1-good", 1, {good: 1}).status_code == 201


@pytest.mark.system
@deploy("pricing-1.2.0")
def test_pricing_1_2_is_wrong_without_an_error(deployed: Shop) -> None:
    """Every page is a 200, a quarter to a half of all prices are wrong, and a checkout charges them."""
    answers = {product: deployed.get(f"/products/{product}") for product in range(1, 1001)}
    assert {answer.status_code for answer in answers.values()} == {200}
    shown = {product: answer.json()["price_cents"] for product, answer in answers.items()}
    wrong = [product for product, price in right_prices().items() if shown[product] != price]
    assert 250 <= len(wrong) <= 500
    paid = deployed.checkout("pricing-1.2", 1, {wrong[0]: 1})
    assert (paid.status_code, paid.json()["total_cents"]) == (201, shown[wrong[0]])


@pytest.mark.system
@deploy("checkout-1.1.0")
def test_checkout_1_1_answers_right(deployed: Shop) -> None:
    """Checkouts are as right as before; another test covers their duration."""
    answers = [deployed.checkout(f"slow-{n}", n + 1, {1: 1}) for n in range(3)]
    assert [answer.status_code for answer in answers] == [201] * 3
    assert {answer.json()["total_cents"] for answer in answers} == {right_prices()[1]}


@pytest.mark.system
def test_checkout_1_1_scans_all_orders_instead_of_the_index(shop: Shop, tmp_path: Path) -> None:
    """Postgres' plan is an index scan before and a sequential scan of all orders after; both return
    the same rows."""
    first, later = latest(COMPOSE), latest(tree("checkout-1.1.0", tmp_path))

    async def ask() -> tuple[list[str], list[list[Any]]]:
        connection = await asyncpg.connect(shop.database, timeout=5, command_timeout=5)
        try:
            plans = [await connection.fetch("EXPLAIN " + query, 700, 101) for query in (first, later)]
            rows = [await connection.fetch(query, 700, 101) for query in (first, later)]
        finally:
            await connection.close(timeout=5)
        return ["\n".join(row[0] for row in plan) for plan in plans], rows

    plans, rows = asyncio.run(ask())
    assert "Index" in plans[0]
    assert "Seq Scan on orders" not in plans[0]
    assert "Seq Scan on orders" in plans[1]
    assert len(rows[0]) == 10
    assert rows[0] == rows[1]


def latest(code: Path) -> str:
    """Return the query of the velocity check in that tree."""
    module = ast.parse((code / "storefront" / "velocity.py").read_text(encoding="utf-8"))
    texts = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in module.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id == "LATEST"
    }
    return str(texts["LATEST"])


@pytest.mark.system
@deploy("identity-1.1.0")
def test_identity_1_1_rejects_every_login(deployed: Shop) -> None:
    """Right passwords are answered with 401."""
    assert {deployed.login(user, f"pw-{user}").status_code for user in range(1, 50)} == {401}


@pytest.mark.system
@deploy("orders-1.1.0")
def test_orders_1_1_shows_empty_histories(deployed: Shop) -> None:
    """Histories are answered with 200 and no order."""
    answer = deployed.get("/orders?user=3")
    assert (answer.status_code, answer.json()["orders"]) == (200, [])


@pytest.mark.system
@deploy("catalog-1.1.0")
def test_catalog_1_1_is_good(deployed: Shop) -> None:
    """Pages show all that the first release shows, and the saving as well."""
    for product, price in list(right_prices().items())[::50]:
        page = deployed.get(f"/products/{product}").json()
        assert page["price_cents"] == price == page["list_cents"] - page["saved_cents"]
        assert {"id", "name", "description", "currency", "stock"} < set(page)


@pytest.mark.system
@deploy("gateway-1.1.0")
def test_gateway_1_1_is_good(deployed: Shop) -> None:
    """Answers are as before; private pages aren't cacheable, the product page is."""
    page, history = deployed.get("/products/1"), deployed.get("/orders?user=3")
    assert page.json()["price_cents"] == right_prices()[1]
    assert len(history.json()["orders"]) == 10
    assert (page.headers.get("Cache-Control"), history.headers["Cache-Control"]) == (None, "no-store")
    assert deployed.login(3, "pw-3").status_code == 200
    assert deployed.checkout("gateway-1.1", 3, {1: 1}).status_code == 201


@pytest.mark.system
@deploy("gateway-1.2.0")
def test_gateway_1_2_fails_one_request_in_twenty(deployed: Shop) -> None:
    """Every twentieth request fails, on any path."""
    statuses = [deployed.get(f"/products/{product}").status_code for product in range(1, 201)]
    assert [statuses.count(status) for status in (500, 200)] == [10, 190]


@pytest.mark.system
@deploy("gateway-1.3.0")
def test_gateway_1_3_rejects_every_request_and_looks_healthy(deployed: Shop) -> None:
    """Every path but the health check is rejected."""
    assert {deployed.get(path).status_code for path in ("/products/1", "/orders?user=1", "/costs")} == {421}
    assert deployed.checkout("gateway-1.3", 1, {1: 1}).status_code == 421
    assert deployed.get("/healthz").status_code == 200
