"""A basket: which products, how many of each. Read from a caller's body, kept with the order as JSON."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from . import bodies
from .problems import Problem

# (product, quantity) in ascending order of product: stock is locked in this order, so that two orders never deadlock.
Basket = tuple[tuple[int, int], ...]

LINES = 50
QUANTITY = 1000


def basket(body: Mapping[str, Any]) -> Basket:
    """The basket in a body's `items`; the same product twice is added up."""
    items = body.get("items")
    if not isinstance(items, list) or not 0 < len(items) <= LINES:
        raise Problem(400, f"items must be a list of 1 to {LINES}")
    quantities: Counter[int] = Counter()
    for item in items:
        if not isinstance(item, dict):
            raise Problem(400, "an item must be an object with product and quantity")
        quantities[bodies.positive(item, "product")] += bodies.positive(item, "quantity")
    if max(quantities.values()) > QUANTITY:
        raise Problem(400, f"at most {QUANTITY} of a product")
    return tuple(sorted(quantities.items()))


def written(items: Basket) -> str:
    """The basket as JSON, as an order holds it."""
    return json.dumps([{"product": product, "quantity": quantity} for product, quantity in items])


def read(text: str) -> Basket:
    """The basket from an order's JSON."""
    return tuple((item["product"], item["quantity"]) for item in json.loads(text))
