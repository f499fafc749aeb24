"""Names in a scenario that must be in a registry: `Annotated[str, Registered(registry)]`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from gameday import registries
from gameday.registries import Registry
from gameday.scenario.yaml_document import nearest


@dataclass(frozen=True)
class Registered:
    """Metadata of a text field: its value must be a name of the registry. The JSON Schema lists what is installed."""

    registry: Registry[Any]

    def check(self, name: str) -> str:
        """Return the name. Raise ValueError with the nearest one if it isn't registered; load nothing."""
        if name not in self.registry:
            raise ValueError(f"unknown {self.registry.noun} {name[:80]!r}\n{nearest(name, self.registry)}")
        return name

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"enum": list(self.registry), "type": "string"}

    def __hash__(self) -> int:
        return hash(self.registry.group)


DetectorName = Annotated[str, Registered(registries.DETECTORS)]
GateName = Annotated[str, Registered(registries.GATES)]
PolicyName = Annotated[str, Registered(registries.POLICIES)]
ResponderName = Annotated[str, Registered(registries.RESPONDERS)]
