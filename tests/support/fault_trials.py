"""One trial for each fault: the spec to inject, and how a user of the system sees its effect.

A fault without a trial fails the suite.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.fake_arena import SOON_S, World

Look = Callable[[World], bool]


@dataclass(frozen=True)
class Trial:
    """`harmed` holds at some moment of `inject` or just after it, and at no moment before it or
    after `revert`.

    `well` is the check after `revert` if it is more than the absence of harm.
    """

    spec: Mapping[str, Any]
    harmed: Look
    well: Look | None = None
    postgres: bool = False

    def is_well(self, world: World) -> bool:
        return self.well(world) if self.well else not self.harmed(world)


def unsound(*names: str) -> Look:
    """Return whether every one of these links fails."""
    return lambda world: not any(world.sound(name, SOON_S) for name in names)


STOCK = """
    CREATE TABLE IF NOT EXISTS stock (product integer PRIMARY KEY, quantity integer, withheld integer DEFAULT 0);
    INSERT INTO stock VALUES (3, 90) ON CONFLICT DO NOTHING
"""


def scarce(world: World) -> bool:
    """Return whether five units are on sale and the others are withheld; else all ninety are on sale."""
    import asyncio

    import asyncpg

    async def units() -> tuple[int, int]:
        connection = await asyncpg.connect(world.system.url, timeout=5, ssl=False)
        try:
            await connection.execute(STOCK)
            row = await connection.fetchrow("SELECT quantity, withheld FROM stock WHERE product = 3")
        finally:
            await connection.close()
        return row["quantity"], row["withheld"]

    left, withheld = asyncio.run(units())
    assert left + withheld == 90
    return left == 5


def missing(count: int, *place: str) -> Look:
    return lambda world: len(world.system.instances(*place)) == count


def frozen(prefix: str) -> Look:
    return lambda world: any(instance.startswith(prefix) for instance in world.system.substrate.frozen)


def performing(world: World) -> bool:
    """Return whether a command acts on the system."""
    return bool(getattr(world.system.substrate, "performed", {}))


def limited(prefix: str, limit: Any) -> Look:
    def look(world: World) -> bool:
        bounds: Mapping[str, Any] = getattr(world.system.substrate, "limited", {})
        return any(name.startswith(prefix) and bound == limit for name, bound in bounds.items())

    return look


def behaves(mode: str, share: float) -> Look:
    return lambda world: list(world.system.behaviour.values()) == [{"mode": mode, "share": share}]


def crowded(world: World) -> bool:
    """Return whether the database refuses connections."""
    import asyncio

    import asyncpg

    async def let_in() -> bool:
        try:
            connection = await asyncpg.connect(world.system.url, timeout=5, ssl=False)
        except asyncpg.TooManyConnectionsError:
            return False
        await connection.close()
        return True

    return not asyncio.run(let_in())


WEST = {"region": "eu-west"}
PAYMENTS = {"link": {"from": "checkout", "to": "payments", "region": "us-east"}}
TO_PAYMENTS = unsound("us-east.checkout--payments")
BORDER = unsound("edge--gateway.eu-west", "us-east.checkout--postgres.eu-west", "eu-west.checkout--payments")

TRIALS: Mapping[str, Trial] = {
    "region.lose": Trial(
        {**WEST, "volumes": "destroy"}, lambda world: not world.system.instances(region="eu-west")
    ),
    "region.isolate": Trial(WEST, BORDER),
    "region.grey": Trial({**WEST, "latency": "1m"}, BORDER),
    "region.flap": Trial({**WEST, "times": 2}, BORDER),
    "link.down": Trial(PAYMENTS, TO_PAYMENTS),
    "link.latency": Trial({**PAYMENTS, "latency": "1m", "direction": "upstream"}, TO_PAYMENTS),
    "link.timeout": Trial(PAYMENTS, TO_PAYMENTS),
    "link.reset": Trial({**PAYMENTS, "direction": "both"}, TO_PAYMENTS),
    "link.bandwidth": Trial({**PAYMENTS, "rate": "1KB/s"}, TO_PAYMENTS),
    "link.slow-close": Trial({**PAYMENTS, "delay": "1m"}, TO_PAYMENTS),
    "link.slicer": Trial({**PAYMENTS, "size": "10B", "variation": "2B", "delay": "100ms"}, TO_PAYMENTS),
    "link.limit-data": Trial({**PAYMENTS, "bytes": "1KiB"}, TO_PAYMENTS),
    "dependency.error": Trial({"service": "payments", "share": "50%"}, behaves("error", 0.5)),
    "dependency.garbage": Trial({"service": "payments"}, behaves("garbage", 1.0)),
    "dependency.silent": Trial({"service": "payments"}, behaves("silent", 1.0)),
    "address.gone": Trial({"service": "pricing", "region": "us-east"}, unsound("us-east.checkout--pricing")),
    "database.kill": Trial({}, missing(0, "postgres", "us-east")),
    "database.pause": Trial(WEST, frozen("eu-west.postgres")),
    "database.slow": Trial(
        {"latency": "1m"}, unsound("us-east.checkout--postgres", "eu-west.postgres--postgres.us-east")
    ),
    "database.connections": Trial({}, crowded, postgres=True),
    "database.disk": Trial({}, limited("us-east.postgres", "files")),
    "command": Trial({"inject": ["x"], "revert": ["y"], "confirm": ["z"]}, performing),
    "instance.kill": Trial({"service": "pricing", "count": "all"}, missing(0, "pricing")),
    "instance.pause": Trial({"service": "payments"}, frozen("payments")),
    "instance.cpu": Trial({"service": "pricing", "cpus": 0.1}, limited("us-east.pricing", (0.1, None))),
    "instance.memory": Trial(
        {"service": "pricing", "memory": "64MiB"}, limited("us-east.pricing", (None, 2**26))
    ),
    "instance.restart-loop": Trial(
        {"service": "gateway", "times": 3},
        lambda world: len(world.system.killed) >= 2,
        lambda world: world.system.whole(),
    ),
    "stock.limit": Trial({"product": 3, "units": 5}, scarce, postgres=True),
    "load.surge": Trial({"factor": 3}, lambda world: world.load.factor == 3),
    "load.retry-storm": Trial({"attempts": 2}, lambda world: world.load.attempts == 2),
}
