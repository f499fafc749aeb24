"""The proxies of a link server by name: create, populate, remove, reset."""

from __future__ import annotations

from dataclasses import dataclass

from gameday.links.server.api_errors import ApiError, bad_body, missing_field, proxy_exists, proxy_not_found
from gameday.links.server.proxy import Proxy
from gameday.links.server.request_body import Fields
from gameday.links.server.upstream import Dialler


@dataclass(frozen=True)
class Wanted:
    """A proxy as a request body describes it."""

    name: str
    listen: str
    upstream: str
    enabled: bool

    @classmethod
    def parsed(cls, body: object, where: str = "") -> Wanted:
        """Return the proxy of a body. Raise ApiError 400 if name or upstream is missing; `where` ends the error's text."""
        given = Fields(body)
        wanted = cls(
            given.text("name"), given.text("listen"), given.text("upstream"), given.flag("enabled", True)
        )
        for field in ("name", "upstream"):
            if not getattr(wanted, field):
                raise missing_field(field + where)
        return wanted


class Collection:
    def __init__(self, dialler: Dialler, counted: bool = False) -> None:
        self.counted = counted
        self._dialler = dialler
        self._proxies: dict[str, Proxy] = {}

    def all(self) -> list[Proxy]:
        """Return every proxy, sorted by name."""
        return [self._proxies[name] for name in sorted(self._proxies)]

    def get(self, name: str) -> Proxy:
        if name not in self._proxies:
            raise proxy_not_found()
        return self._proxies[name]

    async def create(self, body: object) -> Proxy:
        wanted = Wanted.parsed(body)
        if wanted.name in self._proxies:
            raise proxy_exists()
        return await self._put(wanted)

    async def populate(self, body: object) -> tuple[list[Proxy], ApiError | None]:
        """Create or replace each proxy of a list; a proxy that exists with the same addresses is kept.

        All names and upstreams are checked first. Afterwards the first failure stops it: the proxies before it are
        returned along with the error, and stay.
        """
        done: list[Proxy] = []
        try:
            for wanted in _wanted(body):
                done.append(await self._put_or_keep(wanted))
        except ApiError as error:
            return done, error
        return done, None

    def remove(self, name: str) -> None:
        self.get(name).stop()
        del self._proxies[name]

    async def reset(self) -> None:
        """Enable every proxy and remove every toxic."""
        for proxy in self.all():
            await proxy.start()
            proxy.remove_toxics()

    def stop(self) -> None:
        for proxy in self.all():
            proxy.stop()

    async def _put_or_keep(self, wanted: Wanted) -> Proxy:
        existing = self._proxies.get(wanted.name)
        if existing is not None:
            if not await existing.differs(wanted.listen, wanted.upstream):
                return existing
            existing.stop()
        return await self._put(wanted)

    async def _put(self, wanted: Wanted) -> Proxy:
        proxy = Proxy(wanted.name, wanted.listen, wanted.upstream, self._dialler, self.counted)
        if wanted.enabled:
            await proxy.start()
        self._proxies[wanted.name] = proxy
        return proxy


def _wanted(body: object) -> list[Wanted]:
    if body is None:
        return []
    if not isinstance(body, list):
        raise bad_body("json: cannot unmarshal into an array of proxies")
    return [Wanted.parsed(item, f" at proxy {place}") for place, item in enumerate(body, start=1)]
