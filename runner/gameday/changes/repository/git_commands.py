"""Commands of git on a repository: the commits of a range, their diffs, and files at a commit."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gameday.host.child_python import minimal_environment
from gameday.ports import PortError
from gameday.scenario.yaml_document import Invalid, Problem

TIMEOUT_S = 60.0
FIELDS = ("%H", "%ae", "%P", "%s", "%(trailers:only=true,unfold=true)")
"""Fields are parted by NUL, the only character that no part of a commit can hold."""
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
"""The id of a tree without files, which git knows in every repository."""


@dataclass(frozen=True)
class Commit:
    """A commit: its id, the author's address, its subject, its trailers by lower-case key, and its first parent.

    The parent of a root commit is the empty tree.
    """

    id: str
    author: str
    subject: str
    trailers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    parent: str = EMPTY_TREE

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
        return _decoded(done.stdout).strip()

    def merge_base(self, base: str, head: str) -> str:
        """Return where the two commits parted. Raise Invalid if they have no commit in common."""
        done = self._run("merge-base", base, head)
        if done.returncode:
            raise Invalid([Problem("--base", 0, 0, f"{base[:10]} and {head[:10]} have no commit in common")])
        return _decoded(done.stdout).strip()

    def commits(self, base: str, head: str) -> list[Commit]:
        """Return the commits after `base` up to `head` without merges, oldest first."""
        options = ("-z", "--no-merges", "--reverse", f"--format={'%x00'.join(FIELDS)}")
        fields = self._text("log", *options, f"{base}..{head}").split("\0")[:-1]
        return [_commit(*record) for record in zip(*[iter(fields)] * len(FIELDS), strict=True)]

    def diff(self, base: str, head: str) -> str:
        """Return the unified diff between two commits or trees, whatever the user's configuration.

        Every file is compared as text: git reads attributes from the files checked out, so that a change could hide
        a file by `-diff`.
        """
        options = (
            "--no-color",
            "--no-ext-diff",
            "--no-textconv",
            "--no-renames",
            "--text",
            "--no-relative",
            "--unified=3",
            "--inter-hunk-context=0",
            "--submodule=short",
            "--ignore-submodules=none",
            "--line-prefix=",
            "--output-indicator-new=+",
            "--output-indicator-old=-",
            "--output-indicator-context= ",
            "--diff-algorithm=myers",
            "--src-prefix=a/",
            "--dst-prefix=b/",
        )
        return self._text("-c", "core.quotePath=false", "diff", *options, base, head)

    def files(self, commit: str, folder: str) -> list[str]:
        """Return the paths of the files below a folder at a commit; empty if there is none."""
        return self._text("ls-tree", "-rz", "--name-only", commit, "--", f"{folder}/").split("\0")[:-1]

    def text(self, commit: str, path: str) -> str | None:
        """Return a file at a commit; None if it isn't there or isn't text."""
        done = self._run("show", f"{commit}:{path}")
        text = _decoded(done.stdout)
        return None if done.returncode or "\0" in text else text

    def _text(self, *arguments: str) -> str:
        done = self._run(*arguments)
        if done.returncode:
            raise PortError(
                f"git {arguments[0]} failed in {self.folder}: {_decoded(done.stderr).strip()[:300]}"
            )
        return _decoded(done.stdout)

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        command = ["git", *arguments]
        try:
            return subprocess.run(
                command,
                capture_output=True,
                timeout=TIMEOUT_S,
                check=False,
                env=minimal_environment(),
                cwd=self.folder,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PortError(f"git can't be run: {error}") from error


def _decoded(output: bytes) -> str:
    """Return the output with its line ends as they are: a carriage return ends no line of git's."""
    return output.decode(errors="replace")


def _commit(id_: str, author: str, parents: str, subject: str, trailers: str) -> Commit:
    return Commit(id_, author, subject, _trailers(trailers), (parents.split() or [EMPTY_TREE])[0])


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
