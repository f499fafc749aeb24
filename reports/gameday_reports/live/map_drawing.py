"""Drawing of a system's map as one SVG: regions side by side, services in layers by who calls whom, links between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

from gameday.recording.printable_text import single_line
from gameday.topology.topology_model import CLIENTS, EDGE
from gameday_reports.live.map_marks import MOST_PIPS, Mark, Marks
from gameday_reports.live.system_layout import PlacedLink, PlacedService, SystemLayout

BOX_W, BOX_H = 114.0, 52.0
GAP_X, GAP_Y = 10.0, 22.0
PAD, HEAD = 14.0, 40.0
"""Inside a region: its padding, and the height of its title."""
COLUMNS = 3
"""Services in a row of a region."""
REGION_W = COLUMNS * BOX_W + (COLUMNS - 1) * GAP_X + 2 * PAD
LEAST_ACROSS = 2
"""A map on a screen is as wide as this many regions, if the system has fewer."""
LONGEST = 12
"""Characters of a service's name that fit into its box."""
WORDS = {
    "ok": "well",
    "partial": "fewer instances than desired",
    "down": "down",
    "degraded": "degraded",
    "drained": "drained",
    "faulty": "runs a faulty release",
    "fault": "under a fault",
    "absent": "not started",
    "slow": "slowed",
    "cut": "cut",
}


@dataclass
class Placement:
    """Where the boxes of a map are: services by their ids, regions by their names; (x, y, width, height)."""

    width: float = 0.0
    height: float = 0.0
    services: dict[str, tuple[float, float, float, float]] = field(default_factory=dict)
    regions: dict[str, tuple[float, float, float, float]] = field(default_factory=dict)


def draw(layout: SystemLayout, marks: Marks, *, across: int, label: str = "Map of the system") -> str:
    """Return the SVG with `across` regions beside each other: one on a phone, two or three on a screen."""
    placed = _place(layout, max(1, min(across, len(layout.regions) or 1)))
    # One region alone would fill a screen with a few large boxes.
    side = max(0.0, min(across, LEAST_ACROSS) * REGION_W - placed.width) / 2
    parts = [
        f'<svg class="map" viewBox="{0.0 - side:g} 0 {placed.width + 2 * side:g} {placed.height:g}" role="img"'
        f" aria-label={quoteattr(label)}><title>{escape(label)}</title>"
    ]
    parts += [_region(name, placed.regions[name], marks) for name in layout.regions]
    parts += [
        line
        for link in layout.links
        if (line := _link(link, layout, placed, marks.get(f"link:{link.name}", {})))
    ]
    parts.append(_clients(placed))
    parts += [_region_title(name, placed.regions[name], marks) for name in layout.regions]
    parts += [_service(service, placed.services[service.id], marks) for service in layout.services]
    return "".join([*parts, "</svg>"])


def _place(layout: SystemLayout, across: int) -> Placement:
    placed = Placement()
    outside = layout.members(EDGE)
    router = [service for service in outside if service.kind == "router"]
    others = [service for service in outside if service.kind != "router"]
    placed.width = across * REGION_W + (across - 1) * PAD + 4
    y = 34.0
    y = _row(placed, router, placed.width / 2, y) + GAP_Y if router else y
    for start in range(0, len(layout.regions), across):
        bottom = y
        for index, region in enumerate(layout.regions[start : start + across]):
            x = 2 + index * (REGION_W + PAD)
            bottom = max(bottom, _fill_region(placed, layout, region, x, y))
        for region in layout.regions[start : start + across]:
            x, top, width, _ = placed.regions[region]
            placed.regions[region] = (x, top, width, bottom - top)
        y = bottom + GAP_Y
    for start in range(0, len(others), COLUMNS * across):
        y = _row(placed, others[start : start + COLUMNS * across], placed.width / 2, y) + 14.0
    placed.height = y - (12.0 if others else GAP_Y - 2)
    return placed


def _fill_region(placed: Placement, layout: SystemLayout, region: str, x: float, top: float) -> float:
    y = top + HEAD
    for layer in _layers(layout, region):
        for start in range(0, len(layer), COLUMNS):
            y = _row(placed, layer[start : start + COLUMNS], x + REGION_W / 2, y) + GAP_Y
    bottom = y - GAP_Y + PAD
    placed.regions[region] = (x, top, REGION_W, bottom - top)
    return bottom


def _row(placed: Placement, services: Sequence[PlacedService], centre: float, y: float) -> float:
    width = len(services) * BOX_W + (len(services) - 1) * GAP_X
    for index, service in enumerate(services):
        placed.services[service.id] = (centre - width / 2 + index * (BOX_W + GAP_X), y, BOX_W, BOX_H)
    return y + BOX_H


def _layers(layout: SystemLayout, region: str) -> list[list[PlacedService]]:
    """Return the services of a region in layers: callers above whom they call, databases last."""
    members = {service.id: service for service in layout.members(region)}
    calls = [
        (link.caller, link.callee) for link in layout.links if {link.caller, link.callee} <= set(members)
    ]
    depth = dict.fromkeys(members, 0)
    for _ in members:  # at most as many rounds as services, so that a cycle ends too
        for caller, callee in calls:
            if caller != callee:
                depth[callee] = min(max(depth[callee], depth[caller] + 1), len(members))
    last = max(depth.values(), default=0) + 1
    layers: dict[int, list[PlacedService]] = {}
    for key, service in members.items():
        layers.setdefault(last if service.kind == "database" else depth[key], []).append(service)
    return [layers[key] for key in sorted(layers)]


def _region(name: str, box: tuple[float, float, float, float], marks: Marks) -> str:
    x, y, width, height = box
    return (
        f'<g class="region" {_keyed(f"region:{name}", marks)}>'
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="12"/></g>'
    )


def _region_title(name: str, box: tuple[float, float, float, float], marks: Marks) -> str:
    """Return the title of a region, drawn over the links that enter it."""
    x, y, width, _ = box
    mark = marks.get(f"region:{name}", {})
    return (
        f'<g class="region title" {_keyed(f"region:{name}", marks)}>'
        f'<text class="name" x="{x + PAD:g}" y="{y + 26:g}">{_text(name)}</text>'
        f'<text class="tag" x="{x + width - PAD:g}" y="{y + 26:g}" text-anchor="end">{_text(mark.get("tag", ""))}</text></g>'
    )


def _keyed(key: str, marks: Marks) -> str:
    """Return the attributes by which the page's script finds an element and sets its state."""
    return f'data-key={quoteattr(key)} data-state="{marks.get(key, {}).get("state", "ok")}"'


def _clients(placed: Placement) -> str:
    return f'<text class="users" x="{placed.width / 2:g}" y="18" text-anchor="middle">users</text>'


def _service(service: PlacedService, box: tuple[float, float, float, float], marks: Marks) -> str:
    x, y, width, height = box
    mark = marks.get(f"service:{service.id}", {})
    state, up = str(mark.get("state", "ok")), int(mark.get("up", service.instances))
    pips = "".join(
        f'<circle class="pip" cx="{x + 14 + 13 * index:g}" cy="{y + 38:g}" r="4.5" data-on="{int(index < up)}"/>'
        for index in range(min(service.instances, MOST_PIPS))
    )
    return (
        f'<g class="service" data-kind="{service.kind}" data-key={quoteattr(f"service:{service.id}")} data-state="{state}">'
        f"<title>{_text(service.id)}: {WORDS.get(state, state)}</title>"
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="8"/>'
        f'<text class="name" x="{x + 10:g}" y="{y + 22:g}">{_text(_short(service.name))}</text>{pips}'
        f'<text class="tag" x="{x + width - 10:g}" y="{y + 43:g}" text-anchor="end">{_text(mark.get("tag", ""))}</text></g>'
    )


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"


def _link(link: PlacedLink, layout: SystemLayout, placed: Placement, mark: Mark) -> str:
    callee = placed.services.get(link.callee)
    if callee is None:
        return ""
    head = f'<path class="{_link_class(link, layout)}" data-key={quoteattr(f"link:{link.name}")}'
    head += f' data-state="{mark.get("state", "ok")}" data-flow="{mark.get("flow", 0)}"'
    if link.caller == CLIENTS:
        return f'{head} d="M{callee[0] + BOX_W / 2:g} 24V{callee[1]:g}"/>'
    caller = placed.services.get(link.caller)
    return f'{head} d="{_curve(caller, callee)}"/>' if caller else ""


def _link_class(link: PlacedLink, layout: SystemLayout) -> str:
    """Return `far` for a link between two regions, which is drawn only if something is wrong with it."""
    regions = {layout.by_id[end].region for end in (link.caller, link.callee) if end in layout.by_id}
    return "link far" if len(regions - {EDGE}) > 1 else "link"


def _curve(caller: tuple[float, float, float, float], callee: tuple[float, float, float, float]) -> str:
    """Return the path from the caller's box to the callee's: between edges that face each other."""
    if abs(caller[1] - callee[1]) < BOX_H:  # beside each other
        left, right = (caller, callee) if caller[0] < callee[0] else (callee, caller)
        x1, y1, x2, y2 = left[0] + left[2], left[1] + BOX_H / 2, right[0], right[1] + BOX_H / 2
        return f"M{x1:g} {y1:g}C{x1 + 20:g} {y1 + 30:g} {x2 - 20:g} {y2 + 30:g} {x2:g} {y2:g}"
    down = caller[1] < callee[1]
    x1, y1 = caller[0] + caller[2] / 2, caller[1] + (caller[3] if down else 0.0)
    x2, y2 = callee[0] + callee[2] / 2, callee[1] + (0.0 if down else callee[3])
    bend = max(14.0, abs(y2 - y1) / 2) * (1 if down else -1)
    return f"M{x1:g} {y1:g}C{x1:g} {y1 + bend:g} {x2:g} {y2 - bend:g} {x2:g} {y2:g}"


def _text(value: object) -> str:
    return escape(single_line(str(value)))


def legend(states: Iterable[str]) -> Mapping[str, str]:
    """Return state → what it means, for the states of a map."""
    return {state: WORDS[state] for state in WORDS if state in set(states)}
