"""Peers behind guardrails: guards that may refuse a call before it is made, and places that a call
waits for.

`outgoing` makes the call; each guard decides when it refuses.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from . import canary, places
from .breaker import Breaker
from .guardrails import Guardrails
from .limits import Shedding
from .outgoing import TOTAL_S, Answer, Client, Peer
from .places import Places
from .problems import TimedOut

Over = Callable[[bool | None, float], None]
"""Told once of each call that was admitted: whether its answer was below 500 (None: it was never made); seconds."""


class Guard(Protocol):
    """Watches the calls to one peer."""

    def admit(self) -> Over:
        """Return the function to call at the end. Raise Refused if the call may not be made."""


@dataclass(frozen=True)
class Guarded(Peer):
    """A peer whose calls pass all guards, then wait for a place in each of `places`; `total_s` bounds the waits too."""

    guards: Sequence[Guard] = field(default=(), repr=False)
    places: Sequence[Places] = field(default=(), repr=False)

    async def call(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """The peer's answer, whatever its status. Raises Refused, else as `Peer.call`."""
        begun = time.monotonic()
        admitted: list[Over] = []
        answered: bool | None = None
        try:
            for guard in self.guards:
                admitted.append(guard.admit())
            async with asyncio.timeout(self.total_s), self._place():
                answered = False
                answer = await super().call(method, path, body, headers)
                answered = answer.status < 500
                return answer
        except TimeoutError:
            raise TimedOut(self.name) from None
        finally:
            for over in admitted:
                over(answered, time.monotonic() - begun)

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        async with AsyncExitStack() as held:
            for place in self.places:
                await held.enter_async_context(place.place(self.name))
            yield


class Peers:
    """Makes the peers of one instance. `shared`: places that all its calls share; `shed`: whether it may shed load."""

    def __init__(
        self, guardrails: Guardrails, client: Client, shared: Places | None = None, *, shed: bool = False
    ) -> None:
        self._guardrails = guardrails
        self._client = client
        self._shared = shared
        self._shed = shed and "shedding" in guardrails

    def to(self, name: str, base: str, total_s: float = TOTAL_S) -> Peer:
        """Return the peer at that address; a call is bounded by `total_s` if time-outs are on."""
        within, second = self._guardrails.within(total_s), canary.of(name, f"{name.upper()}_URL")
        guards: list[Guard] = [Breaker(name)] if "breaker" in self._guardrails else []
        if self._shed:
            guards.append(Shedding(name, total_s / 2))
        parts = [Places(places.SHARE, places.SHARE_WAIT_S)] if "bulkhead" in self._guardrails else []
        if self._shared is not None:
            parts.append(self._shared)
        if not guards and not parts:
            return Peer(name, base, self._client, within, canary=second)
        return Guarded(name, base, self._client, within, tuple(guards), tuple(parts), canary=second)
