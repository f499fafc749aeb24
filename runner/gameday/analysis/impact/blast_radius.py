"""The blast radius: how many requests were bad and users hurt, what share they are, and for how long, by any grouping.

This module only counts over columns; `impact` chooses the stretch of the run. A user's home is computed again from the
load's plan, independently of the load generator; a test compares the two.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gameday.analysis.impact.bad_requests import GOOD, SLOW, Kinds
from gameday.analysis.model.harm_models import BlastCell, Tally, UserHurt
from gameday.recording.samples import Records

Codes = npt.NDArray[np.integer[Any]]
GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True)
class Homes:
    """The regions that users live in, each with its share of the users."""

    names: tuple[str, ...]
    shares: tuple[float, ...]

    def of(self, users: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.uint8]:
        """Return the index into `names` of each user's home. Multiples of the golden ratio spread users evenly."""
        place = (users.astype(np.float64) * GOLDEN) % 1.0 * sum(self.shares)
        home = np.full(len(users), len(self.names) - 1, np.uint8)
        assigned = np.zeros(len(users), np.bool_)
        for number, share in enumerate(self.shares):
            place -= share
            here = (place < 0) & ~assigned
            home[here] = number
            assigned |= here
        return home


def read_homes(path: Path) -> Homes | None:
    """Read where users live from the load's plan; None if there is no plan or it has no regions.

    Raise ValueError if the file isn't a plan.
    """
    if not path.is_file():
        return None
    try:
        shares = json.loads(path.read_text(encoding="utf-8")).get("regions")
        return Homes(tuple(shares), tuple(float(share) for share in shares.values())) if shares else None
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: not a plan of the load (samples/load.json): {error!r}") from error


@dataclass(frozen=True)
class UserShare:
    """Users who met a bad request, and their share of the users seen; None if none was seen."""

    users: int
    ratio: float | None


@dataclass(frozen=True)
class People:
    """The users of a stretch of a run: how many were hurt, by home region if that is known, and for how long each."""

    total: UserShare
    homes: Mapping[str, UserShare]
    hurt_s: UserHurt


class Radius:
    """The requests of one stretch of a run, counted by any codes.

    `records` are in order of planned time; `kinds` are those of `bad_requests`.
    """

    def __init__(self, records: Records, kinds: Kinds) -> None:
        self.users = records["user"]
        self._n = len(kinds)
        self._bad = np.flatnonzero(kinds != GOOD)
        self._kinds = kinds[self._bad]
        self._begun = records["planned"][self._bad]
        self._ended = records["end"][self._bad]

    def whole(self) -> Tally:
        """Return the tally of all requests."""
        return self._tally(self._n, np.ones(len(self._bad), np.bool_))

    def by(self, codes: Codes, names: Sequence[str]) -> dict[str, Tally]:
        """Return the tally of each name that has requests, in order of name."""
        bad = codes[self._bad]
        counts = np.bincount(codes, minlength=len(names))
        known = sorted(np.flatnonzero(counts).tolist(), key=lambda code: names[code])
        return {names[code]: self._tally(int(counts[code]), bad == code) for code in known}

    def crossed(
        self, regions: tuple[Codes, Sequence[str]], journeys: tuple[Codes, Sequence[str]]
    ) -> tuple[BlastCell, ...]:
        """Return the tally of each pair of a region and a journey that has requests."""
        codes = regions[0].astype(np.int64) * len(journeys[1]) + journeys[0]
        pairs = [f"{region}\0{journey}" for region in regions[1] for journey in journeys[1]]
        return tuple(self._cell(name.split("\0"), tally) for name, tally in self.by(codes, pairs).items())

    def people(self, homes: Homes | None) -> People:
        """Count the users who met a bad request, in all and by home, and how long each was hurt."""
        # With an index asked for it sorts: by itself it hashes, which takes forty times as long.
        seen, hurt = (np.unique(users, return_index=True)[0] for users in (self.users, self.users[self._bad]))
        by_home: dict[str, UserShare] = {}
        if homes is not None:
            all_, some = (np.bincount(homes.of(users), minlength=len(homes.names)) for users in (seen, hurt))
            by_home = {n: _share(int(some[i]), int(all_[i])) for i, n in enumerate(homes.names) if all_[i]}
        return People(_share(len(hurt), len(seen)), by_home, self._user_seconds())

    def users_by(self, codes: Codes, names: Sequence[str]) -> dict[str, UserShare]:
        """Return the users hurt, of those seen, by each name that has requests: by what they did, not by where they live."""
        hurt = codes[self._bad]
        return {
            name: _share(
                len(np.unique(self.users[self._bad][hurt == code])), len(np.unique(self.users[codes == code]))
            )
            for code, name in enumerate(names)
            if (codes == code).any()
        }

    @staticmethod
    def _cell(names: list[str], tally: Tally) -> BlastCell:
        region, journey = names
        return BlastCell(region=region, journey=journey, **vars(tally))

    def _tally(self, n: int, which: npt.NDArray[np.bool_]) -> Tally:
        """Return the tally of the requests; its `hurt_s` is 0 if none was bad."""
        slow, wrong, failed = np.bincount(self._kinds[which], minlength=4)[SLOW:].tolist()
        bad = slow + wrong + failed
        lasted = float(self._ended[which].max() - self._begun[which].min()) if bad else 0.0
        ratios = {"bad_ratio": bad / n, "failed_ratio": failed / n} if n else {}
        counts = {"requests": n, "bad": bad, "failed": failed, "wrong": wrong, "slow": slow}
        return Tally(**counts, **ratios, hurt_s=lasted)

    def waited_s(self) -> float:
        """Return the seconds in which at least one bad request had been planned and not ended."""
        if not len(self._bad):
            return 0.0
        reached = np.maximum.accumulate(self._ended)
        begins = np.maximum(self._begun[1:], reached[:-1])
        whole = self._ended[0] - self._begun[0] + np.maximum(self._ended[1:] - begins, 0.0).sum()
        return float(whole)

    def _user_seconds(self) -> UserHurt:
        if not len(self._bad):
            return UserHurt()
        _, user = np.unique(self.users[self._bad], return_inverse=True)
        first = np.full(user.max() + 1, np.inf)
        last = np.full(user.max() + 1, -np.inf)
        np.minimum.at(first, user, self._begun)
        np.maximum.at(last, user, self._ended)
        lasted = np.sort(last - first)
        rank = math.ceil(0.95 * len(lasted) - 1e-9) - 1
        return UserHurt(
            median=float(lasted[(len(lasted) - 1) // 2]),
            p95=float(lasted[max(rank, 0)]),
            longest=float(lasted[-1]),
        )


def _share(hurt: int, users: int) -> UserShare:
    return UserShare(hurt, hurt / users if users else None)
