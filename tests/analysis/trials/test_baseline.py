"""Tests of baselines: what is kept, what fails against them, and when the machine forbids a judgement."""

from __future__ import annotations

import json
import shlex
from math import inf
from pathlib import Path
from typing import Any

import pytest

from gameday.analysis import Outcome
from gameday.analysis.trials.gate.machine_speed import machine_speed
from tests.support.documents import baseline, gate, unfit, written
from tests.support.documents import read_baseline as read
from tests.support.outcomes import outcome
from tests.support.run_folders import Story, steadily, write
from tests.support.suites import GROUND, SIX, attempts, entry, full, made

NAMES = ("bad-deploy", "region-lost", "payments-down")


def suite(factor: float = 1.0, **ground: float) -> dict[str, Any]:
    """Return three scenarios, the first `factor` times slower to recover."""
    values = {name: [ttr * (factor if name == NAMES[0] else 1) for ttr in SIX] for name in NAMES}
    return made(*(timed(name, values[name], ground) for name in NAMES))


def timed(name: str, ttrs: list[float], ground: dict[str, float]) -> Any:
    outcomes = [full(f"{name}-{i}", name, ttr=ttr) for i, ttr in enumerate(ttrs)]
    return entry(name, ttrs, attempts=attempts(outcomes, name, GROUND | ground))


def kept(result: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    """Write the baseline of a suite to disk and read it back."""
    path = tmp_path / "baseline.json"
    path.write_text(written(baseline(result)), encoding="utf-8")
    return read(path)


def test_a_suite_holds_against_its_own_baseline(tmp_path: Path) -> None:
    """A suite passes against its own baseline without a reason; the file is small and reads back
    the same."""
    base = kept(suite(), tmp_path)
    assert base == baseline(suite())
    result = gate(suite(), base, "baseline.json")
    assert (result["exit_status"], result["judged"], result["reasons"], result["commands"]) == (
        0,
        True,
        [],
        [],
    )
    assert '"ttr_s": [5.0, 5.2, 4.8, 5.4, 5.1, 4.9],\n' in written(base)
    assert len(written(base).splitlines()) < 60


def test_a_slower_recovery_fails_with_how_much_and_how_surely(tmp_path: Path) -> None:
    """Only the slower scenario fails, with its shift and p after Holm; the suite's exit status is
    raised."""
    base = kept(suite(), tmp_path)
    result = gate(suite(1.5), base)
    assert (result["exit_status"], result["verdict"]) == (1, "fail")
    (reason,) = result["reasons"]
    assert reason.startswith("baseline: bad-deploy: recovery 2.5 s slower (+50 %); detection unchanged; ")
    assert "p = 0.0041 over 6 tests; open bad-deploy-" in reason
    whole = made(*(entry(name) for name in NAMES), gate=result)
    assert (whole["exit_status"], whole["reasons"]) == (1, [reason])


def test_trials_that_never_recovered_are_infinite_and_equal(tmp_path: Path) -> None:
    """All trials of one scenario that never recover fail; one of six doesn't; in a baseline they are infinite."""
    base = kept(suite(), tmp_path)
    lost = made(entry(NAMES[0], [inf] * 6), *(entry(name) for name in NAMES[1:]))
    assert gate(lost, base)["exit_status"] == 1
    broken = made(*(entry(name, [*SIX[:5], inf]) for name in NAMES))
    assert gate(broken, base)["exit_status"] == 0
    own = kept(broken, tmp_path)
    assert own["scenarios"]["bad-deploy"]["ttr_s"][5] == "Infinity"
    assert gate(broken, own)["exit_status"] == 0


def test_a_fault_without_effect_is_kept_as_such(tmp_path: Path) -> None:
    """A trial without effect has no TTR; a control scenario that has an effect now is a regression."""
    quiet = [full(f"c{i}", "control", effect=False) for i in range(6)]
    base = kept(made(entry("control", SIX, attempts=attempts(quiet, "control"))), tmp_path)
    control = base["scenarios"]["control"]
    assert (control["ttr_s"], control["ttd_s"], control["effect"]) == ([None] * 6, [None] * 6, [False] * 6)
    assert gate(made(entry("control")), base)["exit_status"] == 1
    old = {"n": 6, "ttr_s": [0.0] * 6, "ttd_s": [None] * 6, "machine": control["machine"]}
    assert gate(made(entry("control")), base | {"scenarios": {"control": old}})["exit_status"] == 1


def test_too_few_trials_are_no_pass(tmp_path: Path) -> None:
    """Too few trials are inconclusive; the reason says how many it takes."""
    base = kept(made(entry(ttrs=SIX[:3])), tmp_path)
    result = gate(made(entry(ttrs=SIX[:3])), base)
    assert result["exit_status"] == 3
    assert result["reasons"][0].endswith("it takes 5 a side")


def test_a_dropped_scenario_is_no_pass_and_a_new_one_no_failure(tmp_path: Path) -> None:
    """A dropped scenario is inconclusive, a new one passes, and both are reported."""
    base = kept(suite(), tmp_path)
    fewer = made(*(entry(name) for name in NAMES[:2]))
    assert gate(fewer, base)["exit_status"] == 3
    more = made(*(entry(name) for name in (*NAMES, "another")))
    assert gate(more, base)["exit_status"] == 0


@pytest.mark.parametrize(
    ("ground", "judged"),
    [
        ({"start_s": 0.45 * 1.19, "base_p50_s": 0.0046 * 0.81}, True),
        ({"start_s": 0.45 * 1.22}, False),
        ({"base_p50_s": 0.0046 * 0.78}, False),
        ({"lag_p95_s": 0.03}, False),
    ],
)
def test_another_machine_is_not_judged(ground: dict[str, float], judged: bool, tmp_path: Path) -> None:
    """On a machine a fifth faster or slower the exit status is 3, also for a regression, with
    commands to run."""
    base = kept(suite(), tmp_path)
    result = gate(suite(1.5, **ground), base)
    assert (result["judged"], result["exit_status"]) == (judged, 1 if judged else 3)
    if not judged:
        assert "over 20% faster or slower" in result["reasons"][0]
        expected = "gameday compare BASE/scenarios/bad-deploy.yaml scenarios/bad-deploy.yaml --interleave 10"
        assert result["commands"][0] == expected
        assert len(result["commands"]) == 3


def test_a_variant_and_odd_paths_are_spelt_as_a_shell_reads_them(tmp_path: Path) -> None:
    """Commands quote paths for a shell if necessary and name the variant."""
    slow = attempts([full(f"x{i}", ttr=ttr) for i, ttr in enumerate(SIX)], "x", GROUND | {"start_s": 1.0})
    base = kept(made(entry()), tmp_path)
    result = gate(made(entry(attempts=slow, path="my scenarios/it's.yaml", variant="with")), base)
    (command,) = result["commands"]
    words = [
        "gameday",
        "compare",
        "BASE/my scenarios/it's.yaml",
        "my scenarios/it's.yaml",
        "--interleave",
        "10",
    ]
    assert shlex.split(command) == [*words, "--variant", "with"]


def test_one_slower_scenario_is_no_other_machine(tmp_path: Path) -> None:
    """The machine's speed is a median over scenarios, so one slow scenario of three isn't taken for
    another machine."""
    base = kept(suite(), tmp_path)
    entries = [timed(name, SIX, {"base_p50_s": 0.02} if name == NAMES[0] else {}) for name in NAMES]
    assert gate(made(*entries), base)["judged"]


def test_an_unknown_machine_or_substrate_is_not_judged(tmp_path: Path) -> None:
    """Missing data on the machine or the substrate never counts as equal."""
    base = kept(suite(), tmp_path)
    unknown = made(*(entry(name, attempts=attempts([full("r", name)], name, {})) for name in NAMES))
    assert (
        "can't be told: starting the load, a page in steady state, lag" in gate(unknown, base)["reasons"][0]
    )
    assert "made on docker" in gate(suite(), base | {"substrate": "docker"})["reasons"][0]


def test_only_a_judged_suite_can_be_a_baseline() -> None:
    """A failed suite may become a baseline; an inconclusive, interrupted or incomplete one may not."""
    assert unfit(made(entry())) == unfit(made(entry(ttrs=[5.0, inf]))) == ""
    assert "exit status 3" in unfit(made(entry(), entry("late", [], trials=1, missing="time was up")))
    assert "exit status 130" in unfit(made(entry(), interrupted=True))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "can't be read"),
        ("[]", "isn't gameday/baseline/v1"),
        ('{"schema": "gameday/baseline/v1"}', "isn't whole"),
        (
            '{"schema": "gameday/baseline/v1", "scenarios": {"a": {"ttr_s": [1], "ttd_s": ["x"]}}}',
            "isn't whole",
        ),
        (
            '{"schema": "gameday/baseline/v1", "scenarios": {"a": {"ttr_s": [-1], "ttd_s": []}}}',
            "isn't whole",
        ),
    ],
)
def test_a_file_that_is_no_baseline_is_refused(content: str, message: str, tmp_path: Path) -> None:
    """An invalid file is rejected with the problem, before anything runs."""
    path = tmp_path / "b.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read(path)
    with pytest.raises(ValueError, match="can't be read"):
        read(tmp_path / "none.json")


def test_a_run_has_the_speed_of_its_machine(tmp_path: Path) -> None:
    """Speed is the load's start-up time, the median of good answers in steady state, and the
    outcome's lag."""
    story = Story().begin().add(2.6, "load.started").deploy(18.0, 19.0).finish()
    requests = steadily()
    for request in requests:
        request.took = 0.012 if request.planned < 15.0 else 0.5
    folder = write(tmp_path / "run", story, requests)
    result = machine_speed(folder, Outcome.model_validate(outcome() | {"lag_p95_s": 0.02}))
    assert result.document() == {
        "probe_s": None,
        "start_s": pytest.approx(0.6),
        "base_p50_s": pytest.approx(0.012),
        "lag_p95_s": 0.02,
    }
    early = write(tmp_path / "early", Story().add(0.0, "run.started"), [])
    assert machine_speed(early, Outcome.model_validate(outcome())).document() == {
        "probe_s": None,
        "start_s": None,
        "base_p50_s": None,
        "lag_p95_s": None,
    }


def test_a_gate_is_json(tmp_path: Path) -> None:
    """The result is JSON without infinities or NaN for any trials."""
    base = kept(made(entry(ttrs=[inf] * 6)), tmp_path)
    json.dumps(gate(made(entry(ttrs=[None] * 6)), base), allow_nan=False)


def test_times_of_a_crowded_machine_are_neither_judged_nor_kept(tmp_path: Path) -> None:
    """On a crowded machine the exit status is 3 with a reason and no command, even if times equal
    the baseline."""
    base, why = kept(suite(), tmp_path), "times were measured on a crowded machine: 4 runs at once"
    crowded = suite() | {"crowded": why, "at_once": 4}
    result = gate(crowded, base)
    assert (result["exit_status"], result["judged"], result["commands"]) == (3, False, [])
    assert why in result["reasons"][0]
    assert "without --crowded" in result["reasons"][0]
    assert unfit(crowded) == why


def test_a_baseline_is_compared_only_with_as_many_concurrent_runs(tmp_path: Path) -> None:
    """Concurrent runs aren't compared with runs alone; a baseline without the key was made alone."""
    base = kept(suite(), tmp_path)
    assert gate(suite() | {"at_once": 1}, base)["exit_status"] == 0
    result = gate(suite() | {"at_once": 2}, base)
    assert (result["exit_status"], result["judged"]) == (3, False)
    assert "made with --at-once 1, this suite with --at-once 2" in result["reasons"][0]


def probed(factor: float, machine: float, count: int = 8) -> dict[str, Any]:
    """Return a suite of one scenario whose outages last `factor` times as long, on a machine `machine` times as slow."""
    outcomes = []
    for i in range(count):
        document = full(f"bad-deploy-{i}", ttr=factor * (5.0 + i / 20), seed=i)
        document["run"]["probe_s"] = machine * (0.1 + i / 2000)
        outcomes.append(document)
    return made(entry(ttrs=SIX, trials=count, attempts=attempts(outcomes, "bad-deploy")))


@pytest.mark.parametrize(
    ("factor", "machine", "status"),
    [
        (1.0, 1.0, 0),
        (1.18, 1.18, 3),  # as slow as its machine: it may or may not be the machine
        (2.0, 1.25, 1),  # slower than any machine explains
        (1.0, 1.25, 0),
        (1.18, 0.83, 1),  # slower on a faster machine
        (0.98, 0.83, 3),
        (1.6, 1.0, 1),
    ],
)
def test_a_judgement_has_to_hold_whatever_the_machine_did(
    factor: float, machine: float, status: int, tmp_path: Path
) -> None:
    """A regression is one whether the machine's speed slowed it fully or not at all; else nothing is judged."""
    result = gate(probed(factor, machine), kept(probed(1.0, 1.0), tmp_path))
    assert result["exit_status"] == status
    assert bool(result["commands"]) == (status == 3)
    if status == 3:
        assert "that difference alone decides whether this is a regression" in result["reasons"][0]
