"""Wiring of own systems: releases of the timeline, and the examples that ship."""

from __future__ import annotations

from pathlib import Path

import pytest

from gameday.execution import library
from gameday.execution.own.own_wiring import own_releases
from tests.support.own_application import SCENARIO
from tests.support.paths import ROOT
from tests.support.scenarios import read

EXAMPLES = sorted(ROOT.glob("examples/kubernetes/[bp]*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_are_valid(path: Path) -> None:
    """What is to be copied can be read."""
    assert library.read(path).system.is_own


def test_a_change_by_compose_has_a_name_and_a_definition(tmp_path: Path) -> None:
    """Image, environment and file become a part of a Compose file; a file is mounted by its absolute path."""
    head, tail = SCENARIO.replace("PORT", "80").split("timeline:")
    text = (
        head
        + """timeline:
  - at: 0s
    deploy: {service: web, environment: {FAIL: "1", MODE: slow}, image: "web:2"}
  - at: 1s
    deploy: {service: web, file: {source: bad.conf, target: /etc/app.conf}}
"""
        + tail.split("answers 500}}\n")[1]
    )
    text = text.replace(
        'external: {target: "http://127.0.0.1:80", services: [web], release: v1}', "attach: {project: shop}"
    )
    releases = own_releases(read(text, tmp_path))
    assert set(releases) == {"web:2", "bad.conf"}
    assert releases["web:2"].change == {"image": "web:2", "environment": {"FAIL": "1", "MODE": "slow"}}
    mount = {
        "type": "bind",
        "source": str(tmp_path / "bad.conf"),
        "target": "/etc/app.conf",
        "read_only": True,
    }
    assert releases["bad.conf"].change == {"volumes": [mount]}
