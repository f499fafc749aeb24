"""Which guardrails are on. Each is a name in GUARDRAILS; what it does is in the module that it guards with.

timeouts      `within`       every call is over soon; off: a client library's patience
breaker       `breaker`      a peer that keeps failing isn't asked for a while
bulkhead      `places`       one peer can't take all places of an instance
retry-budget  `limits`       what is sent again is a tenth of what is sent (edge)
rate-limit    `limits`       a client has a few requests a second (gateway)
shedding      `limits`       what can't be answered in time is refused at once (gateway)
degraded      `quotes`, `charging`, `durability`   the last known price; checkouts taken now and charged later; commits
              without a standby while none confirms them, and answers that say so
"""

import os
from dataclasses import dataclass

NAMES = frozenset({"timeouts", "breaker", "bulkhead", "retry-budget", "rate-limit", "shedding", "degraded"})
DEFAULT = "timeouts"
NONE = "none"
# What client libraries wait by themselves.
PATIENT_S = 30.0


@dataclass(frozen=True)
class Guardrails:
    """The names of those that are on: `"breaker" in guardrails`."""

    on: frozenset[str] = frozenset({DEFAULT})

    @classmethod
    def from_environment(cls) -> "Guardrails":
        """From GUARDRAILS, separated by commas; `none` for none. SystemExit names one that doesn't exist."""
        names = {name.strip() for name in os.environ.get("GUARDRAILS", DEFAULT).split(",")} - {"", NONE}
        if unknown := sorted(names - NAMES):
            raise SystemExit(f"GUARDRAILS: no guardrail is called {', '.join(unknown)}")
        return cls(frozenset(names))

    def __contains__(self, name: str) -> bool:
        return name in self.on

    def within(self, seconds: float) -> float:
        """How long a call may take that is to be over within `seconds`."""
        return seconds if "timeouts" in self else max(seconds, PATIENT_S)
