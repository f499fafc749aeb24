"""Sandbox of the third party: its misbehaviour, for tests of how a shop copes with it.

ok       normal
error    500
garbage  200 with bytes that mean nothing
silent   no answer until the client gives up

With `after`, a new charge is carried out first: it is in the ledger, and its answer is lost.
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
        self._after = False

    async def behave(self, request: Request) -> Response:
        """POST behaviour {"mode", "share": over 0, at most 1, default 1, "after": default false}; answer with the new
        behaviour."""
        body = await bodies.json_object(request)
        mode, share, after = body.get("mode"), body.get("share", 1.0), body.get("after", False)
        if mode not in MODES:
            raise Problem(400, f"mode must be one of {', '.join(MODES)}")
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
            raise Problem(400, "share must be a number over 0 and at most 1")
        if not isinstance(after, bool):
            raise Problem(400, "after must be true or false")
        self._mode, self._share, self._after, self._owed = mode, float(share), after, 0.0
        return JSONResponse({"mode": mode, "share": self._share, **({"after": True} if after else {})})

    async def misbehaved(self, request: Request, *, after: bool) -> Response | None:
        """Return the misbehaviour before, or after, the request is carried out; None if it is to be answered."""
        if self._mode == OK or self._after is not after or not self._due():
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
