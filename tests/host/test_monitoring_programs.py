"""Programs of Prometheus and Alertmanager on PATH."""

from __future__ import annotations

from pathlib import Path

import pytest

from gameday.host.monitoring_programs import find, missing


def test_debians_names_are_known_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is named with every name that was looked for."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert missing() == ["Prometheus (prometheus)", "Alertmanager (alertmanager or prometheus-alertmanager)"]
    for name in ("prometheus", "prometheus-alertmanager"):
        (tmp_path / name).touch(mode=0o755)
    assert (find("Alertmanager"), missing()) == (str(tmp_path / "prometheus-alertmanager"), [])
