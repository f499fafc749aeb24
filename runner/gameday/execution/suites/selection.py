"""Which scenarios a suite runs, in which order, and how long that takes. Running them is left to `suite`."""

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
    """A trial to be made, `number` from 0; `expected` seconds, when all goes as hoped."""

    chosen: SelectedScenario
    number: int
    expected: float

    @property
    def name(self) -> str:
        return self.chosen.scenario.name

    @property
    def home(self) -> Path:
        """Where its runs go, from the suite's folder: variants share the folder of their matrix."""
        variant = self.chosen.variant
        return Path(self.name.removesuffix(f"-{variant}"), variant) if variant else Path(self.name)


def selected(named: Sequence[str], tags: Sequence[str], options: Options) -> list[SelectedScenario]:
    """What was named, or the whole library, and of that what has one of the tags; each variant of a matrix is one.

    In the order in which they run: those that want the same system stand together. Raises Invalid.
    """
    files = list(
        dict.fromkeys(file for each in named for file in scenario_files(each))
        if named
        else library.paths().values()
    )
    ready = read_scenarios(tuple(map(str, files)), options)
    if tags:
        known = {tag for each in ready for tag in each.scenario.tags}
        ready = [each for each in ready if set(tags) & set(each.scenario.tags)]
        if not ready:
            said = "no scenario has " + (
                f"the tag {tags[0]!r}" if len(tags) == 1 else f"any of the tags {list(tags)}"
            )
            raise Invalid([Problem("--tag", 0, 0, said, nearest(tags[0], known))])
    _unambiguous(ready)
    return list(_together(ready))


def scenario_files(named: str) -> list[Path]:
    """Return the file of a scenario, by path or name, or all of a folder or a family of the library. Raise Invalid."""
    for folder in (Path(named), bundled.scenarios() / named):
        if folder.is_dir():
            found = sorted(file for pattern in YAML for file in folder.rglob(pattern))
            if not found:
                raise Invalid(
                    [Problem(named, 0, 0, "holds no scenario", "a scenario is a file that ends in .yaml")]
                )
            return found
    return [library.find(named)]


def _unambiguous(ready: Sequence[SelectedScenario]) -> None:
    """What a scenario came to is told under its name. Raises Invalid where two have the same."""
    paths: dict[str, Path] = {}
    for each in ready:
        first = paths.setdefault(each.scenario.name, each.path)
        if first != each.path:
            said = f"is called {each.scenario.name!r} like {first}"
            raise Invalid(
                [Problem(str(each.path), 0, 0, said, "give each scenario of a suite a name of its own")]
            )


def _together(ready: Sequence[SelectedScenario]) -> Iterator[SelectedScenario]:
    """In the order given, but each system's scenarios right after its first one."""
    groups: list[tuple[Wanted, list[SelectedScenario]]] = []
    for each in ready:
        want = wanted(each.scenario)
        group = next((members for known, members in groups if known == want), None)
        if group is None:
            groups.append((want, [each]))
        else:
            group.append(each)
    for _, members in groups:
        yield from members


def turns(ready: Sequence[SelectedScenario], trials: int) -> list[Turn]:
    """Each expects to find the system up where the one before wants the same."""
    found: list[Turn] = []
    for each in ready:
        for number in range(trials):
            kept = found and wanted(found[-1].chosen.scenario) == wanted(each.scenario)
            found.append(Turn(each, number, expected_seconds(each.scenario) - (UP_S if kept else 0.0)))
    return found


def spoken(seconds: float) -> str:
    """'40 s', '7 min', '1 h 5 min'."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
