"""JSON Schema of a scenario, for editors, from the models that validate it."""

from __future__ import annotations

from typing import Any

from gameday.scenario import variants
from gameday.scenario.scenario_file import Registry
from gameday.scenario.scenario_model import Scenario
from gameday.scenario.units import DURATION


def json_schema(registry: Registry) -> dict[str, Any]:
    """Return the schema (draft 2020-12), with one alternative of `timeline` for each registered action."""
    schema = Scenario.model_json_schema(by_alias=True, mode="validation")
    definitions = schema.setdefault("$defs", {})
    definitions.pop("Entry", None)
    alternatives = []
    for name, model in sorted(registry.items()):
        inner = model.model_json_schema(by_alias=True)
        definitions.update(inner.pop("$defs", {}))
        definitions[f"action-{name}"] = inner
        alternatives.append(
            {
                "type": "object",
                "additionalProperties": False,
                "required": ["at", name],
                "properties": {
                    "at": {"type": "string", "pattern": DURATION},
                    name: {"$ref": f"#/$defs/action-{name}"},
                },
            }
        )
    schema["properties"]["timeline"] = {"type": "array", "items": {"oneOf": alternatives}, "default": []}
    schema["properties"]["matrix"] = variants.json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "gameday/v1/scenario", **schema}
