"""The blast radius: how many were hurt, what share, and for how long, by whatever names requests fall under.

Only counting over columns; from when to when is for `impact`. A user's home is worked out anew from the load's plan
and not asked of the load, as the schedule is; a test holds the two together.
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

from gameday.recording.samples import ErrorKind, Records

Codes = npt.NDArray[np.integer[Any]]
Tally = dict[str, Any]
GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True)
class Homes:
    """The regions that users live in, each with its share of them."""

    names: tuple[str, ...]
    shares: tuple[float, ...]

    def of(self, users: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.uint8]:
        """The place in `names` of each user's home: multiples of the golden ratio spread them evenly."""
        place = (users.astype(np.float64) * GOLDEN) % 1.0 * sum(self.shares)
        home = np.full(len(users), len(self.names) - 1, np.uint8)
        found = np.zeros(len(users), np.bool_)
        for number, share in enumerate(self.shares):
            place -= share
            here = (place < 0) & ~found
            home[here] = number
            found |= here
        return home


def read_homes(path: Path) -> Homes | None:
    """None where there is no plan, or one that doesn't tell. ValueError where it isn't a plan."""
    if not path.is_file():
        return None
    try:
        shares = json.loads(path.read_text(encoding="utf-8")).get("regions")
        return Homes(tuple(shares), tuple(float(each) for each in shares.values())) if shares else None
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: not a plan of the load: {error!r}") from error


class Radius:
    """The requests of one stretch of a run, counted by any codes. `records` in order of planned time."""

    def __init__(self, records: Records) -> None:
        self.users = records["user"]
        self.failed = records["error"] != ErrorKind.NONE
        self._bad = np.flatnonzero(self.failed)
        self._begun = records["planned"][self._bad]
        self._ended = records["end"][self._bad]

    def whole(self) -> Tally:
        """{requests, failed, failed_ratio, hurt_s} of all of them."""
        return self._tally(len(self.failed), np.ones(len(self._bad), np.bool_))

    def by(self, codes: Codes, names: Sequence[str]) -> dict[str, Tally]:
        """The same of each name that has requests, in order of name."""
        bad = codes[self._bad]
        counts = np.bincount(codes, minlength=len(names))
        known = sorted(np.flatnonzero(counts).tolist(), key=lambda code: names[code])
        return {names[code]: self._tally(int(counts[code]), bad == code) for code in known}

    def crossed(
        self, one: tuple[Codes, Sequence[str]], two: tuple[Codes, Sequence[str]], keys: tuple[str, str]
    ) -> list[Tally]:
        """The same of each pair of names, each entry with its two names under `keys`."""
        wide = one[0].astype(np.int64) * len(two[1]) + two[0]
        pairs = [(a, b) for a in one[1] for b in two[1]]
        told = self.by(wide, ["\0".join(pair) for pair in pairs])
        return [{**dict(zip(keys, name.split("\0"), strict=True)), **tally} for name, tally in told.items()]

    def people(self, homes: Homes | None) -> dict[str, Any]:
        """How many users met a failure, of how many; {home: {users, users_affected_ratio}}; how long each was hurt."""
        # With an index asked for it sorts: by itself it hashes, which takes forty times as long.
        seen, hurt = (np.unique(users, return_index=True)[0] for users in (self.users, self.users[self._bad]))
        by_home: dict[str, Tally] = {}
        if homes is not None:
            all_, some = (np.bincount(homes.of(each), minlength=len(homes.names)) for each in (seen, hurt))
            by_home = {n: _share(int(some[i]), int(all_[i])) for i, n in enumerate(homes.names) if all_[i]}
        return {**_share(len(hurt), len(seen)), "homes": by_home, "hurt_s": self._user_seconds()}

    def _tally(self, n: int, which: npt.NDArray[np.bool_]) -> Tally:
        """`hurt_s`: from the planned time of the first failed one to the end of the last; 0 where none failed."""
        bad = int(which.sum())
        lasted = float(self._ended[which].max() - self._begun[which].min()) if bad else 0.0
        return {"requests": n, "failed": bad, "failed_ratio": bad / n if n else None, "hurt_s": lasted}

    def _user_seconds(self) -> Mapping[str, float | None]:
        """Of the users hurt, from each one's first failed request to the end of the last: median, 95th, longest."""
        if not len(self._bad):
            return dict.fromkeys(("median", "p95", "longest"))
        _, user = np.unique(self.users[self._bad], return_inverse=True)
        first = np.full(user.max() + 1, np.inf)
        last = np.full(user.max() + 1, -np.inf)
        np.minimum.at(first, user, self._begun)
        np.maximum.at(last, user, self._ended)
        lasted = np.sort(last - first)
        rank = math.ceil(0.95 * len(lasted) - 1e-9) - 1
        return {
            "median": float(lasted[(len(lasted) - 1) // 2]),
            "p95": float(lasted[max(rank, 0)]),
            "longest": float(lasted[-1]),
        }


def _share(hurt: int, users: int) -> Tally:
    return {"users": hurt, "users_affected_ratio": hurt / users if users else None}
