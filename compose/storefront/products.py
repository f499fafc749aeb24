"""The product range as shipped with the code: data/products.json, read once at start."""

import json
from dataclasses import dataclass
from pathlib import Path

PATH = Path(__file__).with_name("data") / "products.json"


@dataclass(frozen=True)
class Product:
    """One article. Prices in cents, the discount in basis points (1/100 %)."""

    id: int
    name: str
    description: str
    list_cents: int
    discount_bp: int
    past_30_days_cents: tuple[int, ...]


def load(path: Path = PATH) -> dict[int, Product]:
    """All products by id."""
    rows = json.loads(path.read_text(encoding="utf-8"))
    return {
        row["id"]: Product(**{**row, "past_30_days_cents": tuple(row["past_30_days_cents"])}) for row in rows
    }
