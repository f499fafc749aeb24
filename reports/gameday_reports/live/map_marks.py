"""States on the map of a system at a moment, as a role may know them: plain data that the page applies to the drawing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from gameday.topology.topology_model import EDGE
from gameday_reports.live.fold_marks import FaultMark
from gameday_reports.live.journal_fold import JournalFold
from gameday_reports.live.system_layout import PlacedService, SystemLayout

Mark = dict[str, str | int]
"""`state`; for a service also `up`, how many instances run, and `tag`, a word beside its name; for a link `flow`, 0–5."""
Marks = dict[str, Mark]
"""`region:us-east`, `service:us-east.pricing` or `link:edge--gateway.us-east` → its mark."""
CUTS = ("link.down", "link.cut", "link.reset", "region.isolate", "region.flap")
MOST_PIPS = 7
"""Instances of a service that are drawn one by one."""
TAG_LENGTH = 12
"""Characters of a tag that fit into a box; each instance takes the place of one."""
FLOWS = (0.0, 2.0, 10.0, 40.0, 150.0)
"""Requests per second over which a link's line gets one step thicker."""


def marks_of(
    layout: SystemLayout,
    fold: JournalFold,
    flow: Mapping[str, float],
    *,
    faults: bool,
) -> Marks:
    """Return the states of everything on the map. `faults`: also what the timeline does to the system.

    Without it the map shows what telemetry shows: instances that run, regions as the edge sees them, releases.
    """
    active = [fault for fault in fold.faults.values() if fault.active] if faults else []
    marks: Marks = {}
    for region in layout.regions:
        marks[f"region:{region}"] = {"state": _region_state(region, fold, active), **_tag(region, fold)}
    for service in layout.services:
        marks[f"service:{service.id}"] = _service_mark(service, layout, fold, active, faults=faults)
    for link in layout.links:
        state = _link_state(link.name, active)
        marks[f"link:{link.name}"] = {"state": state, "flow": _flow(layout, link.caller, link.callee, flow)}
    return marks


def _region_state(region: str, fold: JournalFold, active: list[FaultMark]) -> str:
    seen = fold.regions.get(region)
    if any(fault.kind.startswith("region.") and fault.region == region for fault in active):
        return "fault"
    if seen is None:
        return "ok"
    if not seen.up:
        return "down"
    if seen.drained:
        return "drained"
    return "ok" if seen.database else "degraded"


def _tag(region: str, fold: JournalFold) -> dict[str, str]:
    seen = fold.regions.get(region)
    if seen is None:
        return {"tag": ""}
    words = ["down"] if not seen.up else [] if seen.database else ["database unreachable"]
    words += ["drained"] if seen.drained else []
    return {"tag": ", ".join(words)}


def _service_mark(
    service: PlacedService, layout: SystemLayout, fold: JournalFold, active: list[FaultMark], *, faults: bool
) -> Mark:
    instances = [
        mark
        for mark in fold.instances.values()
        if (mark.region, mark.service) == (service.region, service.name) and mark.state == "up"
    ]
    up = min(len(instances), service.instances)
    known = (service.region, service.name) in fold.seen
    state = "absent" if not known else "down" if not up else "ok"
    if 0 < up < service.instances and fold.phase != "up":
        state = "partial"
    releases = Counter(_version(mark.release, service.name) for mark in instances)
    tag = next(iter(releases), "") if len(releases) == 1 and service.kind == "service" else ""
    tag = "rolling" if len(releases) > 1 else tag
    if service.kind == "database":
        primary = fold.primary or (layout.regions[0] if layout.regions else "")
        tag = (
            "fenced"
            if service.region in fold.fenced
            else "primary"
            if service.region == primary
            else "standby"
        )
    if faults and {mark.release for mark in instances} & fold.faulty_releases:
        state = "faulty"
    elif any(_hits(fault, service) for fault in active) and state == "ok":
        state = "fault"
    return {"state": state, "up": up, "tag": shortened(tag, service) if tag != service.name else ""}


def _version(release: str, service: str) -> str:
    """Return what tells a release from others of its service: `1.1.0` of `pricing-1.1.0`, `v2` of `example/web:v2`."""
    image = release.rpartition("/")[2].partition("@")[0]
    return image.rpartition(":")[2].removeprefix(f"{service}-")


def shortened(tag: str, service: PlacedService) -> str:
    """Return a tag cut to what fits into the service's box beside its instances."""
    most = TAG_LENGTH - min(service.instances, MOST_PIPS)
    return tag if len(tag) <= most else f"{tag[: most - 1]}…"


def _hits(fault: FaultMark, service: PlacedService) -> bool:
    """Return whether a fault acts on the service itself."""
    if fault.links or fault.change:
        return False
    if fault.kind.startswith("region."):
        return False
    if fault.service == service.name:
        return fault.region in (None, service.region)
    return fault.target in (service.id, service.name) or (
        fault.kind.startswith("database.") and service.kind == "database" and fault.region == service.region
    )


def _link_state(name: str, active: list[FaultMark]) -> str:
    kinds = [fault.kind for fault in active if name in fault.links]
    if not kinds:
        return "ok"
    return "cut" if any(kind in CUTS for kind in kinds) else "slow"


def _flow(layout: SystemLayout, caller: str, callee: str, flow: Mapping[str, float]) -> int:
    """Return how thick the line of a link from the users or from outside the regions is."""
    if caller == "clients":
        return _step(sum(flow.values()))
    target, source = layout.by_id.get(callee), layout.by_id.get(caller)
    if source is None or target is None or source.region != EDGE or source.kind != "router":
        return 0
    return _step(flow.get(target.region, 0.0))


def _step(rate: float) -> int:
    return sum(int(rate > limit) for limit in FLOWS)
