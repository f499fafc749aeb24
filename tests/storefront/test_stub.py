"""The stub of the calibration."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import requests

from gameday.load import oracle
from tests.support.storefront_services import COMPOSE, HOST, free_port, start, stop

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    port = free_port()
    process = start("stub", port, {})
    yield f"http://{HOST}:{port}"
    assert stop(process) == 0


def test_every_page_is_right_in_the_eyes_of_the_loads_oracle(url: str) -> None:
    """Each product at its right price, stamped with region and release, as the load checks it."""
    right = oracle.Oracle.read(COMPOSE / "storefront/data/products.json")
    with requests.Session() as session:
        for product in right.products[::50]:
            answer = session.get(f"{url}/products/{product}", timeout=5)
            finding, _ = oracle.judge(oracle.product(right, product), answer.content)
            assert (answer.status_code, finding.right) == (200, True)
            assert answer.headers["X-Release"] == "stub-1.0.0"


def test_an_unknown_product_is_404(url: str) -> None:
    """And nothing else is answered: it is a stub."""
    answer = requests.get(f"{url}/products/0", timeout=5)
    assert (answer.status_code, json.loads(answer.content)) == (404, {"error": "no such product"})
    assert requests.get(f"{url}/orders?user=1", timeout=5).status_code == 404
