"""Places for calls: an instance makes a limited number at a time; other calls wait in turn.

Without a bulkhead all peers share the places of a gateway, and a peer that doesn't answer fills
them one by one until no call gets through. With a bulkhead a peer has at most its share, and a call
that finds the share taken is refused at once.
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
    """`count` places; a call that waits longer than `wait_s` is refused. None: it waits as long as
    the call may take."""

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
