"""Blast radius as rows of words: who was hurt, by region, journey and release, what share, how
long.

The template lays out rows and cells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gameday_reports.run_page.run_data import Run, changed_service
from gameday_reports.text.formatting import NOT_MEASURED, count, percent, seconds
from gameday_reports.text.loose import mapping, number, pick, rows, text

Row = Mapping[str, str]


@dataclass(frozen=True)
class Cell:
    """Cell of one region and journey: `share` in words and as the length of its bar in %, and its
    duration."""

    share: str
    lasted: str
    width: str
    hurt: bool


@dataclass(frozen=True)
class Grid:
    """Regions by journeys; None if no user of the region made such a journey."""

    journeys: list[str]
    regions: list[tuple[str, list[Cell | None]]]


def tables(run: Run) -> list[tuple[str, list[Row]]]:
    """Return (heading, rows) for regions, journeys and releases that have any."""
    found = []
    for key, heading in (
        ("regions", "By the users’ region"),
        ("served", "By the region that answered"),
        ("journeys", "By journey"),
        ("releases", "By release"),
    ):
        told = mapping(pick(run.outcome, "impact", key))
        service = changed_service(run) if key == "releases" else None
        table = [_row(name, row) for name, row in (_by_release(told, service) if service else told).items()]
        if table:
            found.append((f"By release of {service}" if service else heading, table))
    return found


def grid(run: Run) -> Grid | None:
    """Return the users' regions by journeys; None if unknown."""
    cells = {
        (text(row.get("region")), text(row.get("journey"))): row
        for row in rows(pick(run.outcome, "impact", "blast"))
    }
    if not cells:
        return None
    journeys = sorted({journey for _, journey in cells})
    regions = sorted({region for region, _ in cells})
    return Grid(
        journeys,
        [(region, [_cell(cells.get((region, journey))) for journey in journeys]) for region in regions],
    )


def told(run: Run) -> str:
    """Return how many users were hurt and for how long, as a sentence; empty if none was or if that
    is unknown."""
    users, longest = (
        number(pick(run.outcome, "impact", *keys)) for keys in (("users",), ("user_hurt_s", "longest"))
    )
    if not users or longest is None:
        return ""
    median = seconds(pick(run.outcome, "impact", "user_hurt_s", "median"))
    lasted = seconds(pick(run.outcome, "impact", "hurt_s"))
    people = "One user was hurt" if users == 1 else f"{count(users)} users were hurt"
    return (
        f"{people}, over {lasted} from the first failed request to the last; from a user’s own first failure to the "
        f"last the median was {median}, the longest {seconds(longest)}."
    )


def _cell(row: Mapping[str, Any] | None) -> Cell | None:
    if row is None:
        return None
    ratio, failed = number(row.get("failed_ratio")), number(row.get("failed"))
    lasted = seconds(row.get("hurt_s")) if failed else ""
    return Cell(percent(ratio), lasted, f"{100 * min(ratio or 0.0, 1.0):.1f}", bool(failed))


def _by_release(told: Mapping[str, Any], service: str) -> dict[str, dict[str, Any]]:
    """Convert tallies of sets of releases into tallies of the releases of one service."""
    found: dict[str, dict[str, Any]] = {}
    for names, row in told.items():
        part = next(
            (name for name in names.split() if name.rpartition("-")[0] == service), f"without {service}"
        )
        sums = found.setdefault(part, {"requests": 0.0, "failed": 0.0})
        for key in sums:
            sums[key] += number(pick(row, key)) or 0.0
    for sums in found.values():
        sums["failed_ratio"] = sums["failed"] / sums["requests"] if sums["requests"] else None
    return dict(sorted(found.items(), key=lambda item: (item[0].startswith("without"), item[0])))


def _row(name: str, row: Any) -> Row:
    if not isinstance(row, Mapping):
        return {"name": name, "requests": NOT_MEASURED, "failed": count(row), "ratio": NOT_MEASURED}
    ratio = row.get("failed_ratio", row.get("ratio"))
    shown = {
        "requests": count(row.get("requests")),
        "failed": count(row.get("failed")),
        "ratio": percent(ratio),
    }
    return {"name": name or "no answer", **shown}
