"""JSON responses of the operators' API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse


class Answer(JSONResponse):
    """A JSON response that no cache keeps; the connection closes after it."""

    def __init__(
        self, content: Mapping[str, object], status_code: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        kept = {"Cache-Control": "no-store", "Connection": "close", **(headers or {})}
        super().__init__(content, status_code, kept)

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def problem(status: int, text: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Return an error response: what is wrong, and what to do."""
    return Answer({"error": text}, status, headers)
