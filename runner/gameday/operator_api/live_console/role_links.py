"""Links to the pages of the roles, each with a token of its own: a link shows the page of its role and no other."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gameday.operator_api.credentials import new_token


@dataclass(frozen=True)
class RoleLinks:
    """Role → token, which no representation shows."""

    tokens: Mapping[str, str] = field(repr=False)

    @classmethod
    def draw(cls, roles: Sequence[str]) -> RoleLinks:
        """Return links with new tokens."""
        return cls({role: new_token() for role in roles})

    def role(self, token: str) -> str | None:
        """Return the role whose token this is; None if there is none."""
        given = token.encode("utf-8", "replace")
        matches = [role for role, known in self.tokens.items() if hmac.compare_digest(given, known.encode())]
        return matches[0] if matches else None

    def urls(self, host: str, port: int, scheme: str = "http") -> dict[str, str]:
        """Return role → address of its page."""
        shown = f"[{host}]" if ":" in host else host
        return {role: f"{scheme}://{shown}:{port}/{role}/{token}" for role, token in self.tokens.items()}
