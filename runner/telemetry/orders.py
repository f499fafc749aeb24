"""What Postgres says of the run's orders, written down for the audit before the system goes away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def collect_orders(url: str, run: str, file: Path, timeout: float = 10.0) -> Mapping[str, Any]:
    """One JSON line an order of this run into `file`: {id, status, total_cents}.

    `url` is a postgresql:// address. Returns the journal's data {file, orders, why}; where the database can't be asked
    no file is written, so that the audit says *unaudited* and not *none lost*.
    """
    try:
        rows = asyncio.run(asyncio.wait_for(_query(url, run), timeout))
    except Exception as error:
        return {"file": None, "orders": None, "why": f"{type(error).__name__}: {error}"}
    lines = [json.dumps({"id": i, "status": status, "total_cents": total}) + "\n" for i, status, total in rows]
    file.write_text("".join(lines), encoding="utf-8")
    return {"file": file.name, "orders": len(rows), "why": ""}


async def _query(url: str, run: str) -> list[tuple[str, str, int]]:
    import asyncpg

    connection = await asyncpg.connect(url, timeout=5, command_timeout=8)
    try:
        rows = await connection.fetch(
            "SELECT id, status, total_cents FROM orders WHERE starts_with(id, $1) ORDER BY id", f"{run}-"
        )
    finally:
        await connection.close(timeout=2)
    return [(str(row["id"]), str(row["status"]), int(row["total_cents"])) for row in rows]
