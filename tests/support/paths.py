"""Folders of the checkout that tests read."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "compose"
DOCS = ROOT / "docs"
GOLDEN = ROOT / "tests" / "golden"
SOURCE_PATH = os.pathsep.join(str(ROOT / part) for part in ("", "runner", "reports", "compose"))
"""`PYTHONPATH` of a child process that imports the packages of the checkout, tests included."""
