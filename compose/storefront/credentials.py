"""Credentials of automations: each has a token and scopes. The operators' token isn't one of them.

This module doesn't decide what a scope allows.
"""

import hmac
import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from starlette.requests import Request

from . import operators
from .problems import Problem


@dataclass(frozen=True)
class Credential:
    """A token with a name and scopes. Answers contain the name, never the token."""

    name: str
    token: str = field(repr=False)
    scopes: frozenset[str]

    @classmethod
    def read(cls, text: str) -> "Credential":
        """Parse `name:token=scope scope`. Raise SystemExit without the text, which may contain a
        token."""
        who, equals, scopes = text.partition("=")
        name, _, token = who.partition(":")
        if not (name and token and equals):
            raise SystemExit("CREDENTIALS: each is name:token=scope scope, separated by commas")
        return cls(name, token, frozenset(scopes.split()))


class Credentials:
    """Those that are known here."""

    def __init__(self, known: Sequence[Credential]) -> None:
        self._known = known

    @classmethod
    def from_environment(cls) -> "Credentials":
        """Read CREDENTIALS; return none if it is empty or not set."""
        listed = os.environ.get("CREDENTIALS", "").split(",")
        return cls([Credential.read(each.strip()) for each in listed if each.strip()])

    def allowed(self, request: Request, scope: str) -> Credential:
        """Return the credential of the request. Raise Problem 401 if its token is unknown, 403 if
        the scope is missing."""
        given = operators.bearer(request)
        credential = next(
            (each for each in self._known if hmac.compare_digest(given, each.token.encode())), None
        )
        if credential is None:
            raise Problem(401, "no credential that is known here")
        if scope not in credential.scopes:
            has = ", ".join(sorted(credential.scopes)) or "none"
            raise Problem(403, f"the credential of {credential.name} lacks the scope {scope}: it has {has}")
        return credential
