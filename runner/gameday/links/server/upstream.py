"""Reaches the upstream of a proxy: resolves its name at every dial, tries every address, skips those that refuse.

A name table, if there is one, comes before DNS. Nothing is cached: a changed set of instances never touches the
proxy.
"""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import json
import logging
import pathlib
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from gameday.links.server.listen_address import split

log = logging.getLogger(__name__)

P = TypeVar("P", bound=asyncio.BaseProtocol)
Target = tuple[str, int]
RESOLVERS = 32
"""Names that can be resolved at once."""
Stamp = tuple[int, int, int]


class Names:
    """The names table: a JSON object of `name:port` to a list of `host:port`, replaced atomically by its owner.

    It is read again whenever the file has changed. A file that is missing or can't be read leaves the last good table.
    """

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path
        self._stamp: Stamp | None = None
        self._table: dict[str, list[Target]] = {}

    def refresh(self) -> bool:
        """Read the file again if it has changed; return True if it had."""
        try:
            stat = self._path.stat()
            stamp = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
            if stamp == self._stamp:
                return False
            self._stamp = stamp
            self._table = _table(json.loads(self._path.read_bytes()))
        except (OSError, ValueError) as error:
            log.warning("names table %s: %s", self._path, error)
            return False
        return True

    def lookup(self, name: str) -> list[Target] | None:
        """Return the targets of a name, empty if no instance is up; None if the table doesn't have the name."""
        return self._table.get(name)


def _table(content: object) -> dict[str, list[Target]]:
    if not isinstance(content, dict) or not all(isinstance(targets, list) for targets in content.values()):
        raise ValueError("not a JSON object of lists")
    return {str(name): [_target(text) for text in targets] for name, targets in content.items()}


def _target(text: object) -> Target:
    if not isinstance(text, str):
        raise ValueError(f"not an address: {text!r}")
    host, port = split(text)
    return host, int(port)


class Dialler:
    """Opens connections to upstreams; each dial takes at most `timeout_s` seconds, resolution included."""

    def __init__(self, names: Names | None, timeout_s: float) -> None:
        self._names = names
        self._timeout_s = timeout_s
        self._turns: dict[str, int] = {}
        self._pool = ThreadPoolExecutor(RESOLVERS, thread_name_prefix="resolve")
        self._asking: dict[tuple[str, str], asyncio.Future[list[Any]]] = {}

    async def dial(self, upstream: str, protocol: Callable[[], P]) -> P:
        """Return the connected protocol. Raise OSError (TimeoutError included) if no address answers."""
        loop = asyncio.get_running_loop()
        deadline = time.monotonic() + self._timeout_s
        async with asyncio.timeout(self._timeout_s):
            while True:
                if self._names is not None:
                    self._names.refresh()
                try:
                    return await self._try_all(loop, upstream, protocol, deadline)
                except OSError:
                    # A deploy may have replaced the table while its former addresses were tried.
                    if self._names is None or not self._names.refresh():
                        raise

    async def _try_all(
        self, loop: asyncio.AbstractEventLoop, upstream: str, protocol: Callable[[], P], deadline: float
    ) -> P:
        targets = await self._targets(loop, upstream)
        turn = self._turns[upstream] = self._turns.get(upstream, -1) + 1
        refused: OSError = ConnectionRefusedError(f"no address for {upstream!r}")
        for index in range(len(targets)):
            host, port = targets[(turn + index) % len(targets)]
            # One silent address must leave time for those behind it.
            share = (deadline - time.monotonic()) / (len(targets) - index)
            try:
                async with asyncio.timeout(share):
                    return (await loop.create_connection(protocol, host, port))[1]
            except OSError as error:
                refused = error
        raise refused

    async def _targets(self, loop: asyncio.AbstractEventLoop, upstream: str) -> list[Target]:
        targets = None if self._names is None else self._names.lookup(upstream)
        if targets is not None:
            return targets
        try:
            host, port = split(upstream)
            if _literal(host) and port.isdigit():
                return [(host, int(port))]
            addresses = await self._resolved(loop, host, port)
        except (ValueError, OverflowError) as error:
            raise ConnectionRefusedError(f"upstream {upstream!r}: {error}") from None
        return [(str(entry[4][0]), int(entry[4][1])) for entry in addresses]

    async def _resolved(self, loop: asyncio.AbstractEventLoop, host: str, port: str) -> list[Any]:
        """Return addresses as getaddrinfo does; concurrent calls for one name share one lookup.

        A name that is gone can take a resolver seconds, ten by default, in a thread that can't be stopped: were every
        dial to ask by itself, the names of a lost region would soon hold every thread, and the living couldn't be
        reached either.
        """
        asking = self._asking.get((host, port))
        if asking is None:
            ask = functools.partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
            asking = self._asking[host, port] = loop.run_in_executor(self._pool, ask)
            asking.add_done_callback(functools.partial(self._answered, (host, port)))
        return await asyncio.shield(asking)

    def _answered(self, name: tuple[str, str], asking: asyncio.Future[list[Any]]) -> None:
        self._asking.pop(name, None)
        if not asking.cancelled():
            asking.exception()  # retrieved: every caller that waited may be gone


def _literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
