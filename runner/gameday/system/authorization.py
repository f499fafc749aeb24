"""What an automation asks of the platform before it acts: by its own credential, at the platform's door.

The door decides (`storefront.environments`), by the scopes that it knows of the credential; nothing here does.
"""

from __future__ import annotations

from urllib.parse import quote

from gameday.ports import PortError
from gameday.system.system import System

SCOPES = ("costs:deploy",)
"""What an automation needs that is to ship a fix of the cost explorer."""
DELETE = "environment:delete"


def may_delete(system: System, region: str) -> None:
    """Returns where the door allows it. Raises Refused, with its status and words, and PortError without an answer."""
    doors = system.instances(system.kind_of("router"))
    if not doors:
        raise PortError(f"no edge runs that could be asked for the deletion of {region}")
    path = f"/_operator/environments/{quote(region, safe='')}/delete"
    system.ask(doors[0], "POST", path, token=system.credential)


def credentials(token: str, *, least: bool) -> str:
    """CREDENTIALS of the compose files: the automation's, with no more scopes than it needs, or with one too many."""
    scopes = SCOPES if least else (*SCOPES, DELETE)
    return f"automation:{token}={' '.join(scopes)}"
