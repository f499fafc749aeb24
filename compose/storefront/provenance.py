"""Which releases had part in the answer to the current request.

A context variable, so that no service passes it along by hand: the application opens a set for each request,
the outgoing client adds what the peers' answers name, and the application writes the lot as `X-Release`.
"""

from contextvars import ContextVar

HEADER = "X-Release"

_seen: ContextVar[set[str] | None] = ContextVar("releases_seen", default=None)


def begin(own: str) -> set[str]:
    """Open the set of the current request, holding the own release."""
    releases = {own}
    _seen.set(releases)
    return releases


def note(header: str | None) -> None:
    """Add the releases a peer's answer names; outside a request there is nothing to add to."""
    releases = _seen.get()
    if releases is not None and header:
        releases.update(header.split())


def written(releases: set[str]) -> bytes:
    """The header's value: sorted, unique, separated by spaces."""
    return " ".join(sorted(releases)).encode("latin-1")
