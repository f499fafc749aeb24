"""Base of the models of a scenario."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

MOST = 100
"""Entries of the timeline, and expectations, at most: any file is read within seconds."""
NAME = r"^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$"
LONGEST_NAME = 63
"""Characters of a name: those of a DNS label, since names become names of folders and files."""


class Part(BaseModel):
    """Base of every part of a scenario: frozen, no unknown keys, keys in camelCase where they have two words."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
