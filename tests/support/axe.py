"""Accessibility of a page in a browser, by axe-core from npm."""

from __future__ import annotations

import functools
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

VERSION = "4.10.3"


@functools.cache
def _source() -> str:
    """Return axe-core's script, from npm's registry or its cache. Skip the test if there is neither."""
    with tempfile.TemporaryDirectory() as name:
        command = ["npm", "pack", "--silent", f"axe-core@{VERSION}"]
        try:
            subprocess.run(command, cwd=name, check=True, capture_output=True, timeout=60)
        except (OSError, subprocess.SubprocessError):
            pytest.skip("axe-core can't be had from npm")
        (archive,) = Path(name).glob("*.tgz")
        subprocess.run(["tar", "-xzf", archive.name, "package/axe.min.js"], cwd=name, check=True)
        return (Path(name) / "package/axe.min.js").read_text(encoding="utf-8")


def serious_faults(page: Any) -> list[str]:
    """Return what axe-core finds on the page that is serious or critical: rule, and the first element of each."""
    page.evaluate(_source())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{each['id']}: {each['nodes'][0]['html'][:200]} ({each['nodes'][0].get('failureSummary', '')[:300]})"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
    ]
