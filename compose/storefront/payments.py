"""Payments: the third party that charges cards, outside every region, with an append-only ledger of its own.

Charges are idempotent by key: the same order is charged once however often it is asked for. The ledger is the
truth that an audit compares Postgres with, so a charge is in the file before it is answered. One instance at
a time owns a ledger.
"""

import contextlib
import json
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import bodies, operators, serving
from .problems import Problem
from .sandbox import Sandbox
from .settings import Settings

# What the card network lets through in one charge.
LIMIT_CENTS = 1_000_000


class Ledger:
    """Charges by key, in memory and in a file of JSON lines; a last line cut short by a crash is not a charge."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._charges = dict(_read(path))
        # Unbuffered: what the kernel didn't take is nowhere, and can't reach the file with a later charge.
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
        # Where a half line begins that could not be removed.
        self._torn: int | None = None

    def find(self, key: str) -> dict[str, Any] | None:
        """Return the charge of that key, or None."""
        return self._charges.get(key)

    def add(self, key: str, amount_cents: int) -> dict[str, Any]:
        """Append a charge, handed to the kernel before it returns; return the charge.

        Raise OSError if the file can't take the whole line, for example because the disk is full; nothing is charged then.
        """
        charge = {"order_id": key, "amount_cents": amount_cents, "charged_at": time.time()}
        line = (json.dumps(charge) + "\n").encode()
        end = os.fstat(self._file).st_size if self._torn is None else self._torn
        self._torn = end
        try:
            _write_all(self._file, line, end)
        except OSError:
            # If this fails too, the next charge is written over the half line.
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, end)
                self._torn = None
            raise
        self._torn = None
        self._charges[key] = charge
        return charge

    def lines(self) -> str:
        """Return all charges as JSON lines, as they are in the file: an audit must see a double charge."""
        return self._path.read_bytes()[: self._torn].decode()

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


def _write_all(file: int, line: bytes, position: int) -> None:
    """Write the line at that position. Raise OSError if not all of it was written."""
    written = 0
    while written < len(line):
        written += os.pwrite(file, line[written:], position + written)


def _read(path: Path) -> list[tuple[str, dict[str, Any]]]:
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        os.truncate(path, len(whole.encode()))
    return [(charge["order_id"], charge) for charge in map(json.loads, whole.splitlines())]


class Charges:
    """Endpoints for charges and for the ledger."""

    def __init__(self, ledger: Ledger, sandbox: Sandbox, key: str) -> None:
        self._ledger = ledger
        self._sandbox = sandbox
        self._key = key

    async def charge(self, request: Request) -> Response:
        """POST /charges {"amount_cents"} with Idempotency-Key: 201, or 200 if it was charged before; 402 refused.

        401 without the merchant's key.
        """
        operators.demand(request, self._key, "the merchant's key is missing")
        misbehaved = await self._sandbox.misbehaved(request, after=False)
        if misbehaved is not None:
            return misbehaved
        key = bodies.idempotency_key(request)
        amount = bodies.positive(await bodies.json_object(request), "amount_cents")
        charged = self._ledger.find(key)
        if charged is not None:
            if charged["amount_cents"] != amount:
                raise Problem(409, "this key was used for another amount")
            return JSONResponse(charged)
        if amount > LIMIT_CENTS:
            raise Problem(402, "the card was refused")
        try:
            charge = self._ledger.add(key, amount)
        except OSError as error:
            raise Problem(507, f"the ledger can't be written: {error.strerror or error}") from error
        return await self._sandbox.misbehaved(request, after=True) or JSONResponse(charge, 201)

    async def ledger(self, request: Request) -> Response:
        """GET /ledger: every charge, as JSON lines; 401 without the merchant's key."""
        operators.demand(request, self._key, "the merchant's key is missing")
        return Response(self._ledger.lines(), media_type="application/x-ndjson")


@asynccontextmanager
async def payments(settings: Settings) -> AsyncIterator[Sequence[Route]]:
    """The service: its ledger is DATA_DIR/ledger.jsonl; PAYMENTS_KEY is the merchant's key, without which none is let in."""
    ledger, sandbox = Ledger(Path(os.environ.get("DATA_DIR", ".")) / "ledger.jsonl"), Sandbox()
    try:
        charges = Charges(ledger, sandbox, os.environ.get("PAYMENTS_KEY", ""))
        yield [
            Route("/charges", charges.charge, methods=["POST"]),
            Route("/ledger", charges.ledger),
            operators.route(settings, "behaviour", sandbox.behave),
        ]
    finally:
        ledger.close()


if __name__ == "__main__":
    serving.run("payments", payments)
