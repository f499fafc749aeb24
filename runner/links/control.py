"""Every link server of a run: makes the proxies of the topology, and points a real Toxiproxy at moved instances."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from runner.links.client import LinkServer, ProxySpec
from runner.topology import Link

READY_S = 20.0
Table = Mapping[str, Sequence[str]]
"""Upstream name → addresses of its ready instances."""


class LinkControl:
    """`upstream` and `listen` are the substrate's: what a link's server dials, and where it is to listen.

    `follows_names` is False for a real Toxiproxy on plain processes: it knows no names, so upstreams are addresses,
    which `moved` changes as instances come and go; each such change drops the link's connections.
    """

    def __init__(
        self, upstream: Callable[[Link], str], listen: Callable[[Link], str], *, follows_names: bool = True
    ) -> None:
        self._upstream = upstream
        self._listen = listen
        self._follows_names = follows_names
        self._lock = threading.Lock()
        self._table: Table = {}
        self._servers: dict[str, tuple[LinkServer, Sequence[Link]]] = {}

    def populate(self, region: str, server: tuple[str, int], links: Sequence[Link]) -> Mapping[str, int]:
        """Makes the region's proxies; link name → port listened at. Raises LinkError."""
        client = LinkServer(*server)
        client.wait_ready(READY_S)
        with self._lock:
            proxies: list[ProxySpec] = [
                {"name": link.name, "listen": self._listen(link), "upstream": self._dialled(link)} for link in links
            ]
            listening = client.populate(proxies)
            self._servers[region] = (client, links)
        return {name: int(address.rpartition(":")[2]) for name, address in listening.items()}

    def moved(self, table: Table) -> None:
        """The set of instances changed. Nothing to do where the server looks names up by itself."""
        if self._follows_names:
            return
        with self._lock:
            before, self._table = self._table, dict(table)
            for client, links in self._servers.values():
                for link in links:
                    name = self._upstream(link)
                    if table.get(name) and before.get(name) != table[name]:
                        client.set_upstream(link.name, self._dialled(link))

    def _dialled(self, link: Link) -> str:
        """What the server is told: the name, or the newest instance's address where it knows no names."""
        name = self._upstream(link)
        if self._follows_names:
            return name
        addresses = self._table.get(name)
        # Nothing listens on the discard port of loopback: refused until an instance is ready.
        return addresses[-1] if addresses else "127.0.0.1:9"
