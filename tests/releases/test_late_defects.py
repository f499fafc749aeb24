"""Tests of releases that look good when they are deployed: the defect shows with time, under load,
or at the start."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.support.release_trees import deploy, output_of, tree
from tests.support.storefront_services import Shop, right_prices

MEGABYTE = 1_000_000
# Asks for suggestions as storefront's catalog does; prints the number of comparisons of each page.
COMPARISONS = """
from storefront import catalog, products
compared = []
alike = catalog._likeness
catalog._likeness = lambda one, other: compared.append(one) or alike(one, other)
views, known = catalog.Views(), list(products.load().values())
for product in known[:10] * 3:
    before = len(compared)
    suggested = views.also(product)
    assert product.id not in suggested and len(suggested) == len(set(suggested)) <= 4
    print(len(compared) - before)
"""
# Sends pages evenly; prints how many of a second's pages are rejected.
REFUSALS = """
from storefront.catalog import Crawlers
from storefront.problems import Problem
for rate in (20, 40, 55, 74):
    now, refused = 1000.0, 0
    crawlers = Crawlers(lambda: now)
    for n in range(3 * rate):
        now = 1000.0 + n / rate
        try:
            crawlers.keep_off()
        except Problem as problem:
            refused += problem.status == 503
    print(refused // 3)
"""


def test_catalog_1_2_compares_each_page_with_every_view_there_was(tmp_path: Path) -> None:
    """The nth page takes about n comparisons, even if only ten products were viewed; suggestions
    are right."""
    counts = [int(word) for word in output_of(tree("catalog-1.2.0", tmp_path), COMPARISONS)]
    assert counts == [n - n // 10 for n in range(30)]


@pytest.mark.system
@deploy("catalog-1.2.0")
def test_catalog_1_2_shows_right_pages(deployed: Shop) -> None:
    """Prices and suggestions are right; only the time is wrong."""
    pages = [deployed.get(f"/products/{product}").json() for product in (1, 2, 3)]
    assert [page["price_cents"] for page in pages] == [right_prices()[product] for product in (1, 2, 3)]
    assert [set(page["also"]) for page in pages] == [set(), {1}, {1, 2}]


def test_catalog_1_3_rejects_requests_only_at_its_peak(tmp_path: Path) -> None:
    """Of one region's product pages a second none of 20 or 40 is rejected, 12 of 55 and 31 of 74 are."""
    assert output_of(tree("catalog-1.3.0", tmp_path), REFUSALS) == ["0", "0", "12", "31"]


@pytest.mark.system
@deploy("catalog-1.3.0")
def test_catalog_1_3_is_good_on_a_quiet_day(deployed: Shop) -> None:
    """Some pages, one after the other, are right."""
    shown = {product: deployed.get(f"/products/{product}").json()["price_cents"] for product in range(1, 11)}
    assert shown == {product: right_prices()[product] for product in range(1, 11)}


@pytest.mark.system
@pytest.mark.parametrize(("release", "grows"), [("pricing-1.0.0", False), ("pricing-1.3.0", True)])
def test_pricing_1_3_keeps_the_price_list_of_every_moment(
    shop: Shop, tmp_path: Path, release: str, grows: bool
) -> None:
    """Prices are right, and memory grows by about ten megabytes a second; with the first release it
    doesn't."""
    code = tree(release, tmp_path) if grows else None
    if code:
        shop.stop("pricing")
        shop.start("pricing", code, release)
    try:
        shop.get("/products/1")
        process = psutil.Process(shop.running["pricing"].pid)
        before, until = process.memory_info().rss, time.monotonic() + (20 if grows else 2)
        shown = {product: shop.get(f"/products/{product}").json()["price_cents"] for product in range(1, 101)}
        while (grown := (process.memory_info().rss - before) / MEGABYTE) < 30 and time.monotonic() < until:
            time.sleep(0.05)
    finally:
        if code:
            shop.stop("pricing")
            shop.start("pricing")
    assert shown == {product: right_prices()[product] for product in range(1, 101)}
    assert (grown >= 30) if grows else (grown < 15)


def test_identity_1_2_ends_at_its_start(tmp_path: Path) -> None:
    """The release exits at its start and names the missing setting."""
    given = {"DATABASE_URL": "postgresql://shop@127.0.0.1:1/shop", "TOKEN_SECRET": "secret", "PORT": "1"}
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tree("identity-1.2.0", tmp_path)), **given}
    done = subprocess.run(
        [sys.executable, "-m", "storefront.identity"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode != 0
    assert "LEAKS_URL is not set" in done.stderr
