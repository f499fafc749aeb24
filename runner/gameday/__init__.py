"""Gameday runs chaos and rollback game days: how long until a failure is noticed, and until users are well again?

A `scenario` is a YAML file: system, load, SLOs, timeline, responder, expectations. `execution` makes a run of it. It
wires the parts together, `run` conducts them: a pure engine decides every step, an interpreter carries it out.

A `substrate` starts the instances of the `topology`, as processes or containers; `links` puts a Toxiproxy between any
two. `system` is the system under test as a whole: it brings instances up, heals them, deploys releases and executes
operations. `load` sends open-loop traffic and records every request as a sample. The timeline injects `faults` and ships
`changes`. `telemetry` feeds samples and scrapes to detectors (`detect`), whose alerts go to `paging` and to a responder
(`responders`) or, by the `operator_api`, to people; whoever acts uses the same `operations`. The `reaper` tears down what a
killed runner leaves.

`recording` writes everything to a journal and sample files, the only hand-over. What comes after is pure: `slo` judges
windows of samples, `analysis` computes the outcome, and the package `gameday_reports` renders it. `calibrate` measures the
measuring itself. `ports` holds the Protocols between these parts, `registries` what plug-ins add, `host` what is particular
to this machine. `cli` is the command line, `console` what a terminal shows, `api` the same for Python and pytest.
"""

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
