"""Preparation of runs: scenarios read with their variants, the substrate chosen, the output folder checked."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gameday.execution import library
from gameday.execution.own.target_guard import refuse_public_target
from gameday.execution.trial import Options
from gameday.faults import FAULTS
from gameday.scenario import Scenario
from gameday.scenario.variants import variants
from gameday.scenario.yaml_document import Invalid, Problem, nearest

UP_S = 12.0
"""Seconds for a system to come up and to go down again."""
REPORT_S = 3.0
RESPONSE_S = 8.0
LEAST_HANDLES = 512
"""Open files of a process: the load has a connection for each request that may be in flight, 240 at 60/s."""


@dataclass(frozen=True)
class SelectedScenario:
    """A scenario to run; `variant` is its name in the matrix of the file, None if the file has no matrix."""

    path: Path
    scenario: Scenario
    variant: str | None = None


def read_scenarios(names: Sequence[str], options: Options) -> list[SelectedScenario]:
    """Read scenarios by name or path, each variant of a matrix by itself. Raise Invalid with every problem of all."""
    selected: list[SelectedScenario] = []
    problems: list[Problem] = []
    for name in names:
        try:
            selected += _variants(library.find(name), options)
        except Invalid as error:
            problems += error.problems
    if problems:
        raise Invalid(problems)
    return selected


def _variants(path: Path, options: Options) -> list[SelectedScenario]:
    """Return the scenario of a file, each variant of its matrix, or the one that the options name."""
    scenario = library.read(path, options.overrides)
    refuse_public_target(scenario, path, options.allow_target)
    selected = [SelectedScenario(path, variant, name) for name, variant in variants(scenario)]
    selected = selected or [SelectedScenario(path, scenario)]
    if options.variant:
        names = [choice.variant for choice in selected if choice.variant]
        if options.variant not in names:
            hint = nearest(options.variant, names) if names else "it has no matrix"
            raise Invalid([Problem(str(path), 0, 0, f"has no variant {options.variant!r}", hint)])
        selected = [
            SelectedScenario(path, choice.scenario)
            for choice in selected
            if choice.variant == options.variant
        ]
    selected = [
        replace(choice, scenario=_with_responder(choice.scenario, options.responder)) for choice in selected
    ]
    for choice in selected:
        library.topology(choice.scenario)
    return selected


def _with_responder(scenario: Scenario, responder: str | None) -> Scenario:
    if responder is None or responder == scenario.respond.by:
        return scenario
    policy = "rollback-latest-change" if responder == "auto" else None
    respond = scenario.respond.answered_by(responder, policy)
    return scenario.model_copy(update={"respond": respond})


def choose_substrate(options: Options) -> tuple[str, str, Options]:
    """Return the substrate, the reason, and the options with the Toxiproxy server found on PATH, if any."""
    from gameday.links.server_command import find_real
    from gameday.substrates import KINDS
    from gameday.substrates.substrate_choice import choose

    substrate, why = choose(options.substrate)
    if KINDS[substrate].uses_link_server:
        return substrate, why, replace(options, toxiproxy=options.toxiproxy or find_real())
    if options.toxiproxy:
        hint = "run with --substrate process"
        raise Invalid(
            [Problem("--toxiproxy-server", 0, 0, "isn't for containers, whose image has its own", hint)]
        )
    return substrate, why, options


def link_server(options: Options) -> str:
    """Return the link server that a run would have: `embedded`, or the path of a real Toxiproxy on this machine."""
    from gameday.links.server_command import find_real
    from gameday.substrates import KINDS

    kind = KINDS.get(options.substrate)
    real = options.toxiproxy or (find_real() if kind is None or kind.uses_link_server else None)
    return "embedded" if real is None else f"{real} on processes" if kind is None else real


def ensure_writable(out: Path) -> None:
    """Create the folder of runs. Raise Invalid if it can't be written, or if too few files may be open for a run."""
    handles, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if handles < LEAST_HANDLES:
        why = f"only {handles} files may be open at once; a run needs {LEAST_HANDLES}"
        raise Invalid([Problem("ulimit -n", 0, 0, why, f"ulimit -n {2 * LEAST_HANDLES}")])
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        hint = "name a folder that you can write with --out"
        raise Invalid([Problem(str(out), 0, 0, f"can't be written: {error.strerror}", hint)]) from error


def expected_seconds(scenario: Scenario) -> float:
    """Return the expected length of a run in seconds, from its start to the end of the tear-down."""
    last = max(
        (entry.at + (getattr(entry.spec, "for_", None) or 0.0) for entry in scenario.timeline), default=0.0
    )
    load = scenario.load.warmup + scenario.steady_state.for_ + scenario.load.timeout
    return UP_S + REPORT_S + load + last + RESPONSE_S + scenario.hold


def meanings(scenario: Scenario, substrates: Iterable[str]) -> list[str]:
    """Return a line for each fault of the scenario whose effect differs between substrates, and each of these."""
    kinds = dict.fromkeys(entry.action for entry in scenario.timeline if entry.action in FAULTS)
    return [
        f"{kind} on {name}: {FAULTS[kind].meanings[name]}"
        for kind in kinds
        for name in substrates
        if name in FAULTS[kind].meanings
    ]
