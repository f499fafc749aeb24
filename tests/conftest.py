"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile(
    "patient", deadline=None
)  # a machine that stands still for a moment refutes nothing
settings.load_profile("patient")
