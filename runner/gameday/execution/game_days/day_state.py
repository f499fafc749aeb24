"""State of a game day in `day.json`: which blocks are over, and their runs. It outlives the process that wrote it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gameday.recording import atomic_file
from gameday.scenario.game_days.game_day_plan import GameDay

FILE = "day.json"
SCHEMA = "gameday/day/v1"


@dataclass(frozen=True)
class BlockState:
    """A block: `state` is next, current or done; times are ISO 8601; `runs` are folders below the day's, the last counts."""

    state: str = "next"
    began: str = ""
    ended: str = ""
    runs: tuple[str, ...] = ()


@dataclass(frozen=True)
class DayState:
    """A game day on disk. `plan_hash` tells whether a plan is the one that the day was begun with."""

    folder: Path
    plan: Mapping[str, Any]
    plan_hash: str
    started: str
    blocks: tuple[BlockState, ...]
    ended: str = ""

    @property
    def position(self) -> int:
        """Return the index of the first block that isn't done; the number of blocks if all are."""
        return next((i for i, block in enumerate(self.blocks) if block.state != "done"), len(self.blocks))

    def with_block(self, index: int, block: BlockState) -> DayState:
        """Return the state with another state of a block, written to disk. Raise OSError."""
        blocks = (*self.blocks[:index], block, *self.blocks[index + 1 :])
        return replace(self, blocks=blocks).saved()

    def saved(self) -> DayState:
        """Write `day.json` and return the state. Raise OSError."""
        document = {
            "schema": SCHEMA,
            "plan_hash": self.plan_hash,
            "started": self.started,
            "ended": self.ended,
            "blocks": [asdict(block) for block in self.blocks],
            "plan": self.plan,
        }
        text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
        atomic_file.write(self.folder / FILE, text)
        return self


def begin_day(plan: GameDay, folder: Path) -> DayState:
    """Return the state of a day that begins, written to a new folder. Raise OSError."""
    folder.mkdir(parents=True)
    blocks = tuple(BlockState() for _ in plan.blocks)
    return DayState(folder, plan.document(), plan_hash(plan), now(), blocks).saved()


def read_day(folder: Path) -> DayState:
    """Return the state in a day's folder. Raise OSError, or ValueError if its file is damaged."""
    try:
        data = json.loads((folder / FILE).read_text(encoding="utf-8"))
        blocks = tuple(
            BlockState(block["state"], block["began"], block["ended"], tuple(block["runs"]))
            for block in data["blocks"]
        )
        return DayState(
            folder, data["plan"], data["plan_hash"], data["started"], blocks, str(data.get("ended", ""))
        )
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"{folder / FILE} isn't the state of a game day") from error


def unfinished(plan: GameDay, out: Path) -> DayState | None:
    """Return the latest day of this very plan that didn't end; None if there is none."""
    for folder in sorted(out.glob("*-day"), reverse=True):
        try:
            state = read_day(folder)
        except (OSError, ValueError):
            continue
        if state.plan_hash == plan_hash(plan) and not state.ended:
            return state
    return None


def plan_hash(plan: GameDay) -> str:
    """Return a hash of the plan's content."""
    text = json.dumps(plan.document(), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def now() -> str:
    """Return the wall time in ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def runs_of(state: DayState) -> Sequence[str]:
    """Return the folders of all runs of the day, below its own."""
    return [run for block in state.blocks for run in block.runs]
