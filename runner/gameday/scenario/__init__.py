"""Scenarios: YAML files read into frozen models, the only input of a run; errors have file:line:column."""

from gameday.scenario.json_schema import json_schema
from gameday.scenario.scenario_file import OVERRIDABLE, Check, Registry, load, read_resolved
from gameday.scenario.scenario_model import (
    Detection,
    Entry,
    Guardrails,
    Load,
    Respond,
    Scenario,
    SeverityRule,
    Slo,
    SteadyState,
    System,
)
from gameday.scenario.system_under_test import STOREFRONT, SystemUnderTest

__all__ = [
    "OVERRIDABLE",
    "STOREFRONT",
    "Check",
    "Detection",
    "Entry",
    "Guardrails",
    "Load",
    "Registry",
    "Respond",
    "Scenario",
    "SeverityRule",
    "Slo",
    "SteadyState",
    "System",
    "SystemUnderTest",
    "json_schema",
    "load",
    "read_resolved",
]
