"""Names of a scenario's own journeys, as the context in which load and SLOs are validated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

JOURNEYS = "journeys"
"""Key of the context: the names of the scenario's own journeys, None if it has none."""


def journey_names(data: Any) -> list[str] | None:
    """Return the names of the journeys that a scenario's document defines; None if it defines none."""
    own = data.get(JOURNEYS) if isinstance(data, Mapping) else None
    return [str(name) for name in own] if isinstance(own, Mapping) and own else None


def journey_context(data: Any) -> dict[str, list[str] | None]:
    """Return the context for validating parts of a scenario's document."""
    return {JOURNEYS: journey_names(data)}
