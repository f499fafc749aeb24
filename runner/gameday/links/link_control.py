"""Link control: every link server of a run, its proxies, and the faults active on each link.

Active faults belong to the link, not to its server: a restarted server gets all of them again. Which links a fault
selects, and when a server is gone (`forget`), is left to the caller.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from gameday.links.toxiproxy_client import LinkError, LinkServer, ProxySpec
from gameday.ports import Toxic
from gameday.topology import Link

READY_S = 20.0
NOWHERE = "gone..invalid:1"
"""A name that is invalid, so that every link server fails to resolve it at once, without a name server."""
NOT_THERE, TAKEN = "toxic not found", "toxic already exists"
"""A link server's reasons for a refusal."""
Table = Mapping[str, Sequence[str]]
"""Upstream name → addresses of its ready instances."""


@dataclass
class Standing:
    """Faults active on a link."""

    cut: bool = False
    misdirected: bool = False
    toxics: dict[str, Toxic] = field(default_factory=dict)

    def words(self) -> Iterator[str]:
        """Yield a text for each active fault."""
        if self.cut:
            yield "is cut"
        if self.misdirected:
            yield "leads nowhere"
        yield from (f"has the {toxic.type} {name}" for name, toxic in self.toxics.items())


@dataclass
class Region:
    """A region's link server (None if there is none), its links by name, and the faults active on each."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    server: LinkServer | None = None
    links: dict[str, Link] = field(default_factory=dict)
    standing: dict[str, Standing] = field(default_factory=dict)

    def on(self, link: Link) -> Standing:
        """Return the faults active on a link."""
        return self.standing.setdefault(link.name, Standing())


class LinkControl:
    """`ports.Links`. `upstream` and `listen` are the substrate's: what a link's server dials, and where it listens.

    Thread-safe; calls to a region's server are serialised. Every method raises LinkError if a server fails; the fault
    counts as active then, since the server may have applied it.

    `follows_names` is False for a real Toxiproxy on plain processes: it can't resolve names, so upstreams are
    addresses, which `moved` changes as instances come and go; each such change drops the link's connections. `secret` is
    what the servers' API asks for.
    """

    def __init__(
        self,
        upstream: Callable[[Link], str],
        listen: Callable[[Link], str],
        *,
        follows_names: bool = True,
        secret: str = "",
    ) -> None:
        self._upstream = upstream
        self._listen = listen
        self._follows_names = follows_names
        self._secret = secret
        self._lock = threading.Lock()
        self._table: Table = {}
        self._regions: dict[str, Region] = {}

    def populate(self, region: str, server: tuple[str, int], links: Sequence[Link]) -> Mapping[str, int]:
        """Create the region's proxies; return link name → listening port. Active faults are set before a link is enabled."""
        client = LinkServer(*server, secret=self._secret)
        client.wait_ready(READY_S)
        here = self._region(region)
        with here.lock:
            marked = [link for link in links if any(here.on(link).words())]
            proxies: list[ProxySpec] = [
                {
                    "name": link.name,
                    "listen": self._listen(link),
                    "upstream": self._dialled(link, here.on(link)),
                    "enabled": link not in marked,
                }
                for link in links
            ]
            listening = client.populate(proxies)
            for link in marked:
                self._restore(client, link, here.on(link))
            if marked:
                listening = {
                    name: state.listen for name, state in client.proxies().items() if name in listening
                }
            here.server, here.links = client, {link.name: link for link in links}
        return {name: int(address.rpartition(":")[2]) for name, address in listening.items()}

    def forget(self, region: str) -> None:
        """Note that the region's link server is gone; until the next `populate`, faults are only remembered."""
        here = self._region(region)
        with here.lock:
            here.server = None

    def cut(self, link: Link) -> None:
        """End the link's connections and refuse new ones."""
        here = self._region(link.caller_region)
        with here.lock:
            here.on(link).cut = True
            if here.server:
                here.server.set_enabled(link.name, False)

    def mend(self, link: Link) -> None:
        """Undo `cut`; no-op if the link isn't cut."""
        here = self._region(link.caller_region)
        with here.lock:
            if here.on(link).cut and here.server:
                here.server.set_enabled(link.name, True)
            here.on(link).cut = False

    def add_toxic(self, link: Link, toxic: Toxic) -> None:
        """Add the toxic, or change the one of that name."""
        here = self._region(link.caller_region)
        with here.lock:
            toxics = here.on(link).toxics
            before, toxics[toxic.name] = toxics.get(toxic.name), toxic
            if here.server:
                _put_toxic(here.server, link, toxic, before)

    def remove_toxic(self, link: Link, name: str) -> None:
        """Remove the toxic; no-op if the link has none of that name."""
        here = self._region(link.caller_region)
        with here.lock:
            if name in here.on(link).toxics and here.server:
                here.server.remove_toxic(link.name, name)
            here.on(link).toxics.pop(name, None)

    def misdirect(self, link: Link) -> None:
        """Let the link dial an address where nothing answers."""
        here = self._region(link.caller_region)
        with here.lock:
            here.on(link).misdirected = True
            if here.server:
                here.server.set_upstream(link.name, NOWHERE)

    def redirect(self, link: Link) -> None:
        """Undo `misdirect`; no-op if the link isn't misdirected."""
        here = self._region(link.caller_region)
        with here.lock:
            standing = here.on(link)
            if standing.misdirected and here.server:
                here.server.set_upstream(link.name, self._address(link))
            standing.misdirected = False

    def standing(self) -> Sequence[str]:
        """Return the active faults as texts, sorted: `us-east.checkout--pricing is cut`."""
        with self._lock:
            regions = list(self._regions.values())
        texts = []
        for here in regions:
            with here.lock:
                texts += [f"{name} {words}" for name, link in here.standing.items() for words in link.words()]
        return sorted(texts)

    def moved(self, table: Table) -> None:
        """Follow a changed set of instances; no-op if the servers resolve names themselves."""
        if self._follows_names:
            return
        with self._lock:
            before, self._table = self._table, dict(table)
            regions = list(self._regions.values())
        for here in regions:
            with here.lock:
                for link in here.links.values() if here.server else ():
                    name = self._upstream(link)
                    if table.get(name) and before.get(name) != table[name] and here.server:
                        here.server.set_upstream(link.name, self._dialled(link, here.on(link)))

    def _region(self, region: str) -> Region:
        with self._lock:
            return self._regions.setdefault(region, Region())

    def _restore(self, client: LinkServer, link: Link, standing: Standing) -> None:
        """Set the link's toxics, then enable it unless it is cut."""
        for toxic in standing.toxics.values():
            _put_toxic(client, link, toxic, None)
        client.set_enabled(link.name, not standing.cut)

    def _dialled(self, link: Link, standing: Standing) -> str:
        return NOWHERE if standing.misdirected else self._address(link)

    def _address(self, link: Link) -> str:
        """Return the upstream for the server: the name, or the newest instance's address if it can't resolve names."""
        name = self._upstream(link)
        if self._follows_names:
            return name
        addresses = self._table.get(name)
        # Nothing listens on the discard port of loopback: refused until an instance is ready.
        return addresses[-1] if addresses else "127.0.0.1:9"


def _put_toxic(server: LinkServer, link: Link, toxic: Toxic, before: Toxic | None) -> None:
    """Change the toxic if the link has it, so that connections keep it throughout; else replace or create it."""
    try:
        if before and (before.type, before.stream) == (toxic.type, toxic.stream):
            server.update_toxic(link.name, toxic.name, toxic.attributes, toxic.share)
            return
        if before is None:
            _make_toxic(server, link, toxic)
            return
    except LinkError as error:
        if error.reason not in (NOT_THERE, TAKEN):
            raise
    server.remove_toxic(link.name, toxic.name)
    _make_toxic(server, link, toxic)


def _make_toxic(server: LinkServer, link: Link, toxic: Toxic) -> None:
    server.add_toxic(link.name, toxic.name, toxic.type, toxic.stream, toxic.share, toxic.attributes)
