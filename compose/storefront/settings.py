"""Settings of an instance from its environment: identity, address, guardrails, flags, peers.

A missing address of a peer is an error at start, never at the first request.
"""

import os
from dataclasses import dataclass, field

from .flags import Flags
from .guardrails import Guardrails


@dataclass(frozen=True)
class Settings:
    """Identity, listening address, guardrails and flags of one instance; no token, no operators."""

    service: str
    region: str
    release: str
    instance: str
    host: str
    port: int
    guardrails: Guardrails = field(default_factory=Guardrails)
    operator_token: str = field(default="", repr=False)
    flags: Flags = field(default_factory=Flags, repr=False)

    @classmethod
    def from_environment(cls, service: str) -> "Settings":
        """Read REGION, RELEASE, INSTANCE, HOST, PORT, GUARDRAILS, FLAGS and OPERATOR_TOKEN; each has a default fit for
        a run by hand."""
        environment = os.environ
        return cls(
            service=service,
            region=environment.get("REGION", "local"),
            release=environment.get("RELEASE", f"{service}-1.0.0"),
            instance=environment.get("INSTANCE", service),
            host=environment.get("HOST", "127.0.0.1"),
            port=int(environment.get("PORT", "8000")),
            guardrails=Guardrails.from_environment(),
            operator_token=environment.get("OPERATOR_TOKEN", ""),
            flags=Flags.from_environment(),
        )


def address(name: str) -> str:
    """Return a peer's address from the variable `name`. Raise SystemExit with a clear message if it
    isn't set."""
    value = os.environ.get(name, "")
    if not value:
        raise SystemExit(f"{name} is not set: the address of a peer is missing")
    return value.rstrip("/")
