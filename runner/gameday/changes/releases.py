"""Releases: each a real change, `release.yaml` and `change.patch`; each runs from its own patched
copy of the code.

Patches are applied strictly: each context and removed line must be exactly where the patch says. A
release is code that runs; its defect (`defect`) is for the final measurement only and never reaches
the change feed.
"""

from __future__ import annotations

import compileall
import functools
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from pydantic import Field

from gameday.changes.change_identity import IdentityPart, Person, Provenance
from gameday.changes.patch_text import LONGEST_PATH, check_characters, diffs, hunk_line, line_of
from gameday.changes.people import People, identity_problems, read_people
from gameday.ports import Release
from gameday.scenario.yaml_document import (
    Document,
    Invalid,
    KeyPath,
    Problem,
    parse_yaml,
    read_text,
    validate,
)

NAME = r"[a-z][a-z-]*[a-z]-[0-9]+\.[0-9]+\.[0-9]+"


class ReleaseSpec(IdentityPart):
    """The content of `release.yaml`."""

    service: str
    version: str = Field(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$")
    kind: Literal["code", "config", "schema", "auth", "infra"]
    summary: str
    author: Person
    ai: Provenance = Field(
        default=None, description="tool, model and prompt, or none; unknown if it is missing or null"
    )
    approvals: tuple[Person, ...] = ()
    task: str | None = Field(default=None, description="the task as it was asked")
    scope: tuple[str, ...] = Field(
        default=(), description="paths that the task covers, as patterns of CODEOWNERS"
    )
    reversible: bool = True
    migration: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9-]+\.sql$",
        description="a file of the folder, run on the primary database before the first instance is replaced",
    )
    defect: str | None = None

    @property
    def name(self) -> str:
        return f"{self.service}-{self.version}"


@functools.lru_cache(maxsize=256)
def _read_spec(path: str, name: str, text: str) -> ReleaseSpec:
    """Return the spec in `text`; cached, since each scenario that deploys a release reads it several times."""
    document = parse_yaml(text, path)
    spec = validate(ReleaseSpec, document)
    if spec.name != name:
        raise Invalid([document.problem(("version",), f"says {spec.name}, but its folder is {name}")])
    return spec


@dataclass(frozen=True)
class Catalogue:
    """All releases of a folder, with a patched copy of the code for each. `base` is the code that
    patches apply to."""

    folder: Path
    base: Path

    def names(self) -> list[str]:
        return sorted(path.parent.name for path in self.folder.glob("*/release.yaml"))

    def spec(self, name: str) -> ReleaseSpec:
        """Return the release. Raise KeyError if there is none, Invalid if its file is wrong."""
        if not re.fullmatch(NAME, name) or not (self.folder / name / "release.yaml").is_file():
            raise KeyError(name)
        path = self.folder / name / "release.yaml"
        return _read_spec(str(path), name, read_text(path))

    def migration(self, name: str) -> str:
        """Return the SQL of the release's schema change; empty if it has none."""
        file = self.spec(name).migration
        return read_text(self.folder / name / file) if file else ""

    def patch(self, name: str) -> str:
        """Return the unified diff; empty for a first release. Raise Invalid if `change.patch` isn't a text file."""
        path = self.folder / name / "change.patch"
        return read_text(path).replace("\r\n", "\n") if os.path.lexists(path) else ""

    def check(self, name: str) -> list[Problem]:
        """Return the problems of the release's files; empty if it can run."""
        try:
            self.migration(name)
            list(self._patched(name))
            return list(self._identity_problems(name))
        except Invalid as error:
            return list(error.problems)

    def contents(self, name: str) -> dict[str, str]:
        """Return path → new text of each file that the release changes. Raise Invalid if its patch can't be applied."""
        return {f"{self.base.name}/{path}": text for path, text in self._patched(name)}

    def people(self) -> People:
        """Return the people and owners that the system's releases can name. Raise Invalid."""
        return read_people(self.folder.parent)

    def document(self, name: str) -> Document:
        """Return `release.yaml` with the place of every key. Raise Invalid."""
        path = self.folder / name / "release.yaml"
        return parse_yaml(read_text(path), str(path))

    def _identity_problems(self, name: str) -> Iterator[Problem]:
        """Yield a problem for each person of the release that the directory doesn't know like this."""
        spec, people = self.spec(name), self.people()
        persons: list[tuple[KeyPath, Person]] = [(("author",), spec.author)]
        persons += [(("approvals", index), person) for index, person in enumerate(spec.approvals)]
        document = self.document(name)
        for path, message, hint in identity_problems(people, persons):
            yield document.problem(path, message, hint)

    def build(self, name: str, into: Path) -> Release:
        """Return a tree for PYTHONPATH: a copy of the base with the patch applied. Not thread-safe."""
        spec = self.spec(name)
        tree = into / name
        if not tree.exists():
            patched = dict(self._patched(name))
            package = tree / self.base.name
            shutil.copytree(self._compiled(into), package)
            for path, text in patched.items():
                target = package / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, encoding="utf-8")
        return Release(name, spec.service, tree)

    def _compiled(self, into: Path) -> Path:
        """Return the base with byte code beside it, so that the instances needn't compile each copy
        again."""
        compiled = into / ".base" / self.base.name
        if not compiled.exists():
            shutil.copytree(self.base, compiled, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
            compileall.compile_dir(compiled, quiet=2)
        return compiled

    def _patched(self, name: str) -> Iterator[tuple[PurePosixPath, str]]:
        """Yield (path below the base, new text) of each file that the patch changes. Raise Invalid
        if it can't be applied."""
        import whatthepatch
        from whatthepatch.exceptions import HunkException

        file = str(self.folder / name / "change.patch")
        text = self.patch(name)
        check_characters(text, file)
        first: dict[PurePosixPath, int] = {}
        for number, diff in enumerate(diffs(text, file), 1):
            path = self._target(diff, file)
            if path in first:
                what = f"changes {path} a second time (first in diff {first[path]} of the patch)"
                hint = "put all hunks of a file below one header; only one diff of a file would run"
                raise Invalid([Problem(file, line_of(text, str(path), last=True), 1, what, hint)])
            first[path] = number
            source = self.base / path
            fresh = diff.header.old_path == "/dev/null"
            if fresh == source.is_file():
                what = f"adds {path}, which is there" if fresh else f"changes {path}, which doesn't exist"
                raise Invalid([Problem(file, line_of(text, str(path)), 1, what)])
            before = "" if fresh else source.read_text(encoding="utf-8")
            try:
                after = whatthepatch.apply_diff(diff, before)
            except HunkException as error:
                hunk = hunk_line(text, str(path), error)
                hint = "make the patch again from the present code; no fuzz is allowed"
                raise Invalid([Problem(file, hunk, 1, f"doesn't apply to {path}: {error}", hint)]) from error
            yield path, "\n".join(after) + "\n"
        if text.strip() and not first:
            raise Invalid([Problem(file, 1, 1, "isn't a unified diff")])

    def _target(self, diff: Any, file: str) -> PurePosixPath:
        """Return the path below the base, which it can't leave. Files are added and changed, never
        moved or removed."""
        old, new = str(diff.header.old_path).removeprefix("a/"), str(diff.header.new_path).removeprefix("b/")
        path = PurePosixPath(new)
        if len(new) > LONGEST_PATH:
            raise Invalid(
                [Problem(file, 1, 1, f"names a path of {len(new)} characters; at most {LONGEST_PATH}")]
            )
        if not diff.changes:
            raise Invalid([Problem(file, 1, 1, f"has no hunk for {new}")])
        if new == "/dev/null" or old not in (new, "/dev/null"):
            what = f"removes {old}" if new == "/dev/null" else f"moves {old} to {new}"
            raise Invalid([Problem(file, 1, 1, what, "a release adds and changes files")])
        inside = ".." not in path.parts and path.parts[:1] == (self.base.name,)
        below = PurePosixPath(*path.parts[1:])
        if not inside or not (self.base / below).resolve().is_relative_to(self.base.resolve()):
            raise Invalid([Problem(file, 1, 1, f"changes {new}, outside {self.base.name}/")])
        if not below.parts or any((self.base / parent).is_file() for parent in below.parents):
            raise Invalid([Problem(file, 1, 1, f"adds {new}, which is a folder or below a file")])
        return below
