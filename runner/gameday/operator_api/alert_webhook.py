"""Webhook for alerts of a team's own monitoring: POST /v1/alerts/{detector}, with a token that opens nothing else.

The operators' API serves it on loopback; a scenario may name another address and a token of its own.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gameday.operator_api.bounded_body import read_body
from gameday.operator_api.json_answers import Answer, problem
from gameday.ports import TooManyAlerts

PATH = "/v1/alerts/"
BODY_BYTES = 256 * 1024
"""A payload, at most: Alertmanager sends some hundred alerts in it."""

Deliver = Callable[[str, bytes], int]
"""(detector, payload) → how many alerts it has. Raises LookupError for an unknown detector, ValueError for garbage,
TooManyAlerts if no more are taken."""


@dataclass(frozen=True)
class AlertDoor:
    """Where alerts come in. `deliver` takes payloads; `token` is asked for on the operators' API.

    `listen` is another address (host, port), on which nothing else is served, and `listen_token` its token.
    """

    deliver: Deliver
    token: str
    listen: tuple[str, int] | None = None
    listen_token: str = ""

    def opens(self, token: bytes, method: str, path: str, port: int) -> bool:
        """Return True if the token lets a request in at the port."""
        if method != "POST" or not path.startswith(PATH):
            return False
        return hmac.compare_digest(token, self.token_at(port).encode())

    def token_at(self, port: int) -> str:
        """Return the token that is asked for at a port."""
        return self.listen_token if self.is_own(port) else self.token

    def is_own(self, port: int) -> bool:
        """Return True for the port on which only alerts are taken."""
        return self.listen is not None and port == self.listen[1]


def alert_route(door: AlertDoor) -> Route:
    """Return the endpoint: 202 {alerts} for a payload that is taken."""

    async def take(request: Request) -> Response:
        name = request.path_params["detector"]
        body = await read_body(request, BODY_BYTES)
        try:
            return Answer({"alerts": door.deliver(name, body)}, 202)
        except LookupError:
            return problem(404, f"no detector {name[:40]!a} of the scenario takes alerts from outside")
        except TooManyAlerts as error:
            return problem(503, str(error), {"Retry-After": "1"})
        except ValueError as error:
            return problem(400, f"not a payload of {name}: {error}"[:400])

    return Route(PATH + "{detector}", take, methods=["POST"])


def add_alerts(application: Starlette, door: AlertDoor | None) -> Starlette:
    """Return the application, which takes alerts too if there is a door."""
    if door is not None:
        application.router.routes.append(alert_route(door))
    return application
