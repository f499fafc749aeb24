"""Registries: built-ins and plug-ins by name, lazily loaded, with errors that name the distribution."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import Distribution, EntryPoint
from pathlib import Path
from typing import Any

import pytest

from gameday.registries import ExtensionError, Registry
from tests.support.plugins import write_distribution

GROUP = "gameday.detectors"
BUILT_IN = {"cusum": "gameday.detect.cusum:KIND", "ewma": "gameday.detect.ewma:KIND"}


def registry(folder: Path, *distributions: dict[str, str], **options: Any) -> Registry[Any]:
    """Return a registry that sees the built-ins and one written distribution for each table of entry points."""
    points: list[EntryPoint] = []
    for number, entries in enumerate(distributions):
        info = write_distribution(folder, f"acme-{number}", {GROUP: entries})
        points += Distribution.at(info).entry_points.select(group=GROUP)

    def find(group: str) -> Sequence[EntryPoint]:
        return [point for point in points if point.group == group]

    return Registry(GROUP, "detector", BUILT_IN, find=find, **options)


def test_built_ins_come_first_and_plug_ins_after_them(tmp_path: Path) -> None:
    """A registry lists every name once and loads an object when it is looked up."""
    known = registry(tmp_path, {"drift": "json:loads", "arc": "json:dumps"})
    assert list(known) == ["cusum", "ewma", "arc", "drift"]
    assert len(known) == 4
    assert "drift" in known
    assert "swift" not in known
    assert callable(known["drift"])
    assert known["cusum"].parameters.__name__ == "Parameters"
    with pytest.raises(KeyError, match="swift"):
        known["swift"]


def test_a_broken_plug_in_is_one_message_that_names_its_distribution(tmp_path: Path) -> None:
    """The message says what is broken, whose it is and what to do; other names still load."""
    known = registry(tmp_path, {"gone": "acme_missing.drift:KIND", "whole": "json:loads"})
    with pytest.raises(ExtensionError) as error:
        known["gone"]
    assert str(error.value) == (
        "the detector 'gone' of the distribution acme-0 1.0 can't be loaded from acme_missing.drift:KIND: "
        "ModuleNotFoundError: No module named 'acme_missing'; repair or uninstall acme-0"
    )
    assert "gone" in known
    assert callable(known["whole"])


def test_a_missing_attribute_is_an_extension_error_too(tmp_path: Path) -> None:
    """An entry point that names no object of its module is broken as well."""
    with pytest.raises(ExtensionError, match=r"AttributeError.*uninstall acme-0"):
        registry(tmp_path, {"gone": "json:no_such_name"})["gone"]


def test_an_object_of_the_wrong_type_is_rejected(tmp_path: Path) -> None:
    """The registry's check says what a plug-in's object should have been."""
    known = registry(tmp_path, {"drift": "json:loads"}, check="gameday.detect.detector_kind:reject")
    with pytest.raises(ExtensionError, match=r"acme-0 1\.0 can't be used: json:loads is a function"):
        known["drift"]


@pytest.mark.parametrize(
    ("tables", "sources"),
    [
        (({"cusum": "json:loads"},), "by gameday itself and by acme-0 1.0"),
        (({"drift": "json:loads"}, {"drift": "json:dumps"}), "by acme-0 1.0 and by acme-1 1.0"),
    ],
)
def test_two_of_one_name_are_an_error(
    tmp_path: Path, tables: tuple[dict[str, str], ...], sources: str
) -> None:
    """Neither a built-in nor another plug-in is replaced silently; other names aren't affected."""
    known = registry(tmp_path, *tables)
    (name,) = tables[0]
    with pytest.raises(ExtensionError, match=rf"the detector '{name}' is registered 2 times, {sources}"):
        known[name]
    assert len([known_name for known_name in known if known_name == name]) == 1
    assert known["ewma"]


def test_help_and_a_scenario_that_does_not_use_it_load_no_plug_in(tmp_path: Path) -> None:
    """A plug-in that would end the process on import is loaded neither by `--help` nor for another scenario."""
    (tmp_path / "acme_bomb.py").write_text("raise SystemExit('loaded')\n", encoding="utf-8")
    groups = {"gameday.faults": "acme.bomb", "gameday.detectors": "bomb", "gameday.policies": "bomb"}
    write_distribution(tmp_path, "acme", {group: {name: "acme_bomb:X"} for group, name in groups.items()})
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    for words in (("--help",), ("validate", "bad-deploy-pricing")):
        command = [sys.executable, "-m", "gameday", *words]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        assert (ended.returncode, ended.stderr) == (0, "")
