"""Places for calls: an instance makes so many at a time, as it has workers or connections; others wait in turn.

Without a bulkhead all peers share the places of a gateway, and a peer that doesn't answer fills them one by one until
nobody gets through to any. With one, a peer has at most its share, and who finds that taken isn't kept waiting.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from .problems import Refused

# All calls of a gateway at a time; a call takes some 10 ms, so a hundred requests a second fill one place.
SHARED = 4
# Calls of any instance to one peer at a time.
SHARE = 2
# A burst is let wait for a moment; only what lasts is refused.
SHARE_WAIT_S = 0.2


class Places:
    """`count` places; whoever waits longer than `wait_s` for one is refused, None for waiting as long as the call."""

    def __init__(self, count: int, wait_s: float | None = None) -> None:
        self._free = asyncio.Semaphore(count)
        self._wait_s = wait_s

    @asynccontextmanager
    async def place(self, peer: str) -> AsyncIterator[None]:
        """A place for a call to that peer. Raises Refused."""
        try:
            async with asyncio.timeout(self._wait_s):
                await self._free.acquire()
        except TimeoutError:
            raise Refused(peer, "all its places are taken") from None
        try:
            yield
        finally:
            self._free.release()
