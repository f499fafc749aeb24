"""Which releases had part in the answer to the current request, and which primary database.

Context variables, so that no service passes them along by hand: the application opens a set for each request,
the outgoing client adds what the peers' answers name, and the application writes the lot as `X-Release`. The
database that was used last is `X-Primary`, `us-east/1`: its region and the timeline of its log.
"""

from contextvars import ContextVar

HEADER = "X-Release"
PRIMARY = "X-Primary"

_seen: ContextVar[set[str] | None] = ContextVar("releases_seen", default=None)
_primaries: ContextVar[list[str] | None] = ContextVar("primaries_seen", default=None)


def begin(own: str) -> set[str]:
    """Open the set of the current request, holding the own release."""
    releases = {own}
    _seen.set(releases)
    _primaries.set([])
    return releases


def note(header: str | None) -> None:
    """Add the releases a peer's answer names; outside a request there is nothing to add to."""
    releases = _seen.get()
    if releases is not None and header:
        releases.update(header.split())


def written(releases: set[str]) -> bytes:
    """The header's value: sorted, unique, separated by spaces."""
    return " ".join(sorted(releases)).encode("latin-1")


def note_primary(name: str | None) -> None:
    """Record the primary that a peer's answer names, or that was used here; a no-op outside a request."""
    primaries = _primaries.get()
    if primaries is not None and name:
        primaries.append(name)


def primary() -> bytes:
    """The primary that had part in the answer, the last one of several; empty if none had."""
    primaries = _primaries.get()
    return primaries[-1].encode("latin-1") if primaries else b""
