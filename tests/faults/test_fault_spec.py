"""Ramps, capabilities, failures that don't stop the remaining calls, and what a fault is on each substrate."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from gameday.cli import gameday
from gameday.faults import BUILT_IN, FAULTS
from gameday.faults.fault_spec import STEP_S, every, ramp
from gameday.ports import PortError
from gameday.substrates import KINDS
from tests.support.fake_arena import World
from tests.support.fake_substrate import PlainSubstrate
from tests.support.nonempty_all import nonempty_all
from tests.support.paths import ROOT

DIFFERENT = {
    "region.lose",
    "region.isolate",
    "region.flap",
    "database.kill",
    "database.disk",
    "instance.kill",
    "instance.cpu",
    "instance.memory",
    "instance.restart-loop",
}
"""Faults whose effect differs between processes and Docker."""


def test_a_ramp_grows_in_even_steps_to_full_strength() -> None:
    """A ramp takes one step each quarter of a second over its whole time, the last at 1."""
    waited: list[float] = []

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        return True

    assert list(ramp(1.0, wait)) == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert waited == [STEP_S] * 4
    assert list(ramp(0.0, wait)) == [1.0]
    assert len(waited) == 4
    assert list(ramp(0.3, wait))[-1] == 1.0
    assert sum(waited[4:]) == pytest.approx(0.3)


def test_a_ramp_ends_when_the_run_does() -> None:
    """If the run ends, a ramp stays at its current strength."""
    assert list(ramp(1.0, lambda seconds: False)) == pytest.approx([0.2])


def test_one_failure_does_not_stop_the_rest() -> None:
    """Every call is made, and the error names all failures."""
    called = []

    def fail(name: str) -> None:
        called.append(name)
        raise PortError(f"{name} failed")

    with pytest.raises(PortError, match=r"^a failed; c failed$"):
        every([lambda: fail("a"), lambda: called.append("b"), lambda: fail("c")])
    assert called == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("kind", "spec", "lacking"),
    [
        ("instance.cpu", {"service": "pricing", "cpus": 1}, "limits"),
        ("instance.memory", {"service": "pricing", "memory": "1GiB"}, "limits"),
        ("database.disk", {}, "limits"),
        ("region.lose", {"region": "eu-west", "volumes": "destroy"}, "volumes: keep"),
    ],
)
def test_a_missing_capability_is_refused_before_the_injection(
    kind: str, spec: dict[str, object], lacking: str, world: World
) -> None:
    """Binding fails with the substrate and the capability that it lacks; the same fault can be
    bound on a substrate that has it."""
    FAULTS[kind].model_validate(spec).bind(world.arena)
    world.system.substrate = PlainSubstrate()
    with pytest.raises(PortError, match=rf"{kind}: the plain substrate .*{lacking}"):
        FAULTS[kind].model_validate(spec).bind(world.arena)


def test_a_region_can_be_lost_with_its_volumes_kept_anywhere(world: World) -> None:
    """Losing a region needs a capability of the substrate only if its volumes are destroyed."""
    lost = FAULTS["region.lose"].model_validate({"region": "eu-west"})
    assert lost.lacks(PlainSubstrate()) is None


def test_a_ramp_longer_than_its_fault_is_refused() -> None:
    """A ramp that is longer than its fault is rejected, since the fault would be reverted before
    its full strength."""
    with pytest.raises(ValidationError, match="full strength"):
        FAULTS["load.surge"].model_validate({"factor": 2, "ramp": "5s", "for": "5s"})
    FAULTS["load.surge"].model_validate({"factor": 2, "ramp": "5s", "for": "6s"})


def test_every_fault_that_differs_says_what_it_is_on_each_substrate() -> None:
    """One sentence or more, on one line, for each built-in substrate."""
    assert {kind for kind, spec in BUILT_IN.items() if spec.meanings} == DIFFERENT
    for kind in DIFFERENT:
        meanings = BUILT_IN[kind].meanings
        assert set(meanings) == set(KINDS), kind
        assert nonempty_all(text.endswith(".") and "\n" not in text for text in meanings.values()), kind


@pytest.mark.parametrize("kind", sorted(DIFFERENT))
def test_the_documents_say_the_same(kind: str) -> None:
    """docs/faults.md has the declared texts in its part on substrates."""
    text = (ROOT / "docs/faults.md").read_text(encoding="utf-8").partition("## Substrates")[2]
    meanings = BUILT_IN[kind].meanings
    assert f"- `{kind}`\n  - process: {meanings['process']}\n  - docker: {meanings['docker']}\n" in text


def test_show_and_dry_run_say_it(tmp_path: Path) -> None:
    """`show` for every substrate, a dry run for the chosen one only."""
    shown = CliRunner().invoke(gameday, ["show", "region-lost"]).output
    lose = BUILT_IN["region.lose"].meanings
    assert nonempty_all(f"# region.lose on {name}: {lose[name]}" in shown for name in KINDS)
    dry = ["run", "region-lost", "--dry-run", "--out", str(tmp_path), "--substrate"]
    said = CliRunner().invoke(gameday, [*dry, "process"]).output
    assert lose["process"] in said
    assert lose["docker"] not in said
    said = CliRunner().invoke(gameday, [*dry, "auto"]).output
    assert nonempty_all(lose[name] in said for name in KINDS)


def test_the_schema_of_the_outcome_has_it() -> None:
    """`faults[].meaning` is described for readers of outcome.json."""
    schema = json.loads((ROOT / "docs/outcome.schema.json").read_text(encoding="utf-8"))
    assert "substrate" in schema["$defs"]["Fault"]["properties"]["meaning"]["description"]
