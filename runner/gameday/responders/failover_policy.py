"""Policy `failover-then-rollback`: first the regions and their databases, as the edge sees them, then the change feed.

The first of these that there is cause for, one at a time; all but the last two need a page:

1. a region is seen down while another is up: take its traffic away (`failover`)
2. that region's database was the primary: make another region's the primary (`promote`)
3. no region that is up reaches a database: `promote`, or `restart` it if no other region is up
4. nothing of that kind, or all of it is dealt with: take back the latest change (`rollback`)
5. a region that it drained, or whose database was replaced, is up again: `rejoin`

Where no region is up the edge sees a broken gateway rather than lost regions, so that is a case for 4, as is a view
without regions. Whatever it does to a region it does at most once in `AGAIN` seconds: a region that flaps isn't to be
moved to and fro.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from gameday.operations import Operation
from gameday.ports import View
from gameday.responders.rollback_policy import latest

AGAIN = 10.0
"""Seconds until the same is done to the same region again; what a database needs to come back, too."""
LOOK = 1.5
"""How old a page is before a change is taken back, seconds. The edge misses two checks before a region is down; users
are hurt by the first."""
STAYED = 1.0
"""How long a region must be seen up before it gets traffic again, seconds."""


class FailoverThenRollback:
    """The policy, with what it ordered when and which region's database was the primary."""

    def __init__(self, by: str) -> None:
        self._by = by
        self._ordered: dict[tuple[str, str], float] = {}
        self._primary = ""
        self._replaced: dict[str, int] = {}

    def decide(self, view: View) -> Operation | None:
        self._watch_primary(view)
        return next(self._wanted(view, self._look(view)), None)

    def _wanted(self, view: View, sight: _Sight) -> Iterator[Operation | None]:
        """Yield operations that there is cause for, most urgent first; None means to wait."""
        pages = [alert.t for alert in view.alerts if alert.pages]
        if pages:
            yield from self._leave(view, sight)
        if pages or view.primary in sight.away:
            yield from self._replace_lost(view, sight)
        if pages:
            yield from self._mend(view, sight)
            yield from self._wait(view, sight)
            yield from self._roll_back(view, min(pages))
        yield from self._return(view, sight)

    def _leave(self, view: View, sight: _Sight) -> Iterator[Operation]:
        for region in sight.lost:
            if not view.regions[region].drained:
                yield from self._order(view, "failover", region, region)

    def _replace_lost(self, view: View, sight: _Sight) -> Iterator[Operation]:
        """Promote another database if the primary's region is down."""
        if view.primary in sight.lost and sight.candidates:
            yield from self._order(view, "promote", sight.candidates[0], view.primary)

    def _mend(self, view: View, sight: _Sight) -> Iterator[Operation | None]:
        """Order a repair if the primary's region is up, or unknown, but no region reaches a database."""
        if not sight.unreachable:
            return
        if view.now < max(self._last("promote"), self._last("restart")) + AGAIN:
            yield None  # pools of connections find a new primary within seconds
        if sight.candidates and (view.primary or sight.lost):
            yield from self._order(view, "promote", sight.candidates[0], view.primary)
        elif view.primary not in sight.lost:
            yield from self._order(view, "restart", view.database, view.database)

    def _wait(self, view: View, sight: _Sight) -> Iterator[None]:
        """Wait for a lost region whose drain was ordered but isn't seen yet, or that flaps."""
        for region in sight.lost:
            refused = _index(view, "failover", region, "failed") > _index(view, "failover", region, "done")
            if not view.regions[region].drained and not refused:
                yield None

    def _roll_back(self, view: View, paged: float) -> Iterator[Operation | None]:
        change = latest(view)
        if change is not None:
            soon = bool(view.regions) and view.now < paged + LOOK
            yield None if soon else Operation("rollback", change.service, self._by, change.id)

    def _return(self, view: View, sight: _Sight) -> Iterator[Operation]:
        for region in sight.away:
            health = view.regions.get(region)
            if health and health.up and health.since >= STAYED:
                yield from self._order(view, "rejoin", region, region)

    def _order(self, view: View, name: str, target: str, about: str) -> Iterator[Operation]:
        """Yield the operation, unless the same one was ordered for the same region less than `AGAIN` seconds ago."""
        if view.now >= self._ordered.get((name, about), -AGAIN) + AGAIN:
            self._ordered[name, about] = view.now
            yield Operation(name, target, self._by)

    def _last(self, name: str) -> float:
        """Return when this policy last ordered such an operation; long ago if it never did."""
        return max((t for (ordered, _), t in self._ordered.items() if ordered == name), default=-AGAIN)

    def _watch_primary(self, view: View) -> None:
        """Note a region whose database was replaced as primary, by any operator: it must rejoin as a standby."""
        if view.primary and self._primary and view.primary != self._primary:
            self._replaced[self._primary] = len(view.operations) - 1
        self._primary = view.primary or self._primary

    def _look(self, view: View) -> _Sight:
        drained = {
            operation.target: index
            for index, (operation, state) in enumerate(view.operations)
            if (operation.name, operation.by, state) == ("failover", self._by, "done")
        }
        stale = _not_rejoined(view, self._replaced)
        return _Sight(view, stale, [*stale, *(r for r in _not_rejoined(view, drained) if r not in stale)])


class _Sight:
    """What the regions of a view come to. `stale`: the database was replaced as primary; `away`: to be rejoined."""

    def __init__(self, view: View, stale: Sequence[str], away: Sequence[str]) -> None:
        up = [region for region, health in view.regions.items() if health.up]
        able = [region for region in up if region != view.primary and region not in stale]
        self.away = away
        self.lost = [region for region, health in view.regions.items() if not health.up] if up else []
        self.candidates = sorted(able, key=lambda region: region in away)
        self.unreachable = bool(up) and not any(view.regions[region].database for region in up)


def _not_rejoined(view: View, left: Mapping[str, int]) -> list[str]:
    """Return the regions that didn't rejoin after the operation of that index."""
    return [region for region, index in left.items() if index > _index(view, "rejoin", region, "done")]


def _index(view: View, name: str, target: str, wanted: str) -> int:
    """Return the index of the last such operation in that state; −1 if there is none."""
    indices = [
        index
        for index, (operation, state) in enumerate(view.operations)
        if (operation.name, operation.target, state) == (name, target, wanted)
    ]
    return indices[-1] if indices else -1
