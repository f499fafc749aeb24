"""Prices as catalog gets them: from pricing, or the last known ones where that fails or operators say so.

Every price that was seen is remembered. With the guardrail `degraded` the whole list is fetched now and then, so that
none is missing when it is needed, and a known price is good enough where pricing fails. The flag `degraded-prices`
does without pricing wherever a price is known.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from .outgoing import Peer
from .problems import UpstreamProblem
from .settings import Settings

FILL_EVERY_S = 10.0
# While some are missing: pricing may have come up after us.
FILL_AGAIN_S = 0.5
BATCH = 100

Quote = Mapping[str, Any]


class Quotes:
    """Quotes by product."""

    def __init__(self, settings: Settings, pricing: Peer) -> None:
        self._degraded = "degraded" in settings.guardrails
        self._flags = settings.flags
        self._pricing = pricing
        self._known: dict[int, Quote] = {}

    async def of(self, product: int) -> tuple[Quote, bool]:
        """The quote, and whether it is an old one. Raises as `Peer.ask`."""
        known = self._known.get(product)
        if known is not None and self._flags["degraded-prices"]:
            return known, True
        try:
            fresh: Quote = await self._pricing.ask(f"/prices/{product}")
        except UpstreamProblem:
            if known is None or not self._degraded:
                raise
            return known, True
        self._known[product] = fresh
        return fresh, False

    async def fill(self, products: Sequence[int]) -> None:
        """Learn the quotes of all these products, again and again, while old ones are of any use."""
        while self._degraded:
            for start in range(0, len(products), BATCH):
                query = "&".join(f"id={product}" for product in products[start : start + BATCH])
                with suppress(UpstreamProblem):
                    answer = await self._pricing.ask(f"/prices?{query}")
                    self._known |= {quote["id"]: quote for quote in answer["prices"]}
            missing = len(self._known) < len(products)
            await asyncio.sleep(FILL_AGAIN_S if missing else FILL_EVERY_S)
