"""Registries: what there is by name, from this package and from installed plug-ins.

A built-in is registered by its dotted name (`package.module:object`), a plug-in's object by an entry point of the
registry's group in its distribution's metadata. An object is imported when it is first looked up, so that a command
loads only what it uses and a broken plug-in breaks only the scenarios that name it. docs/plugins.md shows how to
write one.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

T = TypeVar("T")
OWN = "gameday itself"


class ExtensionError(Exception):
    """A registered object can't be used. The text names the object, its distribution and what to do."""


@functools.cache
def installed_entry_points(group: str) -> tuple[EntryPoint, ...]:
    """Return the entry points of a group, of every installed distribution; read once in a process."""
    return tuple(entry_points(group=group))


class Registry(Mapping[str, T], Generic[T]):
    """Objects of one kind by name. Iterate over names, built-ins first; look an object up to load it.

    `builtin` maps names to dotted names, or is the dotted name of a mapping from names to objects. `kind_attribute` is
    the attribute that repeats the name on each object, if there is one. `is_valid` gives the dotted name of a function
    (object → reason it is unusable, or None) that is applied to plug-ins' objects.
    """

    def __init__(
        self,
        group: str,
        noun: str,
        builtin: Mapping[str, str] | str,
        *,
        check: str | None = None,
        find: Callable[[str], Iterable[EntryPoint]] = installed_entry_points,
    ) -> None:
        self.group = group
        self.noun = noun
        self._builtin = builtin
        self._check = check
        self._find = find
        self._loaded: dict[str, T] = {}

    def __getitem__(self, name: str) -> T:
        """Return the object of that name. Raise KeyError if there is none, ExtensionError if it can't be used."""
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def __contains__(self, name: object) -> bool:
        """Return True if the name is registered; load nothing of a plug-in."""
        return name in self._own() or any(point.name == name for point in self._find(self.group))

    def __iter__(self) -> Iterator[str]:
        own = self._own()
        yield from own
        yield from sorted({point.name for point in self._find(self.group)} - set(own))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def source(self, name: str) -> str:
        """Return who registers a name: `gameday itself` or a distribution; empty if it isn't registered."""
        if name in self._own():
            return OWN
        return next((distribution_of(point) for point in self._find(self.group) if point.name == name), "")

    def _own(self) -> Mapping[str, Any]:
        """Return the built-ins: name → dotted name, or name → object."""
        if isinstance(self._builtin, str):
            builtin: Mapping[str, Any] = import_object(self._builtin)
            return builtin
        return self._builtin

    def _load(self, name: str) -> T:
        own = self._own()
        points = [point for point in self._find(self.group) if point.name == name]
        sources = [*([OWN] if name in own else []), *(distribution_of(point) for point in points)]
        if not sources:
            raise KeyError(name)
        if len(sources) > 1:
            raise ExtensionError(
                f"the {self.noun} {name!r} is registered {len(sources)} times, by {' and by '.join(sources)}; "
                "uninstall all but one, or rename one"
            )
        if points:
            return self._load_plugin(points[0])
        target = own[name]
        loaded: T = import_object(target) if isinstance(target, str) else target
        return loaded

    def _load_plugin(self, point: EntryPoint) -> T:
        distribution = distribution_of(point)
        where = f"the {self.noun} {point.name!r} of the distribution {distribution}"
        try:
            loaded: T = point.load()
        except Exception as error:
            raise ExtensionError(
                f"{where} can't be loaded from {point.value}: {type(error).__name__}: {error}; "
                f"repair or uninstall {distribution.split()[0]}"
            ) from error
        reason = import_object(self._check)(point.name, loaded) if self._check else None
        if reason:
            raise ExtensionError(f"{where} can't be used: {point.value} {reason}")
        return loaded


def import_object(dotted: str) -> Any:
    """Return the object of a dotted name, `package.module:object`."""
    module, _, attribute = dotted.partition(":")
    return getattr(importlib.import_module(module), attribute)


def distribution_of(point: EntryPoint) -> str:
    """Return name and version of the distribution that declares an entry point, as text."""
    return f"{point.dist.name} {point.dist.version}" if point.dist else "an unknown distribution"


FAULTS: Registry[Any] = Registry(
    "gameday.faults", "fault", "gameday.faults:BUILT_IN", check="gameday.faults:reject"
)
"""Name → model of a timeline action, a subclass of `gameday.faults.Spec`."""

DETECTORS: Registry[Any] = Registry(
    "gameday.detectors",
    "detector",
    {
        "bank": "gameday.detect.bank:KIND",
        "cusum": "gameday.detect.cusum:KIND",
        "threshold": "gameday.detect.threshold:KIND",
        "burn-rate": "gameday.detect.burn_rate:KIND",
        "ewma": "gameday.detect.ewma:KIND",
        "silence": "gameday.detect.silence:KIND",
        "hang": "gameday.detect.hang:KIND",
        "page-hinkley": "gameday.detect.page_hinkley:KIND",
        "adwin": "gameday.detect.adwin:KIND",
        "correctness": "gameday.detect.cusum:CORRECTNESS",
        "latency": "gameday.detect.latency_cusum:KIND",
        "scrape": "gameday.detect.scrape_rule:KIND",
        "alertmanager": "gameday.detect.outside.alertmanager:KIND",
        "prometheus": "gameday.detect.outside.prometheus:KIND",
        "webhook": "gameday.detect.outside.webhook:KIND",
    },
    check="gameday.detect.detector_kind:reject",
)
"""Name → `gameday.detect.DetectorKind`."""

RESPONDERS: Registry[Any] = Registry(
    "gameday.responders",
    "responder",
    {
        "auto": "gameday.responders.auto:Auto",
        "none": "gameday.responders.none:NoResponder",
        "human": "gameday.responders.human:Human",
        "external": "gameday.responders.external:External",
    },
    check="gameday.responders.policy:reject",
)
"""Name → a callable that makes a `gameday.ports.Responder` from the name of a policy, or None."""

POLICIES: Registry[Any] = Registry(
    "gameday.policies",
    "policy",
    {
        "rollback-latest-change": "gameday.responders.rollback_policy:RollbackLatestChange",
        "failover-then-rollback": "gameday.responders.failover_policy:FailoverThenRollback",
        "rollback-suspect": "gameday.responders.suspect_policy:RollbackSuspect",
    },
    check="gameday.responders.policy:reject",
)
"""Name → a callable that makes a `gameday.responders.policy.Policy` from the name in which it acts."""

GATE_NAMES = (
    *(
        "provenance",
        "ownership",
        "seniority",
        "policy",
        "secrets",
        "static",
        "dependencies",
        "infrastructure",
    ),
    *("impact", "scope", "contract", "shadow"),
)
GATES: Registry[Any] = Registry(
    "gameday.gates",
    "gate",
    {name: f"gameday.changes.gates.checks.{name}_gate:GATE" for name in GATE_NAMES},
    check="gameday.changes.gates.gate:reject",
)
"""Name → `gameday.changes.gates.gate.Gate`."""

SUBSTRATES: Registry[Any] = Registry(
    "gameday.substrates",
    "substrate",
    {
        "docker": "gameday.substrates.docker.docker_kind:KIND",
        "process": "gameday.substrates.process.process_kind:KIND",
    },
    check="gameday.substrates.substrate_kind:reject",
)
"""Name → `gameday.substrates.SubstrateKind`."""

OWN_SUBSTRATES: Registry[Any] = Registry(
    "gameday.own_substrates",
    "substrate of own systems",
    {
        "compose": "gameday.substrates.compose.compose_kind:KIND",
        "external": "gameday.substrates.external.external_kind:KIND",
    },
    check="gameday.substrates.substrate_kind:reject",
)
"""Name → `gameday.substrates.SubstrateKind` of systems of one's own, which scenarios name and no option chooses."""

OPERATIONS: Registry[Any] = Registry(
    "gameday.operations",
    "operation",
    {
        name: f"gameday.system.operation_kinds:{name.upper().replace('-', '_')}"
        for name in (
            "ack",
            "rollback",
            "failover",
            "promote",
            "rejoin",
            "restart",
            "flag",
            "note",
            "diagnose",
            "canary-promote",
            "canary-pause",
            "canary-abort",
        )
    },
    check="gameday.operations:reject",
)
"""Name → `gameday.operations.OperationKind`."""

PAGING: Registry[Any] = Registry(
    "gameday.paging",
    "receiver of pages",
    {
        "slack": "gameday.paging.payloads:SLACK",
        "pagerduty": "gameday.paging.payloads:PAGERDUTY",
        "json": "gameday.paging.payloads:JSON",
    },
    check="gameday.paging.receiver_kind:reject",
)
"""Name → `gameday.paging.ReceiverKind`."""

REPORT_SECTIONS: Registry[Any] = Registry(
    "gameday.report_sections",
    "section of the report",
    {},
    check="gameday_reports.run_page.report_section:reject",
)
"""Name → a `ReportSection` of gameday_reports, shown after the report's own sections, which its template holds."""
