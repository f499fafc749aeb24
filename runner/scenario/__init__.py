"""YAML → a frozen `Scenario`; the only input of a run. All errors at once, each with file:line:column."""

from runner.scenario.load import OVERRIDABLE, Check, Registry, load, read_resolved
from runner.scenario.model import (
    Detection,
    Entry,
    Guardrails,
    Journey,
    Load,
    Respond,
    Scenario,
    Slo,
    SteadyState,
    System,
)
from runner.scenario.schema import json_schema

__all__ = [
    "OVERRIDABLE",
    "Check",
    "Detection",
    "Entry",
    "Guardrails",
    "Journey",
    "Load",
    "Registry",
    "Respond",
    "Scenario",
    "Slo",
    "SteadyState",
    "System",
    "json_schema",
    "load",
    "read_resolved",
]
