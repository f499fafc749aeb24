"""Commands of git on a repository: the commits of a range, their diffs, and files at a commit."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gameday.host.child_python import minimal_environment
from gameday.ports import PortError
from gameday.scenario.yaml_document import Invalid, Problem

TIMEOUT_S = 60.0
FIELDS = ("%H", "%ae", "%s", "%(trailers:only=true,unfold=true)")
FORMAT = "".join(f"{field}%x00" for field in FIELDS)
"""Fields end with NUL, the only character that no part of a commit can hold."""


@dataclass(frozen=True)
class Commit:
    """A commit: its id, the author's address, its subject, and its trailers by lower-case key."""

    id: str
    author: str
    subject: str
    trailers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def short(self) -> str:
        return self.id[:10]


@dataclass(frozen=True)
class Repository:
    """A git repository in a folder."""

    folder: Path

    def resolve(self, revision: str, option: str) -> str:
        """Return the id of a commit. Raise Invalid, naming the option, if there is none."""
        done = self._run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        if done.returncode:
            hint = "fetch it first: a shallow clone has only its own commit (fetch-depth: 0)"
            raise Invalid([Problem(option, 0, 0, f"there is no commit {revision!r} in {self.folder}", hint)])
        return done.stdout.strip()

    def merge_base(self, base: str, head: str) -> str:
        """Return where the two commits parted. Raise Invalid if they have no commit in common."""
        done = self._run("merge-base", base, head)
        if done.returncode:
            raise Invalid([Problem("--base", 0, 0, f"{base[:10]} and {head[:10]} have no commit in common")])
        return done.stdout.strip()

    def commits(self, base: str, head: str) -> list[Commit]:
        """Return the commits after `base` up to `head` without merges, oldest first."""
        text = self._text("log", "--no-merges", "--reverse", f"--format={FORMAT}", f"{base}..{head}")
        *values, _ = text.split("\0")
        return [_commit(values[at : at + len(FIELDS)]) for at in range(0, len(values), len(FIELDS))]

    def diff(self, base: str, head: str) -> str:
        """Return the unified diff between two commits, with plain prefixes whatever the user's configuration."""
        options = (
            "--no-color",
            "--no-ext-diff",
            "--no-textconv",
            "--no-renames",
            "--src-prefix=a/",
            "--dst-prefix=b/",
        )
        return self._text("-c", "core.quotePath=false", "diff", *options, base, head)

    def files(self, commit: str, folder: str) -> list[str]:
        """Return the paths of the files below a folder at a commit; empty if there is none."""
        return self._text("ls-tree", "-r", "--name-only", commit, "--", f"{folder}/").splitlines()

    def text(self, commit: str, path: str) -> str | None:
        """Return a file at a commit; None if it isn't there or isn't text."""
        done = self._run("show", f"{commit}:{path}")
        return None if done.returncode or "\0" in done.stdout else done.stdout

    def _text(self, *arguments: str) -> str:
        done = self._run(*arguments)
        if done.returncode:
            raise PortError(f"git {arguments[0]} failed in {self.folder}: {done.stderr.strip()[:300]}")
        return done.stdout

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["git", *arguments]
        try:
            return subprocess.run(
                command,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=TIMEOUT_S,
                check=False,
                env=minimal_environment(),
                cwd=self.folder,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PortError(f"git can't be run: {error}") from error


def _commit(values: Sequence[str]) -> Commit:
    id_, author, subject, trailers = values
    return Commit(id_.lstrip("\n"), author, subject, _trailers(trailers))


def _trailers(text: str) -> dict[str, tuple[str, ...]]:
    trailers: dict[str, tuple[str, ...]] = {}
    for key, value in _pairs(text):
        trailers[key] = (*trailers.get(key, ()), value)
    return trailers


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for line in text.split("\n"):
        key, colon, value = line.partition(":")
        if colon:
            yield key.strip().lower(), value.strip()
