"""Properties of every fault: it takes effect, and its revert is idempotent, also from the undo alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from gameday.faults import FAULTS, rebuild
from gameday.ports import Fault, PortError
from gameday.scenario import json_schema
from gameday.scenario.yaml_document import parse_yaml
from gameday.system import postgres_admin
from gameday.topology import read_topology
from tests.support.fake_arena import World
from tests.support.fault_trials import STOCK, TRIALS, Trial
from tests.support.link_servers import PATIENCE_S
from tests.support.nonempty_all import nonempty_all
from tests.support.paths import ROOT
from tests.support.postgres_server import server
from tests.support.waiting import until

DOCUMENT = ROOT / "docs/faults.md"
KINDS = [pytest.param(kind, marks=pytest.mark.system) if TRIALS[kind].postgres else kind for kind in FAULTS]


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A bare Postgres with few connection slots."""
    with server(connections=12) as url:
        postgres_admin.execute(url, STOCK)
        yield url


@pytest.fixture
def stage(world: World, request: pytest.FixtureRequest) -> World:
    """The world, with a real database if the trial needs one."""
    if TRIALS[request.getfixturevalue("kind")].postgres:
        world.system.url = request.getfixturevalue("postgres_url")
    return world


def bound(kind: str, world: World) -> Fault:
    return FAULTS[kind].model_validate(TRIALS[kind].spec).bind(world.arena)


def watched(inject: Callable[[Any], None], trial: Trial, world: World) -> bool:
    """Return whether harm was seen in any of the fault's pauses, or at its end."""
    harmed = []

    def wait(seconds: float) -> bool:
        if seconds:
            harmed.append(trial.harmed(world))
        return True

    inject(wait)
    return trial.harmed(world) or any(harmed)


def recovers(trial: Trial, world: World) -> None:
    until(lambda: trial.is_well(world), "all is well again", PATIENCE_S)


def test_every_fault_has_a_trial() -> None:
    """Every registered fault has a trial that shows its effect."""
    assert set(TRIALS) == set(FAULTS)
    assert nonempty_all(kind == spec.kind for kind, spec in FAULTS.items())


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_takes_effect_and_is_reverted(kind: str, stage: World) -> None:
    """No user is hurt before `inject`, some are during or after it, and none after `revert`, which
    is idempotent."""
    trial = TRIALS[kind]
    until(lambda: not trial.harmed(stage), "all is well before", PATIENCE_S)
    fault = bound(kind, stage)
    until(lambda: not trial.harmed(stage), "binding does nothing", PATIENCE_S)
    try:
        harmed = watched(fault.inject, trial, stage)
        until(lambda: harmed or trial.harmed(stage), "a user is hurt", PATIENCE_S)
    finally:
        fault.revert()
    recovers(trial, stage)
    fault.revert()
    recovers(trial, stage)
    assert stage.system.whole()


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_is_reverted_by_its_undo_alone(kind: str, stage: World) -> None:
    """The undo survives the journal's JSON, exists before the injection, and the fault rebuilt from
    it reverts, twice."""
    trial = TRIALS[kind]
    fault = bound(kind, stage)
    undo = json.loads(json.dumps(fault.undo()))
    watched(fault.inject, trial, stage)
    again = rebuild(undo, stage.arena)
    assert (again.target, again.undo()) == (fault.target, undo) == (fault.target, fault.undo())
    again.revert()
    again.revert()
    recovers(trial, stage)
    assert stage.system.whole()


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_that_never_acted_can_be_reverted(kind: str, stage: World) -> None:
    """If the runner dies after journalling an undo and before the injection, the revert is a no-op."""
    bound(kind, stage).revert()
    recovers(TRIALS[kind], stage)
    assert stage.system.whole()


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_that_is_cut_short_is_reverted_completely(kind: str, stage: World) -> None:
    """If the run ends during `inject`, it returns, and `revert` leaves no trace of the fault."""
    fault = bound(kind, stage)
    fault.inject(lambda seconds: False)
    fault.revert()
    recovers(TRIALS[kind], stage)
    assert stage.system.whole()


@pytest.mark.parametrize("kind", FAULTS)
def test_two_faults_of_a_kind_have_names_of_their_own(kind: str, world: World) -> None:
    """The mark on a fault's toxics and connections is unique to that fault."""
    marks = [bound(kind, world).undo()["chosen"].get("mark") for _ in range(2)]
    assert marks == [None, None] or marks[0] != marks[1]
    assert nonempty_all(
        mark is None or mark.startswith(f"gameday-{kind.replace('.', '-')}-") for mark in marks
    )


@pytest.mark.parametrize("kind", FAULTS)
def test_a_spec_survives_the_resolved_scenario(kind: str) -> None:
    """A spec that a run writes is equal after it is read again."""
    spec = FAULTS[kind].model_validate({**TRIALS[kind].spec, "for": "20s"})
    assert FAULTS[kind].model_validate(spec.model_dump(mode="json", by_alias=True, exclude_none=True)) == spec
    assert spec.for_ == 20


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_of_this_system_has_no_problems(kind: str, world: World) -> None:
    """A trial's fault names only what the system has, so it has no problems."""
    assert list(FAULTS[kind].model_validate(TRIALS[kind].spec).problems(world.system.topology)) == []


@pytest.mark.parametrize("kind", FAULTS)
def test_every_key_that_names_something_is_checked(kind: str, world: World) -> None:
    """A missing region, service or link is a problem at its key, with the nearest existing name."""
    spec, typos = dict(TRIALS[kind].spec), {"region": "us-esat", "service": "paymnets"}
    for key in set(typos) & set(FAULTS[kind].model_fields):
        problems = list(
            FAULTS[kind].model_validate({**spec, key: typos[key]}).problems(world.system.topology)
        )
        near = "us-east" if key == "region" else "payments"
        assert [(path, near in hint) for path, _, hint in problems] == [((key,), True)]


@pytest.mark.parametrize("kind", FAULTS)
def test_every_fault_is_documented_with_its_keys(kind: str) -> None:
    """docs/faults.md has a row for each fault, with its keys and whether it can be ramped."""
    rows = {
        line.split("`")[1]: line
        for line in DOCUMENT.read_text(encoding="utf-8").splitlines()
        if line[:3] == "| `"
    }
    fields = {field.alias or name for name, field in FAULTS[kind].model_fields.items()} - {
        "for",
        "ramp",
        "link",
    }
    assert ("*ramp*" in rows[kind]) == ("ramp" in FAULTS[kind].model_fields)
    assert [key for key in fields if f"`{key}" not in rows[kind]] == []
    assert set(rows) == set(FAULTS)


def test_the_example_of_the_document_is_right() -> None:
    """The example in docs/faults.md is a timeline that the bundled system can run."""
    text = DOCUMENT.read_text(encoding="utf-8").partition("```yaml\n")[2].partition("```")[0]
    bundled = read_topology(ROOT / "compose", ("us-east", "eu-west"))
    entries = [dict(action) for action in parse_yaml(text, "faults.md").data["timeline"]]
    for entry in entries:
        del entry["at"]
        for kind, spec in entry.items():
            assert list(FAULTS[kind].model_validate(spec).problems(bundled)) == []
    assert len(entries) > 2


def test_the_schema_knows_every_fault() -> None:
    """The JSON Schema has every fault, so that editors complete and check it as `validate` does."""
    definitions = json_schema(FAULTS)["$defs"]
    for kind, trial in TRIALS.items():
        validator = Draft202012Validator({"$ref": f"#/$defs/action-{kind}", "$defs": definitions})
        assert validator.is_valid({**trial.spec, "for": "1s"})
        assert not validator.is_valid({**trial.spec, "for": 1})


@pytest.mark.parametrize("kind", FAULTS)
def test_an_unknown_key_is_refused(kind: str) -> None:
    """An unknown key is an error."""
    with pytest.raises(ValidationError, match="extra_forbidden"):
        FAULTS[kind].model_validate({**TRIALS[kind].spec, "sevice": "x"})


def test_every_fault_that_hits_instances_says_so_when_there_are_none(world: World) -> None:
    """Binding without instances, or injecting after they are gone, raises a clear error and leaves
    nothing half done."""
    fault = bound("instance.pause", world)
    world.system.kill(world.system.instances("payments"))
    with pytest.raises(PortError, match=r"payments\.\d+: ended before"):
        fault.inject(lambda seconds: True)
    for kind in ("instance.pause", "dependency.error"):
        with pytest.raises(PortError, match="payments"):
            bound(kind, world)


@pytest.mark.parametrize("kind", ["dependency.error", "dependency.garbage", "dependency.silent"])
def test_a_third_party_carries_requests_out_before_it_fails_if_asked_to(world: World, kind: str) -> None:
    """`after` is passed on with each step, and ended by the revert."""
    fault = FAULTS[kind].model_validate({"service": "payments", "share": "40%", "after": True})
    chosen = fault.choose(world.system)
    fault.inject(world.arena, chosen, lambda seconds: True)
    mode = kind.partition(".")[2]
    assert list(world.system.behaviour.values()) == [{"mode": mode, "share": 0.4, "after": True}]
    fault.revert(world.arena, chosen)
    assert list(world.system.behaviour.values()) == [{"mode": "ok", "share": 1.0}]
