"""Kinds of substrates, looked up in the registry for choosing, reaping and surveying."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from gameday import registries
from gameday.cli import heal
from gameday.ports import PortError, Substrate
from gameday.reaper import leftovers
from gameday.substrates import KINDS, SubstrateKind, SubstrateSetup, substrate_choice
from gameday.substrates.substrate_choice import choose
from gameday.substrates.substrate_kind import Cleared, Traces, reject


def make(setup: SubstrateSetup) -> Substrate:
    raise PortError(f"nothing is made for {setup.run}")


class Swarm:
    """A third kind of substrate, which records its calls of `reap`."""

    def __init__(self, able: bool = True) -> None:
        self.reaped: list[tuple[str, float]] = []
        self.kind = SubstrateKind(
            "swarm",
            lambda: (able, "three managers answer" if able else "no manager answers"),
            make,
            self.reap,
            survey=lambda: {"r1": Counter(task=2)},
            place="the swarm",
        )

    def reap(self, runs: Sequence[Traces], patience: float) -> Mapping[str, Cleared]:
        self.reaped += [(traces.run, patience) for traces in runs]
        return {traces.run: Cleared(["2 tasks"]) for traces in runs}


def broken(runs: Sequence[Traces], patience: float) -> Mapping[str, Cleared]:
    raise ValueError("a defect of the plug-in")


def test_a_named_kind_is_used_if_it_is_available(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plug-in's kind is chosen by its name; if it can't be used, the error has its own reason."""
    monkeypatch.setattr(substrate_choice, "KINDS", {**KINDS, "swarm": Swarm().kind})
    assert choose("swarm") == ("swarm", "asked for")
    monkeypatch.setattr(substrate_choice, "KINDS", {**KINDS, "swarm": Swarm(able=False).kind})
    with pytest.raises(PortError, match="no manager answers"):
        choose("swarm")


def test_leftovers_are_removed_by_their_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kind of each run is reaped with the given patience; processes and the work folder always are."""
    swarm = Swarm()
    monkeypatch.setattr(leftovers, "KINDS", {"process": KINDS["process"], "swarm": swarm.kind})
    folder = tmp_path / "r1"
    (folder / "work").mkdir(parents=True)
    results = leftovers.clear([Traces("r1", folder, "swarm")], kinds=["swarm", ""], patience=7.0)
    assert swarm.reaped == [("r1", 7.0)]
    assert results["r1"].removed == ["work/", "2 tasks"]
    assert results["r1"].left == []


def test_a_kind_that_fails_is_reported_as_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind that raises or was uninstalled is reported as a leftover, and the other kinds are
    still reaped."""
    failing = SubstrateKind("swarm", lambda: (True, ""), make, broken)
    monkeypatch.setattr(leftovers, "KINDS", {"process": KINDS["process"], "swarm": failing})
    folder = tmp_path / "r1"
    (folder / "work").mkdir(parents=True)
    (cleared,) = leftovers.clear([Traces("r1", folder)], kinds=["swarm", "gone"], patience=1.0).values()
    assert cleared.removed == ["work/"]
    assert sorted(cleared.left) == ["gone: KeyError: 'gone'", "swarm: ValueError: a defect of the plug-in"]


def test_heal_surveys_every_kind(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Runs known only by their labels are listed with their place; a kind that can't be surveyed is
    skipped."""

    def unreachable() -> Mapping[str, Counter[str]]:
        raise PortError("no manager answers")

    silent = SubstrateKind("far", lambda: (True, ""), make, broken, survey=unreachable)
    monkeypatch.setattr(heal, "KINDS", {"swarm": Swarm().kind, "far": silent})
    assert heal.heal.main(["--dry-run"], standalone_mode=False) == 5
    assert "r1: 2 tasks on the swarm; nothing says whether its runner lives" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "kind", "reason"),
    [
        ("swarm", Swarm().kind, None),
        ("swarms", Swarm().kind, "is named 'swarm'; the entry point's name must be the same"),
        ("swarm", make, "is a function; a gameday.substrates.SubstrateKind is expected"),
    ],
)
def test_what_can_be_registered(name: str, kind: object, reason: str | None) -> None:
    """A kind is a `SubstrateKind` of the name under which it is registered."""
    assert reject(name, kind) == reason


def test_the_registered_kinds_are_whole() -> None:
    """Every built-in kind passes the check that plug-ins' kinds must pass."""
    assert [reject(name, kind) for name, kind in registries.SUBSTRATES.items()] == [None, None]
