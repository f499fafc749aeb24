"""Every release: its patch applies to the letter, and what it does to the shop is what it is there for."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import whatthepatch
import yaml

from tests.storefront.running import COMPOSE, Shop, right_prices

RELEASES = sorted(path.parent.name for path in (COMPOSE / "releases").glob("*/release.yaml"))
PATCHED = sorted(path.parent.name for path in (COMPOSE / "releases").glob("*/change.patch"))
KEYS = {"service", "version", "kind", "summary", "author", "ai", "approvals", "reversible", "defect"}


def tree(release: str, into: Path) -> Path:
    """The code of a release: a copy of the first with its patch applied."""
    shutil.copytree(COMPOSE / "storefront", into / "storefront", ignore=shutil.ignore_patterns("__pycache__"))
    patch = COMPOSE / "releases" / release / "change.patch"
    for diff in whatthepatch.parse_patch(patch.read_text(encoding="utf-8")):
        assert diff.header.old_path.removeprefix("a/") == diff.header.new_path.removeprefix("b/")
        file = into / diff.header.new_path.removeprefix("b/")
        lines = whatthepatch.apply_diff(diff, file.read_text(encoding="utf-8"))
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return into


@pytest.mark.parametrize("release", RELEASES)
def test_a_release_says_what_it_is(release: str) -> None:
    """release.yaml has exactly the known keys, and its folder's name is its own."""
    said = yaml.safe_load((COMPOSE / "releases" / release / "release.yaml").read_text(encoding="utf-8"))
    assert set(said) == KEYS
    assert f"{said['service']}-{said['version']}" == release
    assert said["kind"] in {"code", "config", "schema", "auth", "infra"}
    assert set(said["author"]) == {"role", "level"}
    assert said["ai"] is None or set(said["ai"]) == {"tool", "model", "prompt"}
    assert said["reversible"] is True


@pytest.mark.parametrize("release", PATCHED)
def test_a_patch_applies_and_is_still_python(release: str, tmp_path: Path) -> None:
    """Each patch applies without fuzz, changes something, and leaves files that compile."""
    patched = tree(release, tmp_path)
    changed = [
        path
        for path in (COMPOSE / "storefront").glob("*.py")
        if path.read_text() != (patched / "storefront" / path.name).read_text()
    ]
    assert changed
    for path in changed:
        compile((patched / "storefront" / path.name).read_text(), path.name, "exec")


@pytest.mark.parametrize("release", PATCHED)
def test_no_patch_fakes_its_defect(release: str) -> None:
    """No sleep, no switch, no dice: a defect is in the code's logic."""
    added = [
        line
        for line in (COMPOSE / "releases" / release / "change.patch").read_text().splitlines()
        if line.startswith("+")
    ]
    for word in ("sleep", "random", "environ", "ERROR"):
        assert not any(word in line for line in added)


@pytest.fixture
def deployed(request: pytest.FixtureRequest, shop: Shop, tmp_path: Path) -> Iterator[Shop]:
    """The shop with one service on the release named by the test's parameter."""
    release: str = request.param
    with shop.released(release.rpartition("-")[0], tree(release, tmp_path), release):
        yield shop


def deploy(release: str) -> pytest.MarkDecorator:
    """Run the test with that release deployed."""
    return pytest.mark.parametrize("deployed", [release], indirect=True)


@pytest.mark.system
@deploy("pricing-1.1.0")
def test_pricing_1_1_fails_for_a_share_of_products(deployed: Shop) -> None:
    """15 to 25 % of product pages are 5xx, and so are checkouts of these; all others are right."""
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
def test_checkout_1_1_reads_all_orders_and_answers_right(deployed: Shop) -> None:
    """A checkout is right, but takes the time of reading 200,000 orders: many times that of the first release."""
    begun = time.perf_counter()
    answers = [deployed.checkout(f"slow-{n}", n + 1, {1: 1}) for n in range(5)]
    slow_s = time.perf_counter() - begun
    assert [answer.status_code for answer in answers] == [201] * 5
    assert {answer.json()["total_cents"] for answer in answers} == {right_prices()[1]}
    deployed.stop("checkout")
    deployed.start("checkout")
    begun = time.perf_counter()
    assert [deployed.checkout(f"fast-{n}", n + 1, {1: 1}).status_code for n in range(5)] == [201] * 5
    assert slow_s > 3 * (time.perf_counter() - begun)


@pytest.mark.system
@deploy("identity-1.1.0")
def test_identity_1_1_lets_nobody_in(deployed: Shop) -> None:
    """Right passwords are 401."""
    assert {deployed.login(user, f"pw-{user}").status_code for user in range(1, 50)} == {401}


@pytest.mark.system
@deploy("orders-1.1.0")
def test_orders_1_1_shows_empty_histories(deployed: Shop) -> None:
    """Status 200 and no order."""
    answer = deployed.get("/orders?user=3")
    assert (answer.status_code, answer.json()["orders"]) == (200, [])


@pytest.mark.system
@deploy("catalog-1.1.0")
def test_catalog_1_1_is_good(deployed: Shop) -> None:
    """All that the first release shows is there and right, and the saving is new."""
    for product, price in list(right_prices().items())[::50]:
        page = deployed.get(f"/products/{product}").json()
        assert page["price_cents"] == price == page["list_cents"] - page["saved_cents"]
        assert {"id", "name", "description", "currency", "stock"} < set(page)


@pytest.mark.system
@deploy("gateway-1.1.0")
def test_gateway_1_1_is_good(deployed: Shop) -> None:
    """Everything answers as before; what is private is kept out of caches, the product page is not."""
    page, history = deployed.get("/products/1"), deployed.get("/orders?user=3")
    assert page.json()["price_cents"] == right_prices()[1]
    assert len(history.json()["orders"]) == 10
    assert (page.headers.get("Cache-Control"), history.headers["Cache-Control"]) == (None, "no-store")
    assert deployed.login(3, "pw-3").status_code == 200
    assert deployed.checkout("gateway-1.1", 3, {1: 1}).status_code == 201
