"""Forwarding of a request to a peer and of its answer back, unchanged; shared by edge and gateway."""

from starlette.requests import Request
from starlette.responses import Response

from .outgoing import Answer, Peer

PASSED_ON = ("authorization", "content-type", "idempotency-key", "x-home-region", "x-client")
PASSED_BACK = ("Content-Type", "Cache-Control", "Retry-After", "X-Region", "X-Durability")


async def forward(request: Request, peer: Peer) -> Response:
    """The peer's answer to this request. Raises as `Peer.call`."""
    target = request.scope["raw_path"].decode("latin-1")
    if request.scope["query_string"]:
        target += "?" + request.scope["query_string"].decode("latin-1")
    headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
    body = await request.body() if request.method == "POST" else None
    return _answered(await peer.call(request.method, target, body, headers))


def _answered(answer: Answer) -> Response:
    headers = {name: answer.headers[name] for name in PASSED_BACK if name in answer.headers}
    return Response(answer.body, answer.status, headers)
