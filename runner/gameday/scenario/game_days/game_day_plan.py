"""Frozen models of a game day's plan, `kind: GameDay`, and its reading; docs/game-day.md explains the keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from gameday.scenario.scenario_model import LONGEST_NAME, NAME, Part
from gameday.scenario.units import Lasting, seconds
from gameday.scenario.yaml_document import Document, Invalid, Problem, parse_yaml, read_text, validate

LARGEST = 100_000
"""Bytes of a plan's file."""
KINDS = ("briefing", "scenario", "break", "debrief")
START = re.compile(r"ready|at ([01]?\d|2[0-3]):[0-5]\d|after \S+")
People = tuple[str, ...]


class Participants(Part):
    """The people of a game day, by role."""

    facilitator: People = Field(min_length=1, max_length=20)
    on_call: People = Field(alias="on-call", min_length=1, max_length=20)
    observer: People = Field(default=(), max_length=100)
    scribe: People = Field(default=(), max_length=20)


class Block(Part):
    """A block of the agenda: exactly one of briefing, scenario, break and debrief.

    `start` is `ready` (the facilitator's word), `at 14:00` (the machine's clock), or `after 5m` (after the block before it).
    `inject: facilitator` holds a scenario's timeline until the facilitator injects.
    """

    briefing: str | None = Field(default=None, min_length=1, max_length=500)
    scenario: str | None = Field(default=None, min_length=1, max_length=300)
    break_: str | None = Field(default=None, alias="break", min_length=1, max_length=500)
    debrief: str | None = Field(default=None, min_length=1, max_length=500)
    for_: Lasting = Field(alias="for")
    start: str = "ready"
    hypothesis: str | None = None
    poll: str | None = Field(default=None, max_length=500)
    secret: bool = True
    inject: Literal["auto", "facilitator"] = "auto"

    @property
    def kind(self) -> str:
        """Return which kind of block this is."""
        return next(kind for kind in KINDS if self._value(kind) is not None)

    @property
    def words(self) -> str:
        """Return what the file says of the block: its text, or the scenario's name."""
        return self._value(self.kind) or ""

    def _value(self, kind: str) -> str | None:
        return {
            "briefing": self.briefing,
            "scenario": self.scenario,
            "break": self.break_,
            "debrief": self.debrief,
        }[kind]

    @field_validator("start")
    @classmethod
    def _start_is_known(cls, start: str) -> str:
        if not START.fullmatch(start):
            raise ValueError(f"{start[:40]!r} isn't a start\nready, at 14:00, or after 5m")
        if start.startswith("after "):
            seconds(start.removeprefix("after "))
        return start

    @model_validator(mode="after")
    def _is_one_kind(self) -> Block:
        given = [kind for kind in KINDS if self._value(kind) is not None]
        if len(given) != 1:
            raise ValueError(f"has {len(given)} kinds\nexactly one of {', '.join(KINDS)}")
        asked = [key for key in ("hypothesis", "poll") if getattr(self, key) is not None]
        if given != ["scenario"] and (asked or self.inject != "auto"):
            raise ValueError(f"{(asked or ['inject'])[0]!r} belongs to a scenario, not to a {given[0]}")
        return self


class GameDay(Part):
    """The whole plan. `length` is how long the room has, from the first block's start to the last one's end."""

    api_version: Literal["gameday/v1"] = Field(alias="apiVersion")
    kind: Literal["GameDay"]
    name: str = Field(pattern=NAME, max_length=LONGEST_NAME)
    title: str = Field(min_length=1, max_length=200)
    goals: tuple[str, ...] = Field(default=(), max_length=20)
    length: Lasting
    participants: Participants
    blocks: tuple[Block, ...] = Field(min_length=1, max_length=40)

    def document(self) -> dict[str, Any]:
        """Return the plan as plain data."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


ScenarioCheck = Callable[[str], tuple[str, str, float]]
"""Returns (what is wrong with the scenario of that name, a hint, the expected seconds of its run)."""


def read_plan(path: Path, check: ScenarioCheck) -> GameDay:
    """Return the plan in `path`. Raise Invalid with every problem of it and of the scenarios that it names."""
    document = parse_yaml(read_text(path, limit=LARGEST), str(path))
    if not isinstance(document.data, dict):
        raise Invalid([document.problem((), "isn't a game day: must be a mapping of keys")])
    problems: list[Problem] = []
    plan: GameDay | None = None
    try:
        plan = validate(GameDay, document)
    except Invalid as error:
        problems += error.problems
    problems += _scenario_problems(document, check)
    if plan is not None:
        problems += _time_problems(document, plan)
    if plan is None or problems:
        raise Invalid(problems)
    return plan


def _scenario_problems(document: Document, check: ScenarioCheck) -> Iterable[Problem]:
    """Yield a problem for each scenario that can't be run, or that doesn't fit into its block."""
    blocks = document.data.get("blocks")
    for index, block in enumerate(blocks if isinstance(blocks, list) else ()):
        name = block.get("scenario") if isinstance(block, dict) else None
        if not isinstance(name, str) or not name:
            continue
        wrong, hint, needed = check(name)
        if wrong:
            yield document.problem(("blocks", index, "scenario"), wrong, hint)
            continue
        try:
            given = seconds(block.get("for"))
        except ValueError:
            continue
        if given < needed:
            yield document.problem(
                ("blocks", index, "for"),
                f"is too short: {name} takes about {needed:.0f} s",
                f"for: {needed / 60 + 5:.0f}m leaves people five minutes",
            )


def _time_problems(document: Document, plan: GameDay) -> Iterable[Problem]:
    total = sum(block.for_ for block in plan.blocks)
    if total > plan.length:
        yield document.problem(
            ("length",),
            f"the blocks take {total / 60:.0f} min, which don't fit into {plan.length / 60:.0f} min",
            "shorten blocks, or raise the length",
        )
