"""Proposals for a system of one's own: journeys from its ports or OpenAPI document, and first scenarios. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from gameday.scenario.scenario_part import LONGEST_NAME

FRONTS = ("gateway", "proxy", "nginx", "edge", "frontend", "front", "web", "ui", "app", "vote")
"""Parts of names of services at which users enter, likeliest first."""
MOST_JOURNEYS = 6


@dataclass(frozen=True)
class FoundService:
    """A service of a project: its image, the ports that it publishes, and the services that it depends on."""

    name: str
    image: str
    ports: tuple[int, ...] = ()
    depends_on: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    """Other services that its environment or command names."""


@dataclass(frozen=True)
class Proposal:
    """What the scenarios are written from. `system` is the key of that name; `comment` explains it."""

    system: Mapping[str, Any]
    paths: tuple[str, ...] = ("/",)
    busiest: str = ""
    linked: str = ""
    changed: str = ""
    comment: str = field(default="")


def found_services(project: Mapping[str, Any]) -> list[FoundService]:
    """Return the services of a project in Compose's normal form, by name."""
    services: Mapping[str, Any] = project["services"]
    return [_found(name, content, set(services) - {name}) for name, content in sorted(services.items())]


def _found(name: str, content: Mapping[str, Any], others: set[str]) -> FoundService:
    texts = [*map(str, (content.get("environment") or {}).values()), *map(str, content.get("command") or ())]
    words = {word for text in texts for word in re.findall(r"[A-Za-z0-9_-]+", text)}
    return FoundService(
        name=name,
        image=str(content.get("image") or "built here"),
        ports=tuple(
            int(port["target"]) for port in content.get("ports") or () if port.get("published") != ""
        ),
        depends_on=tuple(sorted(content.get("depends_on") or {})),
        links=tuple(sorted(words & others)),
    )


def entry_of(services: Sequence[FoundService]) -> FoundService | None:
    """Return the service at which users likely enter: one that publishes a port, by its name; None if none does."""

    def rank(service: FoundService) -> tuple[int, str]:
        known = [index for index, part in enumerate(FRONTS) if part in service.name]
        return (min(known, default=len(FRONTS)), service.name)

    return min((service for service in services if service.ports), key=rank, default=None)


def busiest_of(services: Sequence[FoundService], entry: FoundService) -> FoundService:
    """Return the service that most others use, the entry itself if none is used."""
    used = {
        service.name: sum(service.name in {*other.depends_on, *other.links} for other in services)
        for service in services
    }
    others = [service for service in services if service.name != entry.name and used[service.name]]
    return max(others, key=lambda service: (used[service.name], service.name), default=entry)


def propose_for_project(project: Mapping[str, Any], files: Sequence[str], paths: Sequence[str]) -> Proposal:
    """Return the proposal for a Compose project. Raise ValueError if no service publishes a port."""
    services = found_services(project)
    entry = entry_of(services)
    if entry is None:
        raise ValueError("no service publishes a port, so that load has no way in")
    system = {
        "compose": {"files": list(files)},
        "entry": {"service": entry.name, "port": entry.ports[0]},
        "ready": {"probe": paths[0] if paths else "/", "within": "120s"},
    }
    busiest = busiest_of(services, entry)
    linked = next((name for name in (*entry.depends_on, *entry.links)), busiest.name)
    return Proposal(system, tuple(paths) or ("/",), busiest.name, linked, entry.name)


def propose_for_url(url: str, paths: Sequence[str]) -> Proposal:
    """Return the proposal for a system at a URL: its deploys and faults are commands that its owners fill in."""
    system = {
        "external": {"target": url, "services": ["app"]},
        "ready": {"probe": paths[0] if paths else "/"},
    }
    return Proposal(system, tuple(paths) or ("/",))


def paths_of(openapi: Mapping[str, Any]) -> list[str]:
    """Return the paths of an OpenAPI document that can be fetched without a parameter, at most six."""
    paths = openapi.get("paths")
    usable = []
    for path, operations in paths.items() if isinstance(paths, Mapping) else ():
        get = operations.get("get") if isinstance(operations, Mapping) else None
        if not isinstance(get, Mapping) or "{" in str(path) or not str(path).startswith("/"):
            continue
        parameters = [
            parameter
            for holder in (operations, get)
            if isinstance(listed := holder.get("parameters"), list)
            for parameter in listed
        ]
        if not any(isinstance(parameter, Mapping) and parameter.get("required") for parameter in parameters):
            usable.append(str(path))
    return usable[:MOST_JOURNEYS]


def scenarios(proposal: Proposal) -> dict[str, str]:
    """Return name of file → text of the proposed scenarios."""
    if "external" in proposal.system:
        return {
            "baseline.yaml": _baseline(proposal),
            "surge.yaml": _surge(proposal),
        }
    return {
        f"kill-{_slug(proposal.busiest)}.yaml": _fault(
            proposal, "kill", proposal.busiest, "instance.kill", "The busiest service is killed."
        ),
        f"freeze-{_slug(proposal.linked)}.yaml": _fault(
            proposal, "freeze", proposal.linked, "instance.pause", "What the entry depends on hangs."
        ),
        f"bad-deploy-{_slug(proposal.changed)}.yaml": _bad_deploy(proposal),
    }


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[: LONGEST_NAME - 20] or "service"


def _document(
    proposal: Proposal, name: str, title: str, story: str, rest: Mapping[str, Any]
) -> dict[str, Any]:
    journeys: dict[str, Any] = {}
    for path in proposal.paths:
        slug = _slug(path) if path != "/" else "home"
        # Paths such as /a-b and /a/b have one slug.
        name_of_path = slug if slug not in journeys else f"{slug}-{len(journeys) + 1}"
        journeys[name_of_path] = {"steps": [{"name": "page", "path": path}]}
    return {
        "apiVersion": "gameday/v1",
        "kind": "Scenario",
        "name": name,
        "title": title,
        "story": story,
        "system": dict(proposal.system),
        "journeys": journeys,
        "load": {"rate": "40/s", "timeout": "2s"},
        "slos": [
            {"name": "availability", "sli": "availability", "objective": "99%"},
            {"name": "latency", "sli": "latency", "under": "1s", "objective": "95%"},
        ],
        **rest,
    }


def _fault(proposal: Proposal, verb: str, service: str, action: str, story: str) -> str:
    name = f"{verb}-{_slug(service)}"
    rest = {
        "timeline": [{"at": "0s", action: {"service": service, "count": "all", "for": "10s"}}],
        "respond": {"by": "none"},
        "allowScheduled": True,
        "expect": ["!effect || recovered"],
    }
    notes = (
        "Users may not notice: then the service isn't needed for these journeys, which is worth knowing.",
        "Tighten the expectation once you know: ttd < 5s, ttr < 20s.",
    )
    return _text(_document(proposal, name, f"{service}: {verb}", story, rest), notes)


def _bad_deploy(proposal: Proposal) -> str:
    service = proposal.changed
    change = {
        "service": service,
        "environment": {"GAMEDAY_EXAMPLE": "broken"},
        "summary": "A setting is changed",
    }
    rest = {
        "timeline": [{"at": "0s", "deploy": change}],
        "expect": ["changes.total >= 1"],
    }
    notes = (
        "Put a setting in place of GAMEDAY_EXAMPLE that breaks the service, such as a wrong address of its database,",
        "and say so with defect: …; then expect ttd < 5s, ttr < 60s, restored.",
    )
    title = f"A bad setting of {service}"
    return _text(
        _document(proposal, f"bad-deploy-{_slug(service)}", title, "A deploy changes a setting.", rest), notes
    )


def _baseline(proposal: Proposal) -> str:
    rest = {"timeline": [], "expect": ["!effect"]}
    notes = (
        "Load without a fault: what is normal, and whether your alerts stay quiet.",
        'To rehearse a bad deploy add to system: deploy: [./deploy.sh, "${release}"], rollback: [./deploy.sh, "${release}"],',
        "and to timeline: {at: 0s, deploy: {release: v2, defect: what is wrong with it}}.",
    )
    return _text(_document(proposal, "baseline", "Load without a fault", "Nothing breaks.", rest), notes)


def _surge(proposal: Proposal) -> str:
    rest = {
        "timeline": [{"at": "0s", "load.surge": {"factor": 3, "for": "15s"}}],
        "respond": {"by": "none"},
        "allowScheduled": True,
        "expect": ["!effect || recovered"],
    }
    notes = ("Three times the load for 15 seconds. Raise factor until users notice: that is your headroom.",)
    return _text(_document(proposal, "surge", "Three times the load", "An advertisement works.", rest), notes)


def _text(document: Mapping[str, Any], notes: Sequence[str]) -> str:
    lines = ["# Written by `gameday init`: yours to change. Keys: docs/your-system.md and docs/scenario.md."]
    lines += [f"# {note}" for note in notes]
    return (
        "\n".join(lines)
        + "\n"
        + yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True, width=110)
    )
