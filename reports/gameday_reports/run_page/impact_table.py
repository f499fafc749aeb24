"""Blast radius as rows of words: who was hurt, by region, journey and release, what share, how
long.

The template lays out rows and cells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gameday.analysis.model.harm_models import BlastCell, Tally
from gameday_reports.run_page.run_data import Run, changed_service
from gameday_reports.text.formatting import count, kinds_of, percent, seconds

Row = Mapping[str, str]
COUNTS = ("requests", "bad", "failed", "wrong", "slow")


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
    impact, service = run.outcome.impact, changed_service(run)
    releases = _by_release(impact.releases, service) if service else impact.releases
    parts: tuple[tuple[str, Mapping[str, Tally]], ...] = (
        ("By the users’ region", impact.regions),
        ("By the region that answered", impact.served),
        ("By journey", impact.journeys),
        (f"By release of {service}" if service else "By release", releases),
    )
    return [
        (heading, [_row(name, tally) for name, tally in tallies.items()])
        for heading, tallies in parts
        if tallies
    ]


def grid(run: Run) -> Grid | None:
    """Return the users' regions by journeys; None if unknown."""
    cells = {(cell.region, cell.journey): cell for cell in run.outcome.impact.blast}
    if not cells:
        return None
    journeys = sorted({journey for _, journey in cells})
    regions = sorted({region for region, _ in cells})
    return Grid(
        journeys,
        [(region, [_cell(cells.get((region, journey))) for journey in journeys]) for region in regions],
    )


def describe_users(run: Run) -> str:
    """Return how many users were hurt and for how long, as a sentence; empty if none was or if that
    is unknown."""
    impact = run.outcome.impact
    users, longest = impact.users, impact.user_hurt_s.longest
    if not users or longest is None:
        return ""
    median, lasted = seconds(impact.user_hurt_s.median), seconds(impact.hurt_s)
    people = "One user was hurt" if users == 1 else f"{count(users)} users were hurt"
    return (
        f"{people}, over {lasted} from the first bad request to the last; from a user’s own first bad request to the "
        f"last the median was {median}, the longest {seconds(longest)}."
    )


def describe_residual(run: Run) -> str:
    """Return what the end of the run can't rule out, as a sentence; empty if that is unknown."""
    residual, judged = run.outcome.residual, run.outcome.run.judged_s
    if residual.at_most is None or residual.since is None or judged is None:
        return ""
    bad = (
        f"{count(residual.bad)} of {count(residual.requests)}"
        if residual.bad
        else f"None of {count(residual.requests)}"
    )
    return (
        f"{bad} requests of the last {seconds(judged - residual.since)} {'were' if residual.bad != 1 else 'was'} bad: "
        f"at most {percent(residual.at_most)} of all may still be (95 %)."
    )


def _cell(cell: BlastCell | None) -> Cell | None:
    if cell is None:
        return None
    lasted = seconds(cell.hurt_s) if cell.bad else ""
    width = f"{100 * min(cell.bad_ratio or 0.0, 1.0):.1f}"
    return Cell(percent(cell.bad_ratio), lasted, width, bool(cell.bad))


def _by_release(tallies: Mapping[str, Tally], service: str) -> dict[str, Tally]:
    """Convert tallies of sets of releases into tallies of the releases of one service."""
    sums: dict[str, tuple[int, ...]] = {}
    for names, tally in tallies.items():
        release = next(
            (name for name in names.split() if name.rpartition("-")[0] == service), f"without {service}"
        )
        counts = (getattr(tally, name) or 0 for name in COUNTS)
        sums[release] = tuple(map(sum, zip(sums.get(release, (0,) * len(COUNTS)), counts, strict=True)))
    ordered = sorted(sums.items(), key=lambda item: (item[0].startswith("without"), item[0]))
    return {
        release: Tally(
            **dict(zip(COUNTS, counts, strict=True)), bad_ratio=counts[1] / counts[0] if counts[0] else None
        )
        for release, counts in ordered
    }


def _row(name: str, tally: Tally) -> Row:
    return {
        "name": name or "no answer",
        "requests": count(tally.requests),
        "bad": count(tally.bad),
        "kinds": kinds_of(tally),
        "ratio": percent(tally.bad_ratio),
    }
