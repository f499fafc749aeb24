"""The plug-in of tests/plugin, installed for real: its fault, its detector and its policy, without a fork."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gameday.recording.journal import read_journal
from tests.support.plugins import PLUGIN, install_plugin, run_gameday, with_plugin

SCENARIO = PLUGIN / "stalled.yaml"
MISSPELT = (
    (
        ("detector: acme-streak", "detector: acme-streek", "12:16: unknown detector 'acme-streek'"),
        ("acme.stall:", "acme.stal:", "14:14: unknown action 'acme.stal'"),
        ("policy: acme-restart", "policy: acme-restrat", "15:29: unknown policy 'acme-restrat'"),
    ),
    (
        ("length: 3", "lenght: 3", "12:51: unknown key 'lenght'"),
        ("service: pricing", "service: prcing", "14:36: there is no service 'prcing' in this system"),
    ),
)
"""Files with mistakes: what stands in the right one, what in the wrong one, the error."""
RECOVERY = """
def test_recovery(gameday):
    outcome = gameday.run({scenario!r}, substrate="process")
    assert outcome.passed and outcome.ttr_s < 30
    assert outcome.report.is_file()
"""
HINTS = ("acme-streak", "acme.stall", "acme-restart", "length", "pricing")

ACT = """
import sys
from gameday import registries
from gameday.detect import make
from gameday.operations import Alert
from gameday.ports import View
from gameday.responders.auto import Auto
from gameday.scenario import Slo
from gameday.scenario.scenario_model import Detection
sys.path.insert(0, sys.argv[1])
from tests.support.fake_arena import FakeSystem, World, topology

world = World(FakeSystem(topology(), None))
substrate = world.system.substrate
spec = registries.FAULTS["acme.stall"].model_validate({"service": "pricing", "region": "us-east"})
fault = spec.bind(world.arena)
fault.inject(lambda seconds: True)
print(sorted(substrate.frozen))
from gameday.faults import rebuild
rebuild(fault.undo(), world.arena).revert()
print(sorted(substrate.frozen))

slo = Slo.model_validate({"name": "a", "sli": "availability", "objective": "99%"})
detection = Detection.model_validate({"detector": "acme-streak", "params": {"length": 2}})
fold = make(detection, slo, 0.001, 10.0)
print([fold.observe(t, good) for t, good in enumerate([False, True, False, False, False])])

page = Alert("a1", 3.0, "acme-streak", "client", True, "a", "two bad ones in a row")
print([(o.name, o.target, o.by) for o in Auto("acme-restart").poll(View(3.1, (page,)))])
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the plug-in is installed."""
    folder = tmp_path_factory.mktemp("plugin") / "site"
    install_plugin(folder)
    return folder


def test_its_scenario_is_valid(installed: Path, tmp_path: Path) -> None:
    """`gameday validate` accepts it, and the JSON Schema lists all three, for editors."""
    assert run_gameday("validate", SCENARIO, env=with_plugin(installed)) == (0, f"{SCENARIO}: ok\n", "")
    status, printed, _ = run_gameday("schema", env=with_plugin(installed))
    schema = json.loads(printed)
    assert status == 0
    assert schema["$defs"]["action-acme.stall"]["required"] == ["service", "region"]
    assert "acme-streak" in schema["$defs"]["Detection"]["properties"]["detector"]["enum"]
    assert "acme-restart" in json.dumps(schema["$defs"]["Respond"]["properties"]["policy"])


def test_misspelt_names_are_explained_at_their_lines(installed: Path, tmp_path: Path) -> None:
    """Names and keys of a plug-in are checked as the built-in ones are, with the nearest name as a hint."""
    paths = [tmp_path / f"{number}.yaml" for number, _ in enumerate(MISSPELT)]
    for path, mistakes in zip(paths, MISSPELT, strict=True):
        text = SCENARIO.read_text(encoding="utf-8")
        for right, wrong, _ in mistakes:
            assert right in text
            text = text.replace(right, wrong)
        path.write_text(text, encoding="utf-8")
    status, _, errors = run_gameday("validate", *paths, env=with_plugin(installed))
    assert status == 2
    expected = [
        f"{path}:{error}" for path, errors in zip(paths, MISSPELT, strict=True) for *_, error in errors
    ]
    assert [line.removeprefix("error: ") for line in errors.splitlines() if ".yaml" in line] == expected
    assert [line.strip() for line in errors.splitlines() if "hint:" in line] == [
        f"hint: did you mean {name!r}?" for name in HINTS
    ]


def test_uninstalled_its_scenario_is_refused_at_its_lines() -> None:
    """Without the plug-in each of its names is unknown, and nothing else is wrong."""
    status, _, errors = run_gameday("validate", SCENARIO, env=with_plugin(Path("/nowhere")))
    assert status == 2
    assert [line.partition("stalled.yaml:")[2] for line in errors.splitlines() if "stalled.yaml" in line] == [
        "12:16: unknown detector 'acme-streak'",
        "14:14: unknown action 'acme.stall'",
        "15:29: unknown policy 'acme-restart'",
    ]
    assert errors.splitlines()[-1] == "3 errors"


def test_it_acts_on_fakes(installed: Path) -> None:
    """The fault freezes every instance and is reverted from its record; the detector pages; the policy restarts."""
    command = [sys.executable, "-c", ACT, str(PLUGIN.parents[1])]
    ended = subprocess.run(command, env=with_plugin(installed), capture_output=True, text=True, check=False)
    assert ended.stdout.splitlines() == [
        "['us-east.pricing.1', 'us-east.pricing.2']",
        "[]",
        "[False, False, False, True, False]",
        "[('ack', 'a1', 'auto'), ('restart', 'pricing', 'auto')]",
    ], ended.stderr


def test_a_broken_plug_in_is_one_message(installed: Path, tmp_path: Path) -> None:
    """Its scenario is refused at the line that names it, with the distribution; other scenarios aren't affected."""
    site = shutil.copytree(installed, tmp_path / "site")
    (site / "acme_gameday/streak.py").write_text("import no_such_module\n", encoding="utf-8")
    status, _, errors = run_gameday("validate", SCENARIO, env=with_plugin(site))
    assert status == 2
    assert "stalled.yaml:12:16: the detector 'acme-streak' of the distribution acme-gameday 1.0" in errors
    assert "No module named 'no_such_module'" in errors
    assert "Traceback" not in errors
    assert run_gameday("validate", "bad-deploy-pricing", env=with_plugin(site))[0] == 0


@pytest.fixture
def room() -> Iterator[Path]:
    """A folder that every user can reach: pytest's own are private, and Postgres never runs as root."""
    with tempfile.TemporaryDirectory(prefix="gameday-plugin-", dir="/var/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def run_pytest(installed: Path, home: Path) -> tuple[int, str]:
    """Run a test that uses the fixture `gameday` in a session of its own; return exit status and output."""
    home.mkdir(mode=0o755)
    (home / "test_recovery.py").write_text(RECOVERY.format(scenario=str(SCENARIO)), encoding="utf-8")
    environment = with_plugin(installed) | {"XDG_STATE_HOME": str(home / "state")}
    command = [sys.executable, "-m", "pytest", "-rs", "--basetemp", str(home / "tmp"), "test_recovery.py"]
    done = subprocess.run(
        command, cwd=home, env=environment, capture_output=True, text=True, timeout=200, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.e2e
@pytest.mark.full
@pytest.mark.timeout(420)
def test_a_whole_run_uses_all_three(installed: Path, room: Path) -> None:
    """The plug-in's fault is injected, its detector pages, its policy restarts the service and ends the outage.

    The run is one of the pytest fixture, which gives the outcome and where the report is.
    """
    for attempt in ("first", "again"):
        code, printed = run_pytest(installed, room / attempt)
        if " skipped" not in printed:  # an inconclusive run: a stall of the machine proves nothing
            break
    assert code == 0, printed
    assert "1 passed" in printed
    (folder,) = (path.parent for path in (room / attempt).rglob("outcome.json"))
    outcome = json.loads((folder / "outcome.json").read_text(encoding="utf-8"))
    assert [(fault["kind"], fault["target"]) for fault in outcome["faults"]] == [
        ("acme.stall", "us-east.pricing")
    ]
    assert outcome["alerts"][0]["detector"] == "acme-streak"
    assert outcome["alerts"][0]["pages"]
    assert ("restart", "pricing") in [(row["name"], row["target"]) for row in outcome["operations"]]
    assert outcome["ended_by"] == "responder"
    assert outcome["responder"]["policy"] == "acme-restart"
    kinds = [event.kind for event in read_journal(folder / "journal.jsonl")]
    assert kinds.index("fault.injected") < kinds.index("alert.raised") < kinds.index("operation.done")
