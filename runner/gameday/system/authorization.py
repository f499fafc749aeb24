"""Authorization of automations: their credentials, and the check before they delete an environment.

The platform's API (`storefront.environments`) decides by the scopes that it knows of a credential.
"""

from __future__ import annotations

from urllib.parse import quote

from gameday.ports import PortError
from gameday.scenario.system_under_test import STOREFRONT
from gameday.system.system import System

SCOPES = ("costs:deploy",)
"""The scopes that an automation needs to ship a fix of the cost explorer."""
DELETE = "environment:delete"


def check_may_delete(system: System, region: str) -> None:
    """Ask the platform whether the automation may delete the region's environment.

    Raise Refused, with the platform's status and words, if it may not; PortError if there is no answer.
    """
    edges = system.instances(system.kind_of("router"))
    if not edges:
        raise PortError(f"no edge runs that could authorize the deletion of {region}")
    path = f"{STOREFRONT.paths.environments}/{quote(region, safe='')}/delete"
    system.ask(edges[0], "POST", path, token=system.credential)


def credentials(token: str, *, least: bool) -> str:
    """Return CREDENTIALS for the compose files: the automation's scopes, plus one too many unless `least`."""
    scopes = SCOPES if least else (*SCOPES, DELETE)
    return f"automation:{token}={' '.join(scopes)}"
