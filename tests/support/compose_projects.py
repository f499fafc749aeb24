"""Compose projects of tests/compose-files, each with features that public projects use."""

from __future__ import annotations

from gameday.scenario.own.own_system import ComposeFiles
from tests.support.paths import ROOT

FILES = ROOT / "tests/compose-files"
PROJECTS = {
    "small": ComposeFiles(),
    "anchors": ComposeFiles(),
    "profiles": ComposeFiles(profiles=("more",)),
    "several-files": ComposeFiles(files=("compose.yaml", "compose.override.yaml"), envFile="settings.env"),
    "extends": ComposeFiles(),
    "everything": ComposeFiles(),
}
