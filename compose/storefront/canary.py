"""Canary: which users' requests go to instances of a service's new release, apart from those that all others use.

A caller knows both addresses of a peer. It draws a number for each user, always the same for one release, and sends the
users below the share to the canary. Operators set the shares; they live as long as the process, and CANARY is what an
instance starts with: `pricing=500:pricing-1.1.0` gives 5 % of the users of pricing that release, `…:eu-west` only in
that region. Without a share nothing differs.
"""

import os
import zlib
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Scope

from . import bodies, operators
from .problems import Problem
from .settings import Settings

# Shares are in hundredths of a percent.
WHOLE = 10_000
USER = b"x-client"

_user: ContextVar[str] = ContextVar("canary_user", default="")


@dataclass(frozen=True)
class Share:
    """The share of users, in hundredths of a percent, who get `release`; in these regions, or in all if there are none."""

    bp: int
    release: str
    regions: frozenset[str] = frozenset()


def drawn(user: str, release: str) -> int:
    """Return the number of a user, from 0 to 9,999; the runner computes the same."""
    return zlib.crc32(f"{release}:{user}".encode()) % WHOLE


def begin(scope: Scope) -> None:
    """Remember the user of the current request; a request without one never goes to a canary."""
    value = next((content for name, content in scope["headers"] if name == USER), b"")
    _user.set(value.decode("latin-1"))


def parsed(text: str) -> tuple[str, Share]:
    """Return service and share of `pricing=500:pricing-1.1.0:eu-west+us-east`. Raise ValueError."""
    service, equals, rest = text.strip().partition("=")
    number, _, rest = rest.partition(":")
    release, _, regions = rest.partition(":")
    if not (
        service and equals and release and number.isascii() and number.isdigit() and int(number) <= WHOLE
    ):
        raise ValueError(f"{text.strip()[:64]} is not service=share:release, with a share of 0 to {WHOLE}")
    return service, Share(int(number), release, frozenset(filter(None, regions.split("+"))))


class Shares:
    """The shares by service."""

    def __init__(self) -> None:
        self._shares: dict[str, Share] = {}

    @classmethod
    def from_environment(cls) -> "Shares":
        """Return the shares of CANARY, separated by commas. Raise SystemExit if one can't be read."""
        shares = cls()
        try:
            shares.set(",".join(filter(None, os.environ.get("CANARY", "").split(","))))
        except ValueError as error:
            raise SystemExit(f"CANARY: {error}") from None
        return shares

    def set(self, text: str) -> None:
        """Replace all shares, all or none. Raise ValueError if one can't be read."""
        self._shares = dict(parsed(part) for part in text.split(",") if part.strip())

    def takes(self, service: str, region: str) -> bool:
        """Return True if the user of the current request gets the canary of the service in the region."""
        share = self._shares.get(service)
        if share is None or not share.bp or not _user.get():
            return False
        if share.regions and region not in share.regions:
            return False
        return drawn(_user.get(), share.release) < share.bp

    def text(self) -> str:
        return ",".join(
            f"{service}={share.bp}:{share.release}"
            + (f":{'+'.join(sorted(share.regions))}" if share.regions else "")
            for service, share in sorted(self._shares.items())
        )


SHARES = Shares.from_environment()


@dataclass(frozen=True)
class Canary:
    """The second address of a peer in a region, where instances of its canary answer."""

    service: str
    base: str
    region: str

    def takes(self) -> bool:
        return SHARES.takes(self.service, self.region)


def of(service: str, variable: str) -> Canary | None:
    """Return the canary of a peer whose address is in `variable`; None if this system has none."""
    base = os.environ.get(f"{variable}_CANARY", "").rstrip("/")
    return Canary(service, base, os.environ.get("REGION", "local")) if base else None


def by_region(service: str, variable: str) -> Mapping[str, Canary]:
    """Return region → canary, if the variable names an address for each region."""
    pairs = (pair.partition("=") for pair in os.environ.get(f"{variable}_CANARY", "").split(",") if pair)
    return {region: Canary(service, base.rstrip("/"), region) for region, _, base in pairs}


def routes(settings: Settings) -> list[Route]:
    """POST {"shares": "pricing=500:pricing-1.1.0"} replaces the shares and returns them."""

    async def set_shares(request: Request) -> Response:
        text = bodies.text(await bodies.json_object(request), "shares", empty=True)
        try:
            SHARES.set(text)
        except ValueError as error:
            raise Problem(400, str(error)) from None
        return JSONResponse({"shares": SHARES.text()})

    return [operators.route(settings, "canary", set_shares)]
