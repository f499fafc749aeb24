"""A first plan of two hours, written from the tags of scenarios."""

from __future__ import annotations

from collections.abc import Sequence

from gameday.execution import library
from gameday.scenario import Scenario
from gameday.scenario.yaml_document import Invalid, Problem, nearest

MOST_SCENARIOS = 3
HEAD = """\
# A game day of two hours. Put in who takes part, and what you want to learn; docs/game-day.md explains every key.
apiVersion: gameday/v1
kind: GameDay
name: first-game-day
title: Our first game day
goals:
  - See how long it takes us to notice, and to mend
length: 2h
participants:
  facilitator: [Your name]
  on-call: [Who is on call]
  scribe: [Who writes down]
blocks:
  - briefing: "Who does what; where to look; how to stop: the facilitator's Abort"
    for: 10m
"""
SCENARIO = """\
  - scenario: {name}
    for: 20m
    hypothesis: {hypothesis}
    poll: What will users notice, and for how long?
"""
BREAK = """\
  - break: Coffee
    for: 10m
"""
TAIL = """\
  - debrief: What surprised us, what do we change, who does it by when?
    for: 25m
"""


def first_plan(tags: Sequence[str]) -> str:
    """Return the text of a plan with up to three scenarios that have one of the tags. Raise Invalid if none has."""
    read = [library.read(path) for path in library.paths().values()]
    fitting = [
        scenario
        for scenario in read
        if set(tags) & set(scenario.tags) and scenario.timeline and not scenario.matrix
    ]
    if not fitting:
        known = {tag for scenario in read for tag in scenario.tags}
        wanted = " or ".join(tags)
        problem = Problem("--tag", 0, 0, f"no scenario has the tag {wanted}", nearest(tags[0], known))
        raise Invalid([problem])
    chosen = fitting[:MOST_SCENARIOS]
    parts = [HEAD]
    for number, scenario in enumerate(chosen):
        parts += [BREAK] if number and number == len(chosen) - 1 else []
        parts.append(SCENARIO.format(name=scenario.name, hypothesis=_quoted(_hypothesis(scenario))))
    return "".join([*parts, TAIL])


def _hypothesis(scenario: Scenario) -> str:
    return " ".join((scenario.hypothesis or "We notice before customers call.").split())


def _quoted(text: str) -> str:
    """Return a text as a double-quoted scalar of YAML, which JSON's strings are."""
    import json

    return json.dumps(text, ensure_ascii=False)
