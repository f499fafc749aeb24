"""Runs scenarios and measures what came of them; `gameday.cli` is the way in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gameday.api.python_api import (
        Clock,
        Comparison,
        Invalid,
        PortError,
        Problem,
        RunResult,
        Scenario,
        compare_runs,
        load_scenario,
        read_outcome,
        run_scenario,
        validate_scenario,
    )

__all__ = [
    "Clock",
    "Comparison",
    "Invalid",
    "PortError",
    "Problem",
    "RunResult",
    "Scenario",
    "compare_runs",
    "load_scenario",
    "read_outcome",
    "run_scenario",
    "validate_scenario",
]


def __getattr__(name: str) -> Any:
    """Load the Python API when one of its names is first used, so that commands start without it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from gameday.api import python_api

    return getattr(python_api, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
