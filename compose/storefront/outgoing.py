"""Calls from one service to another: connections kept alive, a time-out on each call, one retry where safe.

The retry rule: a request sent on a *reused* connection that its peer closed before any byte of an answer is
sent once more on a fresh connection. A peer that drains closes idle connections, and a request can cross that
on the wire; our POSTs carry an idempotency key or change nothing, so sending one again is safe. A fresh
connection that fails is never tried again here: retries at every hop would multiply. Failing over to another
region is the edge's own matter.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import aiohttp
from yarl import URL

from . import provenance
from .canary import Canary
from .problems import Broken, TimedOut, Unreachable

CONNECT_S = 0.5
TOTAL_S = 1.2
# Shorter than serving.KEEP_ALIVE_S.
IDLE_S = 30
UNSENT = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


@dataclass(frozen=True)
class Answer:
    """A peer's answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Client:
    """Connections to peers: `kept` are reused, `fresh` are opened for one request."""

    kept: aiohttp.ClientSession
    fresh: aiohttp.ClientSession


@dataclass(frozen=True)
class Peer:
    """One peer behind its address; `total_s` bounds a call from start to the end of its answer."""

    name: str
    base: str
    client: Client = field(repr=False)
    total_s: float = TOTAL_S
    canary: Canary | None = field(default=None, kw_only=True)

    async def call(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """The peer's answer, whatever its status. Raises Unreachable, Broken (cut half way) or TimedOut."""
        use = SimpleNamespace(reused=False)
        try:
            async with asyncio.timeout(self.total_s):
                try:
                    return await self._send(self.client.kept, method, path, body, headers, use)
                except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                    if not use.reused:
                        raise
                    return await self._send(self.client.fresh, method, path, body, headers, use)
        except aiohttp.ConnectionTimeoutError:
            raise Unreachable(self.name) from None
        except TimeoutError:
            raise TimedOut(self.name) from None
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            raise Unreachable(self.name) from None
        except aiohttp.ClientError as error:
            raise Broken(self.name, type(error).__name__) from None

    async def ask(self, path: str) -> Any:
        """GET a JSON answer. Raise Broken if it isn't a success, else as `call` does."""
        answer = await self.call("GET", path)
        if answer.status != 200:
            raise Broken(self.name, f"status {answer.status}")
        return self.read(answer)

    def read(self, answer: Answer) -> Any:
        """Parse an answer's body as JSON. Raise Broken if it is anything else."""
        try:
            return json.loads(answer.body)
        except ValueError:
            raise Broken(self.name, "its answer is not JSON") from None

    async def _send(
        self,
        session: aiohttp.ClientSession,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str] | None,
        use: SimpleNamespace,
    ) -> Answer:
        base = self.canary.base if self.canary is not None and self.canary.takes() else self.base
        url = URL(base + path, encoded=True)
        async with session.request(
            method, url, data=body, headers=headers, allow_redirects=False, trace_request_ctx=use
        ) as response:
            provenance.note(response.headers.get(provenance.HEADER))
            provenance.note_primary(response.headers.get(provenance.PRIMARY))
            return Answer(response.status, response.headers, await response.read())


async def _note_reuse(_session: object, context: SimpleNamespace, _params: object) -> None:
    context.trace_request_ctx.reused = True


@asynccontextmanager
async def client(connect_s: float = CONNECT_S) -> AsyncIterator[Client]:
    """An outgoing client for the life of a service."""
    reuse = aiohttp.TraceConfig()
    reuse.on_connection_reuseconn.append(_note_reuse)
    common: dict[str, Any] = {
        "timeout": aiohttp.ClientTimeout(total=None, sock_connect=connect_s),
        "cookie_jar": aiohttp.DummyCookieJar(),
        "skip_auto_headers": UNSENT,
        "auto_decompress": False,
    }
    kept = aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_S, ttl_dns_cache=1)
    fresh = aiohttp.TCPConnector(limit=0, force_close=True, use_dns_cache=False)
    async with aiohttp.ClientSession(connector=kept, trace_configs=[reuse], **common) as reused:
        async with aiohttp.ClientSession(connector=fresh, **common) as single:
            for session in (reused, single):
                session._retry_connection = False  # aiohttp would repeat a GET that a fresh connection lost
            yield Client(reused, single)
