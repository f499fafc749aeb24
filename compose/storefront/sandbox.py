"""Sandbox of the third party: its misbehaviour, for tests of how a shop copes with it.

ok       normal
error    500
garbage  200 with bytes that mean nothing
silent   no answer until the client gives up
"""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from . import bodies
from .problems import Problem

OK = "ok"
MODES = (OK, "error", "garbage", "silent")
ROUNDING = 1e-9
NONSENSE = bytes(range(256))


class Sandbox:
    """The behaviour that was asked for, at a share of the requests."""

    def __init__(self) -> None:
        self._mode = OK
        self._share = 1.0
        self._owed = 0.0

    async def behave(self, request: Request) -> Response:
        """POST behaviour {"mode", "share": over 0, at most 1, default 1}; answer with the new
        behaviour."""
        body = await bodies.json_object(request)
        mode, share = body.get("mode"), body.get("share", 1.0)
        if mode not in MODES:
            raise Problem(400, f"mode must be one of {', '.join(MODES)}")
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
            raise Problem(400, "share must be a number over 0 and at most 1")
        self._mode, self._share, self._owed = mode, float(share), 0.0
        return JSONResponse({"mode": mode, "share": self._share})

    async def misbehaved(self, request: Request) -> Response | None:
        """Return the misbehaviour for this request; None if it is to be answered."""
        if self._mode == OK or not self._due():
            return None
        if self._mode == "error":
            raise Problem(500, "internal error")
        if self._mode == "silent":
            while (await request.receive())["type"] != "http.disconnect":
                pass
        return Response(NONSENSE, media_type="application/json")

    def _due(self) -> bool:
        # Spread evenly, and the same each time: at 0.25 every fourth.
        self._owed += self._share
        if self._owed < 1 - ROUNDING:
            return False
        self._owed -= 1
        return True
