"""Identity of a change: who wrote and approved it, what part AI had, and what was asked for.

AI provenance is stated, never guessed: `ai: none` says that AI had no part, a mapping says which tool, model and prompt,
and a missing key is unknown. The hash of the diff binds a statement to the code that it is about.
"""

from __future__ import annotations

import hashlib
import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

HASH = r"^sha256:[0-9a-f]{64}$"
ID = r"^[a-z0-9][a-z0-9-]{0,62}$"
LEVELS = ("service account", "junior", "mid", "senior", "staff", "principal")
"""Levels of authors and approvers, the least senior first."""
SENIOR = "senior"
NO_AI = "none"


class IdentityPart(BaseModel):
    """Base of the parts of a change's identity: frozen, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Person(IdentityPart):
    """A person by id, role and level; a drill names no one. Without `id` the person can't own a service."""

    id: str | None = Field(default=None, pattern=ID, description="an id of compose/people.yaml")
    role: str
    level: str

    @property
    def is_senior(self) -> bool:
        """Return True if the level is senior or above."""
        return self.level in LEVELS and LEVELS.index(self.level) >= LEVELS.index(SENIOR)


class Ai(IdentityPart):
    """Provenance of an AI-assisted change. The hashes are optional here; the gate `provenance` asks for them."""

    tool: str
    model: str
    prompt: str
    prompt_hash: str | None = Field(
        default=None, alias="promptHash", pattern=HASH, description="SHA-256 of the prompt's text"
    )
    diff_hash: str | None = Field(
        default=None, alias="diffHash", pattern=HASH, description="SHA-256 of the added and removed lines"
    )


Provenance = Ai | Literal["none"] | None
"""A mapping if AI had part in a change, "none" if it had none, None if nothing is stated."""


def text_hash(text: str) -> str:
    """Return the hash of a prompt, without white space at its ends."""
    return f"sha256:{hashlib.sha256(text.strip().encode()).hexdigest()}"


def diff_hash(patch: str) -> str:
    """Return the hash of a unified diff: of its paths, its added and its removed lines.

    Line numbers and context are left out, so that the same change against moved code has the same hash.
    """
    lines: list[str] = []
    old = new = 0
    for line in patch.replace("\r\n", "\n").split("\n"):
        head = re.match(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@", line)
        if head:
            old, new = (1 if count is None else int(count) for count in head.groups())
        elif old > 0 or new > 0:
            if line[:1] in "+-" and line:
                lines.append(line)
            old, new = old - (line[:1] not in ("+", "\\")), new - (line[:1] not in ("-", "\\"))
        elif line.startswith(("--- ", "+++ ")):
            lines.append(line.split("\t")[0].rstrip())
    return f"sha256:{hashlib.sha256(chr(10).join(lines).encode()).hexdigest()}"
