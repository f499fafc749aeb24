"""Costs: the cost explorer, an internal tool that shows what a region's infrastructure cost each day."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import database, serving
from .database import Database
from .settings import Settings, address

BY_DAY = "SELECT day, sum(cents)::bigint AS cents FROM usage WHERE region = $1 GROUP BY day ORDER BY day"


class Costs:
    """Answers for the cost explorer of one region."""

    def __init__(self, opened: Database, region: str) -> None:
        self._database = opened
        self._region = region

    async def by_day(self, request: Request) -> Response:
        """GET /costs: cents by day, oldest first, and their total."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(BY_DAY, self._region)
        days = [{"day": row["day"].isoformat(), "cents": row["cents"]} for row in rows]
        total = sum(row["cents"] for row in rows)
        return JSONResponse({"region": self._region, "currency": "USD", "days": days, "total_cents": total})


@asynccontextmanager
async def costs(settings: Settings) -> AsyncIterator[Sequence[Route]]:
    """The service: needs Postgres."""
    async with database.connected(address("DATABASE_URL")) as opened:
        yield [Route("/costs", Costs(opened, settings.region).by_day)]


if __name__ == "__main__":
    serving.run("costs", costs)
