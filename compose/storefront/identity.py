"""Identity: who a user is. Passwords are salted PBKDF2 hashes in Postgres; tokens are signed and kept nowhere."""

import asyncio
import hashlib
import hmac
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import bodies, database, serving
from .database import Database
from .problems import Problem
from .settings import Settings, address

# Modest, so that 20,000 accounts are preloaded in about a second; a real shop would use hundreds of thousands.
PBKDF2_ROUNDS = 250
TOKEN_LIFE_S = 3600


def password_hash(password: str, salt: bytes) -> bytes:
    """The hash under which a password is stored."""
    return hashlib.pbkdf2_hmac("sha256", password.encode("utf-8"), salt, PBKDF2_ROUNDS)


def signed(secret: bytes, user: int, expires: int) -> str:
    """A token: user, expiry (Unix seconds) and a signature of both."""
    claim = f"{user}.{expires}"
    return f"{claim}.{hmac.new(secret, claim.encode(), 'sha256').hexdigest()}"


def token_user(secret: bytes, token: str, now: float) -> int | None:
    """Return the user that a token names; None if it is forged, spoilt or expired."""
    parts = token.split(".")
    if len(parts) != 3 or not (parts[0].isdigit() and parts[1].isdigit()):
        return None
    user, expires = int(parts[0]), int(parts[1])
    if not hmac.compare_digest(signed(secret, user, expires).encode(), token.encode()) or expires < now:
        return None
    return user


class Accounts:
    """Answers for logins and for the account page."""

    def __init__(self, opened: Database, secret: bytes) -> None:
        self._database = opened
        self._secret = secret

    async def login(self, request: Request) -> Response:
        """POST /login {"user", "password"}: a token, or 401."""
        body = await bodies.json_object(request)
        user, password = bodies.positive(body, "user"), bodies.text(body, "password")
        async with self._database.connection() as connection:
            account = await connection.fetchrow(
                "SELECT salt, password_hash FROM accounts WHERE id = $1", user
            )
        if account is None:
            raise Problem(401, "wrong user or password")
        given = await asyncio.to_thread(password_hash, password, account["salt"])
        if not hmac.compare_digest(given, account["password_hash"]):
            raise Problem(401, "wrong user or password")
        return JSONResponse(
            {"user": user, "token": signed(self._secret, user, int(time.time()) + TOKEN_LIFE_S)}
        )

    async def account(self, request: Request) -> Response:
        """GET /account with `Authorization: Bearer <token>`: the account, or 401."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        user = token_user(self._secret, token, time.time()) if scheme.lower() == "bearer" else None
        if user is None:
            raise Problem(401, "not logged in")
        async with self._database.connection() as connection:
            account = await connection.fetchrow("SELECT name, home_region FROM accounts WHERE id = $1", user)
        if account is None:
            raise Problem(401, "not logged in")
        return JSONResponse({"user": user, "name": account["name"], "home_region": account["home_region"]})


@asynccontextmanager
async def identity(_settings: Settings) -> AsyncIterator[Sequence[Route]]:
    """The service: needs Postgres, and TOKEN_SECRET, the same in every region."""
    secret = os.environ.get("TOKEN_SECRET", "").encode()
    if not secret:
        raise SystemExit("TOKEN_SECRET is not set: tokens could be forged")
    async with database.connected(address("DATABASE_URL")) as opened:
        accounts = Accounts(opened, secret)
        yield [Route("/login", accounts.login, methods=["POST"]), Route("/account", accounts.account)]


if __name__ == "__main__":
    serving.run("identity", identity)
