"""Connection slots of a Postgres server: a thread takes all of them and holds them until it is
released.

Once the run has ended no further slot is taken, since the address may belong to another run's
server by then. Slots are held until they are released or the server closes them.

The connections have the fault's mark as their `application_name`, so that any process can end them
by SQL.
"""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any
from urllib.parse import urlsplit

from gameday.ports import PortError, Wait

AT_ONCE = 8
"""Connections opened concurrently."""
MOST = 2000
CONNECT_S = 5.0
FILL_S = 30.0
LEAVE_S = 15.0
POLL_S = 0.05
RETRY_S = 0.1
"""Seconds between two checks for a free slot: each check costs the server a process."""

_held: dict[str, Crowd] = {}
"""Mark → connections that this process holds."""


def take(url: str, mark: str, *, evict: bool, wait: Wait) -> None:
    """Take slots until the server refuses more or `wait` returns False, as it does once the run
    ends. Raise PortError if they can't be taken."""
    crowd = _held[mark] = Crowd(url, mark, evict, wait)
    deadline = time.monotonic() + FILL_S
    while not crowd.full.wait(POLL_S):
        if not wait(0):
            return
        if crowd.failure or time.monotonic() > deadline:
            let_go(mark)
            why = crowd.failure or f"not full after {FILL_S:g} s"
            raise PortError(f"connections of {where(url)} can't be taken: {why}")


def let_go(mark: str) -> None:
    """Close the connections that this process holds under that mark. Idempotent."""
    crowd = _held.pop(mark, None)
    if crowd is not None:
        crowd.close()


def clear(url: str, mark: str) -> None:
    """End the connections that any process holds under that mark, and wait until none is left.
    Raise PortError if that fails."""
    try:
        asyncio.run(asyncio.wait_for(_clear(url, mark), LEAVE_S))
    except ConnectionRefusedError:
        return  # no server, no connections
    except Exception as error:
        raise PortError(f"connections of {where(url)} can't be released: {describe(error)}") from error


def where(url: str) -> str:
    """Return host and port of an address, without the password."""
    return urlsplit(url).netloc.rpartition("@")[2]


def describe(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".removesuffix(": ")


class Crowd:
    """The connections of one mark. `full` is set once the server has refused one; `failure` is the
    reason why it never was."""

    def __init__(self, url: str, mark: str, evict: bool, wait: Wait) -> None:
        self.full = threading.Event()
        self.failure = ""
        self._url = url
        self._mark = mark
        self._evict = evict
        self._wait = wait
        self._connections: list[Any] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=mark, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Close all connections, and wait until they are closed."""
        self._stop.set()
        self._thread.join(LEAVE_S)

    def _goes_on(self) -> bool:
        """Return True while more connections are to be taken."""
        return not self._stop.is_set() and self._wait(0)

    def _run(self) -> None:
        try:
            asyncio.run(self._hold())
        except Exception as error:
            self.failure = describe(error)

    async def _hold(self) -> None:
        try:
            await self._fill()
            if self._evict and self._connections and self._goes_on():
                await self._drive_out()
            self.full.set()
            while self._goes_on() or (self._connections and not self._stop.is_set()):
                await asyncio.sleep(RETRY_S)
                await self._refill()
        finally:
            for connection in self._connections:
                connection.terminate()

    async def _drive_out(self) -> None:
        """End the connections of others and take each slot that becomes free."""
        eviction = asyncio.ensure_future(self._connections[0].execute(_EVICT, self._mark))
        try:
            while not eviction.done() and self._goes_on():
                await self._fill()
            await eviction
        finally:
            eviction.cancel()
        await self._fill()

    async def _refill(self) -> None:
        """Take slots that became free; ignore a database that can't be reached now."""
        import asyncpg

        self._connections = [connection for connection in self._connections if not connection.is_closed()]
        try:
            await self._fill(at_once=1)
        except (
            OSError,
            PortError,
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
            asyncpg.InternalClientError,
        ):
            return

    async def _fill(self, at_once: int = AT_ONCE) -> None:
        while self._goes_on() and await self._batch(at_once):
            if len(self._connections) >= MOST:
                raise PortError(f"the server accepted {MOST} connections and refused none")

    async def _batch(self, size: int) -> bool:
        """Open `size` connections; return True if the server accepted all of them."""
        import asyncpg

        opened = await asyncio.gather(
            *(_connect(self._url, self._mark) for _ in range(size)), return_exceptions=True
        )
        self._connections += [result for result in opened if not isinstance(result, BaseException)]
        for result in opened:
            if isinstance(result, BaseException) and not isinstance(result, asyncpg.TooManyConnectionsError):
                raise result
        return not any(isinstance(result, BaseException) for result in opened)


# Sessions of other roles (a launcher's, a standby's) aren't a service's, and only a superuser could end them.
# A terminated backend keeps its slot until it has ended: the statement waits up to a second (in ms) for each.
_EVICT = """SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity
WHERE backend_type = 'client backend' AND application_name <> $1 AND usename = current_user"""
_OWN = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = $1"


async def _connect(url: str, name: str) -> Any:
    import asyncpg

    return await asyncpg.connect(
        url,
        timeout=CONNECT_S,
        ssl=False,
        command_timeout=CONNECT_S,
        server_settings={"application_name": name},
    )


async def _clear(url: str, mark: str) -> None:
    connection = await _slot(url)
    try:
        while await connection.fetchval(_OWN, mark):
            await asyncio.sleep(POLL_S)
    finally:
        connection.terminate()


async def _slot(url: str) -> Any:
    """Return a connection as soon as a slot is free."""
    import asyncpg

    while True:
        try:
            return await _connect(url, "gameday-clear")
        except (asyncpg.TooManyConnectionsError, asyncpg.CannotConnectNowError):
            await asyncio.sleep(POLL_S)
