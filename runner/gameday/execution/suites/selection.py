"""Selection of a suite's scenarios, their order, and how long they take. `suite_runner` runs them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gameday.execution import library
from gameday.execution.preparation import UP_S, SelectedScenario, expected_seconds, read_scenarios
from gameday.execution.system_reuse import Wanted, wanted
from gameday.execution.trial import Options
from gameday.scenario.yaml_document import Invalid, Problem, nearest
from gameday.topology import bundled

YAML = ("*.yaml", "*.yml")


@dataclass(frozen=True)
class Turn:
    """A trial to be made, `number` from 0; `expected` seconds if all goes well."""

    chosen: SelectedScenario
    number: int
    expected: float

    @property
    def name(self) -> str:
        return self.chosen.scenario.name

    @property
    def home(self) -> Path:
        """The folder of its runs, relative to the suite's: variants share the folder of their matrix."""
        variant = self.chosen.variant
        return Path(self.name.removesuffix(f"-{variant}"), variant) if variant else Path(self.name)


def selected(named: Sequence[str], tags: Sequence[str], options: Options) -> list[SelectedScenario]:
    """Return the named scenarios, by default the whole library, that have one of the tags, if any are given.

    Each variant of a matrix counts as a scenario. Scenarios that need the same system follow each other. Raise Invalid.
    """
    files = list(
        dict.fromkeys(file for name in named for file in scenario_files(name))
        if named
        else library.paths().values()
    )
    ready = read_scenarios(tuple(map(str, files)), options)
    if tags:
        known = {tag for choice in ready for tag in choice.scenario.tags}
        ready = [choice for choice in ready if set(tags) & set(choice.scenario.tags)]
        if not ready:
            message = "no scenario has " + (
                f"the tag {tags[0]!r}" if len(tags) == 1 else f"any of the tags {list(tags)}"
            )
            raise Invalid([Problem("--tag", 0, 0, message, nearest(tags[0], known))])
    _unambiguous(ready)
    return list(_together(ready))


def scenario_files(named: str) -> list[Path]:
    """Return the file of a scenario, by path or name, or all of a folder or a family of the library. Raise Invalid."""
    for folder in (Path(named), bundled.scenarios() / named):
        if folder.is_dir():
            files = sorted(file for pattern in YAML for file in folder.rglob(pattern))
            if not files:
                raise Invalid(
                    [Problem(named, 0, 0, "holds no scenario", "a scenario is a file that ends in .yaml")]
                )
            return files
    return [library.find(named)]


def _unambiguous(ready: Sequence[SelectedScenario]) -> None:
    """Raise Invalid if two scenarios have the same name: results are listed by name."""
    paths: dict[str, Path] = {}
    for choice in ready:
        first = paths.setdefault(choice.scenario.name, choice.path)
        if first != choice.path:
            message = f"has the same name, {choice.scenario.name!r}, as {first}"
            raise Invalid(
                [Problem(str(choice.path), 0, 0, message, "give each scenario of a suite a name of its own")]
            )


def _together(ready: Sequence[SelectedScenario]) -> Iterator[SelectedScenario]:
    """Yield the scenarios in order, but each system's scenarios right after its first one."""
    groups: list[tuple[Wanted, list[SelectedScenario]]] = []
    for choice in ready:
        want = wanted(choice.scenario)
        group = next((members for known, members in groups if known == want), None)
        if group is None:
            groups.append((want, [choice]))
        else:
            group.append(choice)
    for _, members in groups:
        yield from members


def turns(ready: Sequence[SelectedScenario], trials: int) -> list[Turn]:
    """Return all trials in order. A trial expects to find the system up if the trial before needs the same one."""
    planned: list[Turn] = []
    for choice in ready:
        for number in range(trials):
            reused = planned and wanted(planned[-1].chosen.scenario) == wanted(choice.scenario)
            expected = expected_seconds(choice.scenario) - (UP_S if reused else 0.0)
            planned.append(Turn(choice, number, expected))
    return planned


def spoken(seconds: float) -> str:
    """Return a duration in words: '40 s', '7 min', '1 h 5 min'."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
