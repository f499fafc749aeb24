"""People who write, approve and own changes: `people.yaml`, by id, and the owners of paths, `OWNERS`.

`OWNERS` has the syntax of CODEOWNERS: a pattern and its owners on each line, and the last matching line wins.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from gameday.changes.change_identity import IdentityPart, Person
from gameday.scenario.yaml_document import Invalid, KeyPath, Problem, nearest, parse_yaml, read_text, validate

if TYPE_CHECKING:
    from codeowners import CodeOwners

OWNERS = "OWNERS"
PEOPLE = "people.yaml"


class Directory(IdentityPart):
    """The content of `people.yaml`."""

    people: Mapping[str, Person] = Field(min_length=1)


@dataclass(frozen=True)
class Owners:
    """The owners of paths, read from a file in CODEOWNERS syntax."""

    text: str = ""
    file: str = OWNERS

    def of(self, path: str) -> tuple[str, ...]:
        """Return the ids of a path's owners, without the @; empty if no line matches or the line names none."""
        return tuple(owner.removeprefix("@") for _, owner in self._parsed.of(path))

    def line_of(self, path: str) -> int:
        """Return the line that decides who owns a path; 0 if none does."""
        return self._parsed.matching_line(path)[1] or 0

    @property
    def _parsed(self) -> CodeOwners:
        return _parse(self.text)


@dataclass(frozen=True)
class People:
    """The directory of people, and the owners of paths."""

    by_id: Mapping[str, Person] = field(default_factory=dict)
    owners: Owners = Owners()

    def owners_of_service(self, service: str) -> tuple[str, ...]:
        """Return the ids of the owners of a service: those of its releases' folders."""
        return self.owners.of(f"releases/{service}-0.0.0/release.yaml")


def read_people(folder: Path) -> People:
    """Return the people and owners of a folder; an empty directory if it has neither file. Raise Invalid with every problem."""
    if not (folder / OWNERS).is_file() and not (folder / PEOPLE).is_file():
        return People()
    return _read_people(
        str(folder / PEOPLE), read_text(folder / PEOPLE), str(folder / OWNERS), read_text(folder / OWNERS)
    )


@functools.lru_cache(maxsize=16)
def _read_people(people_file: str, people_text: str, owners_file: str, owners_text: str) -> People:
    directory = validate(Directory, parse_yaml(people_text, people_file))
    problems = list(owner_problems(owners_text, owners_file, directory.people))
    if problems:
        raise Invalid(problems)
    return People(directory.people, Owners(owners_text, owners_file))


def owner_problems(text: str, file: str, known: Iterable[str] | None = None) -> Iterator[Problem]:
    """Yield a problem for each line of a CODEOWNERS file that isn't valid, or whose owner isn't among `known`."""
    ids = None if known is None else set(known)
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split("#")[0].split()
        if not words or words[0].startswith(("[", "^[")):
            continue
        try:
            _parse(words[0])
        except ValueError as error:
            yield Problem(file, number, 1, str(error), "close the bracket")
        if words[0].startswith("!"):
            yield Problem(file, number, 1, "CODEOWNERS has no negated patterns", "leave out the !")
        for word in words[1:]:
            column = line.index(word) + 1
            if "@" not in word:
                hint = f"write @{word}"
                yield Problem(file, number, column, f"{word!r} isn't an owner", hint)
            elif ids is not None and word.removeprefix("@") not in ids:
                hint = nearest(word.removeprefix("@"), ids)
                yield Problem(file, number, column, f"owner {word!r} doesn't exist in {PEOPLE}", hint)


def identity_problems(
    people: People, persons: Sequence[tuple[KeyPath, Person]]
) -> Iterator[tuple[KeyPath, str, str]]:
    """Yield (key path, message, hint) of each person whose id, role or level isn't that of the directory."""
    for path, person in persons:
        if person.id is None:
            continue
        known = people.by_id.get(person.id)
        if known is None:
            yield (*path, "id"), f"{person.id!r} doesn't exist in {PEOPLE}", nearest(person.id, people.by_id)
            continue
        for key in ("role", "level"):
            stated, right = getattr(person, key), getattr(known, key)
            if stated != right:
                yield (
                    (*path, key),
                    f"{person.id} is {right!r} in {PEOPLE}, not {stated!r}",
                    f"write {key}: {right}",
                )


@functools.lru_cache(maxsize=16)
def _parse(text: str) -> CodeOwners:
    from codeowners import CodeOwners

    return CodeOwners(text)
