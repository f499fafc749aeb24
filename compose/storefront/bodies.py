"""Validation of what callers send: JSON bodies, numbers, idempotency keys. Invalid input is a 400
that says why."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from .problems import Problem

KEY_LENGTH = 64


async def json_object(request: Request) -> dict[str, Any]:
    """The body as a JSON object."""
    try:
        body = json.loads(await request.body())
    except ValueError:
        raise Problem(400, "the body is not JSON") from None
    if not isinstance(body, dict):
        raise Problem(400, "the body is not a JSON object")
    return body


def positive(body: Mapping[str, Any], name: str) -> int:
    """A whole number of at least 1, small enough for any column it goes to."""
    value = body.get(name)
    if type(value) is not int or not 0 < value < 2**31:
        raise Problem(400, f"{name} must be a whole number of at least 1")
    return value


def text(body: Mapping[str, Any], name: str, *, empty: bool = False) -> str:
    """A text that isn't empty, unless it may be."""
    value = body.get(name)
    if not isinstance(value, str) or not (value or empty):
        raise Problem(400, f"{name} must be a text")
    return value


def query_number(request: Request, name: str) -> int:
    """A whole number of at least 1 from the query."""
    value = request.query_params.get(name, "")
    if not (value.isascii() and value.isdigit()) or not 0 < int(value[:10]) < 2**31:
        raise Problem(400, f"{name} must be a whole number of at least 1")
    return int(value[:10])


def idempotency_key(request: Request) -> str:
    """The Idempotency-Key header: at most 64 visible ASCII characters."""
    key: str = request.headers.get("idempotency-key", "")
    if not 0 < len(key) <= KEY_LENGTH or not all("!" <= character <= "~" for character in key):
        raise Problem(400, f"Idempotency-Key must be 1 to {KEY_LENGTH} visible ASCII characters")
    return key
