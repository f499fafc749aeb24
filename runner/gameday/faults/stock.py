"""Faults of the shop's stock: a product of which few are left."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from pydantic import Field

from gameday.faults.fault_spec import Chosen, Spec, Trouble
from gameday.ports import Arena, PortError, System, Wait
from gameday.topology import Topology

CONNECT_S, STATEMENT_S = 5.0, 10.0
# What is withheld stays in the row, so that a failover keeps or loses both figures together.
WITHHOLD = """
    UPDATE stock SET withheld = withheld + quantity - $2::integer, quantity = $2::integer
    WHERE product = $1::integer AND quantity > $2::integer
"""
GIVE_BACK = """
    UPDATE stock SET quantity = quantity + withheld, withheld = 0 WHERE product = $1::integer AND withheld > 0
"""
COUNT = "SELECT quantity FROM stock WHERE product = $1::integer"


class Limit(Spec):
    """Leave only `units` of a product on sale; the revert puts the others on sale again."""

    kind = "stock.limit"
    product: int = Field(default=1, ge=1, description="the product's id; the journey rush orders product 1")
    units: int = Field(ge=1, description="how many are left on sale")

    def problems(self, topology: Topology) -> Iterable[Trouble]:
        return ()

    def target(self, chosen: Chosen) -> str:
        return f"product {self.product}"

    def choose(self, system: System) -> Chosen:
        system.database(system.primary())
        return {}

    def inject(self, arena: Arena, chosen: Chosen, wait: Wait) -> None:
        url = arena.system.database(arena.system.primary())
        run(url, WITHHOLD, self.product, self.units)
        left = run(url, COUNT, self.product)
        if left is None or left > self.units:
            raise PortError(f"{self.kind}: there is no product {self.product}")

    def revert(self, arena: Arena, chosen: Chosen) -> None:
        """Put the withheld units on sale at today's primary. Idempotent."""
        run(arena.system.database(arena.system.primary()), GIVE_BACK, self.product)


def run(url: str, statement: str, *arguments: int) -> Any:
    """Run a statement and return its first value. Raise PortError if it fails."""

    async def connected() -> Any:
        import asyncpg

        connection = await asyncpg.connect(url, timeout=CONNECT_S, command_timeout=STATEMENT_S)
        try:
            return await connection.fetchval(statement, *arguments)
        finally:
            connection.terminate()

    try:
        return asyncio.run(asyncio.wait_for(connected(), CONNECT_S + STATEMENT_S))
    except Exception as error:  # the driver raises many types for a server that is going away
        raise PortError(f"the stock can't be changed: {type(error).__name__}: {error}") from error
