"""A small scenario file."""

from __future__ import annotations

from pathlib import Path

from gameday.execution import library
from gameday.scenario import Scenario

SMALL = """\
apiVersion: gameday/v1
kind: Scenario
name: small
title: A small one
story: Told in a line.
slos:
  - {name: checkout, journey: buy, sli: availability, objective: 99.5%}
timeline:
  - {at: 5s, deploy: {release: gateway-1.1.0}}
  - {at: 0s, deploy: {release: pricing-1.1.0, strategy: rolling, pause: 500ms}}
expect:
  - ttd < 5s
"""


def read(text: str, tmp_path: Path, **overrides: str) -> Scenario:
    """Read a scenario from text; an override `load__rate="5/s"` sets `load.rate`."""
    path = tmp_path / "s.yaml"
    path.write_text(text, encoding="utf-8")
    return library.read(path, {key.replace("__", "."): value for key, value in overrides.items()})
