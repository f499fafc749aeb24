"""The library of scenarios: find one by name or path, and read it with every check that can be made before a run."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gameday import registries
from gameday.changes.canary_strategy import Canary
from gameday.changes.gates.admission import rules_of
from gameday.changes.releases import Catalogue
from gameday.execution.actions import ACTIONS
from gameday.execution.own.own_checks import (
    check_journeys,
    check_own_system,
    names_own_system,
    with_absolute_paths,
)
from gameday.execution.own.own_wiring import own_topology
from gameday.operations import Change
from gameday.recording import atomic_file
from gameday.registries import ExtensionError
from gameday.scenario import Load, Scenario, System, load, variants
from gameday.scenario.own.journey_context import journey_context
from gameday.scenario.scenario_model import MOST, Gates
from gameday.scenario.system_under_test import STOREFRONT
from gameday.scenario.yaml_document import Document, Invalid, KeyPath, Problem, nearest
from gameday.topology import Topology, bundled, read_topology, with_canaries


def catalogue() -> Catalogue:
    """Return the bundled releases."""
    return Catalogue(bundled.releases(), bundled.compose() / STOREFRONT.code)


def keep_releases(feed: Sequence[Change], into: Path) -> None:
    """Copy what shipped, each release's file and diff, so that the report can show it a year later."""
    releases = catalogue()
    bundled = set(releases.names())
    into.mkdir(exist_ok=True)
    for name in {name for change in feed for name in (change.release, change.previous)} & bundled:
        shutil.copyfile(releases.folder / name / "release.yaml", into / f"{name}.yaml")
        atomic_file.write(into / f"{name}.patch", releases.patch(name))


def paths() -> dict[str, Path]:
    """Return name → path of every bundled scenario."""
    return {path.stem: path for path in sorted(bundled.scenarios().rglob("*.yaml"))}


def find(scenario: str) -> Path:
    """Return the path of a scenario given by its path or its name in the library. Raise Invalid if there is none."""
    path = Path(scenario)
    if _exists(path) or path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        return path
    known = paths()
    if scenario not in known:
        raise Invalid(
            [
                Problem(
                    scenario,
                    0,
                    0,
                    "no such file or library scenario",
                    nearest(scenario, known),
                )
            ]
        )
    return known[scenario]


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # such as a name that is too long
        return False


def read(path: Path, overrides: Mapping[str, str] | None = None) -> Scenario:
    """Read a scenario and check it against releases, topology, registries and expressions. Raise Invalid."""
    scenario = load(
        path,
        ACTIONS,
        overrides=overrides,
        checks=(
            _expressions,
            check_journeys,
            check_own_system,
            _releases,
            _places,
            _surges,
            _canaries,
            _detectors,
            _monitoring,
            _responders,
            _policies,
            variants.check,
        ),
    )
    return with_absolute_paths(scenario, path.parent)


def topology(scenario: Scenario) -> Topology:
    """Return the topology of a scenario's system. Raise Invalid."""
    return with_canaries(_system_topology(scenario.system), canary_services(scenario))


def canary_services(scenario: Scenario) -> frozenset[str]:
    """Return the services that a deploy of the timeline ships by a canary."""
    deploys = (entry.spec for entry in scenario.timeline if getattr(entry.spec, "canary", None))
    return frozenset(deploy.canary_service for deploy in deploys)


def _system_topology(system: System) -> Topology:
    return own_topology(system) if system.is_own else _topology(bundled.compose(), system.regions)


@functools.lru_cache(maxsize=32)
def _topology(folder: Path, regions: tuple[str, ...]) -> Topology:
    """Cached: a process uses the compose files as they were when it first read them."""
    return read_topology(folder, regions)


def _expressions(document: Document) -> Iterator[Problem]:
    from gameday.analysis.expressions import scenario_checks

    yield from scenario_checks.expectations(document)
    yield from scenario_checks.aborts(document)


def _detectors(document: Document) -> Iterable[Problem]:
    if "detectors" not in document.data:
        return ()
    from gameday.detect import problems

    return problems(document)


def _monitoring(document: Document) -> Iterable[Problem]:
    if "monitoring" not in document.data:
        return ()
    from gameday.telemetry.outside.monitoring_config import problems

    return problems(document)


def _responders(document: Document) -> Iterator[Problem]:
    """Yield a problem for each responder or policy whose plug-in can't be loaded; unknown names are the model's."""
    matrix = document.data.get("matrix")
    overlays = list(matrix.items())[: variants.MOST] if isinstance(matrix, dict) else []
    for path, part in [((), document.data), *((("matrix", name), overlay) for name, overlay in overlays)]:
        respond = part.get("respond") if isinstance(part, dict) else None
        for key, registry in (("by", registries.RESPONDERS), ("policy", registries.POLICIES)):
            name = respond.get(key) if isinstance(respond, dict) else None
            if isinstance(name, str) and name in registry:
                try:
                    registry[name]
                except ExtensionError as error:
                    yield document.problem((*path, "respond", key), str(error))


def _policies(document: Document) -> Iterable[Problem]:
    """Return the problems of the policies that a scenario's gates, or a variant's, use."""
    matrix = document.data.get("matrix")
    parts = [document.data, *(matrix.values() if isinstance(matrix, dict) else ())]
    problems: list[Problem] = []
    for part in parts:
        try:
            gates = Gates.model_validate(part.get("gates", {}) if isinstance(part, dict) else {})
            rules_of(gates, catalogue())
        except ValidationError:
            continue  # reported by another check
        except Invalid as error:
            problems += error.problems
    return problems


def _entries(document: Document) -> Iterator[tuple[int, str, Any]]:
    """Yield (index, action, spec) of the first entries of the timeline, leaving out malformed ones."""
    items = document.data.get("timeline")
    for index, item in enumerate(items[:MOST] if isinstance(items, list) else []):
        actions = [key for key in item if key != "at"] if isinstance(item, dict) else []
        if len(actions) == 1:
            yield index, str(actions[0]), item[actions[0]]


def _releases(document: Document) -> Iterator[Problem]:
    for index, action, spec in _entries(document):
        if names_own_system(document):
            return  # its releases are its own
        if action in ("deploy", "environment.delete") and isinstance(spec, dict) and "release" in spec:
            yield from _release(document, ("timeline", index, action, "release"), str(spec["release"]))


def _places(document: Document) -> Iterator[Problem]:
    """Yield a problem for each region, service or link of a fault that a system, or a variant's, doesn't have."""
    reported: set[tuple[KeyPath, str]] = set()
    for system in variants.systems(document):
        try:
            system_topology = _system_topology(system)
        except Invalid:
            continue  # reported by another check
        for path, message, hint in _missing(document, system_topology):
            if (path, message) not in reported:
                reported.add((path, message))
                yield document.problem(path, message, hint)


def _missing(document: Document, system: Topology) -> Iterator[tuple[KeyPath, str, str]]:
    for index, action, spec in _entries(document):
        try:
            model: Any = ACTIONS[action].model_validate(spec)
        except (KeyError, ValidationError, ExtensionError):
            continue
        for path, message, hint in model.problems(system) if hasattr(model, "problems") else ():
            yield ("timeline", index, action, *path), message, hint


def _surges(document: Document) -> Iterator[Problem]:
    """Yield a problem for each surge beyond the load's `maxRate`."""
    try:
        planned = Load.model_validate(document.data.get("load", {}), context=journey_context(document.data))
    except ValidationError:
        return  # reported by another check
    for index, action, spec in _entries(document):
        factor = spec.get("factor") if action == "load.surge" and isinstance(spec, dict) else None
        if isinstance(factor, int | float) and factor * planned.rate > planned.max_rate:
            message = f"{factor:g} times {planned.rate:g}/s is over maxRate ({planned.max_rate:g}/s)"
            yield document.problem(
                ("timeline", index, action, "factor"), message, "set load.maxRate if you mean it"
            )


def _canaries(document: Document) -> Iterator[Problem]:
    """Yield a problem for each canary that can't be judged: a share of less than one request, hangs that outlast a step."""
    try:
        planned = Load.model_validate(document.data.get("load", {}))
    except ValidationError:
        return  # reported by another check
    for index, action, spec in _entries(document):
        strategy = spec.get("strategy") if action == "deploy" and isinstance(spec, dict) else None
        try:
            plan = Canary.model_validate(strategy).canary.plan()
        except ValidationError:
            continue
        if plan.bake <= planned.timeout:
            canary = ("timeline", index, action, "strategy", "canary")
            message = f"requests that hang end after {planned.timeout:g} s, so none is judged within bake: {plan.bake:g}s"
            yield document.problem(canary, message, "raise bake or lower load.timeout")
        for step, share in enumerate(plan.watched):
            requests = planned.rate * share * plan.bake
            if requests < 1:
                place = ("timeline", index, action, "strategy", "canary", "steps", step)
                message = (
                    f"{100 * share:.3g}% for {plan.bake:g} s is {requests:.2g} requests: less than one user"
                )
                yield document.problem(place, message, "raise the share, bake or load.rate")


def _release(document: Document, place: KeyPath, name: str) -> Iterator[Problem]:
    releases = catalogue()
    try:
        release = releases.spec(name)
    except KeyError:
        yield document.problem(place, f"there is no release {name!r}", nearest(name, releases.names()))
        return
    except Invalid as error:
        yield from error.problems
        return
    yield from releases.check(name)
    if release.service not in {
        service.name for service in _topology(bundled.compose(), ("us-east",)).services
    }:
        yield document.problem(place, f"{name} is of service {release.service!r}, which isn't in this system")
