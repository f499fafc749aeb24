"""Base of the models of a scenario."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

MOST = 100
"""Entries of the timeline, and expectations, at most: any file is read within seconds."""


class Part(BaseModel):
    """Base of every part of a scenario: frozen, no unknown keys, keys in camelCase where they have two words."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
