"""Location of the bundled scenarios and compose files: inside the wheel, or beside the packages in
a checkout."""

from __future__ import annotations

from pathlib import Path


def root() -> Path:
    """Return the folder that holds `scenarios/` and `compose/`."""
    packed = Path(__file__).parents[1] / "_bundled"
    return packed if packed.is_dir() else Path(__file__).parents[3]


def compose() -> Path:
    return root() / "compose"


def scenarios() -> Path:
    return root() / "scenarios"


def days() -> Path:
    return root() / "days"


def releases() -> Path:
    return compose() / "releases"
