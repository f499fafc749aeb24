"""Credentials of automations: a token each, and the scopes that it has. The operators' token is none of them.

Leaves to others what a scope allows to do.
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
    """`name` is told in answers, the token never."""

    name: str
    token: str = field(repr=False)
    scopes: frozenset[str]

    @classmethod
    def read(cls, text: str) -> "Credential":
        """From `name:token=scope scope`. SystemExit, without the text: a token may stand in it."""
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
        """From CREDENTIALS; nobody's where it is empty or not set."""
        listed = os.environ.get("CREDENTIALS", "").split(",")
        return cls([Credential.read(each.strip()) for each in listed if each.strip()])

    def allowed(self, request: Request, scope: str) -> Credential:
        """Whose token the request brings: Problem 401 where nobody's, 403 where it lacks the scope."""
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
