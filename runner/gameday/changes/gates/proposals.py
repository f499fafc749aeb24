"""Proposals of releases: all that a gate may know of a change, read from the release's files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gameday.changes.changed_files import changed_files
from gameday.changes.gates.gate import Proposal
from gameday.changes.releases import Catalogue


def propose(
    releases: Catalogue,
    release: str,
    *,
    change: str = "",
    kind: str = "",
    previous: str = "",
    strategy: str = "",
    regions: Sequence[str] = (),
    plan: Mapping[str, Any] | None = None,
) -> Proposal:
    """Return the proposal of a release. Raise Invalid if one of its files is wrong, KeyError if there is none.

    Paths of findings are relative to the folder above the system's files: `compose/releases/…`.
    """
    spec, patch, document = releases.spec(release), releases.patch(release), releases.document(release)
    folder = releases.folder / release
    return Proposal(
        change=change,
        name=release,
        service=spec.service,
        kind=kind or spec.kind,
        previous=previous,
        author=spec.author,
        ai=spec.ai,
        approvals=spec.approvals,
        task=spec.task or "",
        scope=spec.scope,
        reversible=spec.reversible,
        migration=releases.migration(release),
        strategy=strategy,
        regions=tuple(regions),
        plan=plan or {},
        patch=patch,
        files=changed_files(patch, str(folder / "change.patch")),
        contents=releases.contents(release),
        statement=shown(releases, folder / "release.yaml"),
        places={".".join(map(str, path)): line for path, (line, _) in document.keys.items()},
        root=shown(releases, releases.folder.parent),
    )


def shown(releases: Catalogue, path: Path) -> str:
    """Return a path as findings show it."""
    return str(path.relative_to(releases.folder.parent.parent))
