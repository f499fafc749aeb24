"""Model of the key `system`: the bundled storefront, or a system of one's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from gameday.scenario.own.own_system import (
    Attach,
    Command,
    ComposeFiles,
    EntryPoint,
    External,
    Ready,
    Target,
)
from gameday.scenario.scenario_part import NAME, Part
from gameday.scenario.system_under_test import STOREFRONT, SYSTEMS, SystemName, SystemUnderTest
from gameday.scenario.units import Within

OWN = ("external", "compose", "attach")
"""Keys of which one makes the system one of one's own."""
OWN_KEYS = ("entry", "ready", "deploy", "rollback", "folder")
"""Further keys that only a system of one's own has."""


class Replication(Part):
    """How standbys follow the database. `sync` commits once one standby has it; `delay` is the latency between regions."""

    mode: Literal["async", "sync"] = "async"
    delay: Within = 0.0


class System(Part):
    """The system under test and the regions that it has; the first one is the primary.

    It is the storefront, started here, unless one of `OWN` is given; then `topology` is None and the region is `local`.
    """

    topology: SystemName | None = STOREFRONT.name
    external: External | None = None
    compose: ComposeFiles | None = None
    attach: Attach | None = None
    entry: EntryPoint | Target | None = Field(
        default=None, description="where load goes; default: the target"
    )
    ready: Ready = Ready()
    deploy: Command | None = Field(
        default=None, description="how a release is deployed, unless an entry says"
    )
    rollback: Command | None = Field(default=None, description="how a change is rolled back")
    folder: str | None = Field(default=None, description="where commands run; default: the scenario's folder")
    regions: tuple[str, ...] = Field(default=("us-east", "eu-west"), min_length=1, max_length=5)
    port: int | None = Field(
        default=None, ge=1, le=65535, description="port at which clients enter; default: a free one"
    )
    replication: Replication = Replication()

    @property
    def under_test(self) -> SystemUnderTest:
        """What is specific to the bundled system of that name. Raise ValueError for a system of one's own."""
        if self.topology is None:
            raise ValueError("a system of one's own has no topology")
        return SYSTEMS[self.topology]

    @property
    def is_own(self) -> bool:
        """True if the system isn't the bundled one."""
        return self.topology is None

    @property
    def entry_service(self) -> str | None:
        """Return the service whose published port takes the load; None if no service is named."""
        return self.entry.service if isinstance(self.entry, EntryPoint) else None

    @model_validator(mode="before")
    @classmethod
    def _own_systems_have_defaults(cls, data: Any) -> Any:
        if not isinstance(data, Mapping) or not any(data.get(key) is not None for key in OWN):
            return data
        return {"regions": ("local",), **data, "topology": data.get("topology")}

    @model_validator(mode="after")
    def _is_one_system(self) -> System:
        given = [key for key in ("topology", *OWN) if getattr(self, key) is not None]
        if len(given) > 1:
            raise ValueError(f"has {' and '.join(given)}\na system is one of topology, {', '.join(OWN)}")
        own = {
            name for name in OWN_KEYS if getattr(self, name) != type(self).model_fields[name].get_default()
        }
        if own and not self.is_own:
            raise ValueError(f"{min(own)} belongs to a system of one's own\nadd one of {', '.join(OWN)}")
        if self.is_own and (self.port is not None or self.replication != Replication()):
            raise ValueError("port and replication belong to the storefront\na system of one's own has entry")
        return self

    @field_validator("regions")
    @classmethod
    def _regions_are_named_once(cls, regions: tuple[str, ...]) -> tuple[str, ...]:
        for region in regions:
            if not re.fullmatch(NAME, region) or len(region) > 30 or region == "edge":
                raise ValueError(
                    f"{region[:40]!r} isn't a region's name\nlower-case letters, digits and dashes: us-east"
                )
        if len(set(regions)) != len(regions):
            raise ValueError("names a region twice")
        return regions
