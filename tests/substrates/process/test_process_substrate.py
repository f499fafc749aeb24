"""Process-only behaviour: a names table, a guard, ports that other programs may take, and no
isolation."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from gameday.ports import Isolation, PortError, Release, Substrate
from gameday.substrates.process.name_table import Table
from gameday.substrates.process.process_substrate import ProcessSubstrate
from gameday.substrates.process.runtime_folder import enterable, existing, remove, runtime_folder
from gameday.topology import Template
from tests.support.paths import ROOT, SOURCE_PATH
from tests.support.substrate_lab import ProcessLab, Runs, ask, link, release
from tests.support.waiting import until

RUNNER = """
import sys, pathlib
from tests.support.substrate_lab import ProcessLab, Runs
lab = ProcessLab(pathlib.Path(sys.argv[1]))
runs = Runs(lab, lab.substrate("guarded-" + sys.argv[2]))
runs.ask(runs.start("web"), "/fork")
print("up", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[ProcessLab]:
    process_lab = ProcessLab(tmp_path)
    yield process_lab
    process_lab.close()


@pytest.fixture
def runs(lab: ProcessLab) -> Runs:
    return Runs(lab, lab.substrate())


def test_minimal_environment(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """An instance sees its release's tree, what the compose file declares, and almost none of the
    runner's environment."""
    monkeypatch.setenv("SECRET_OF_THE_RUNNER", "x")
    environment = runs.ask(runs.start("web"), "/environment")
    assert set(environment) - {"LC_CTYPE"} <= {
        *("PATH", "HOME", "LANG", "PYTHONUNBUFFERED", "PYTHONPATH", "PYTHONSAFEPATH"),
        *("GAMEDAY_RUN", "GAMEDAY_INSTANCE"),
        *("REGION", "RELEASE", "INSTANCE"),
    }
    assert environment["PYTHONPATH"] == str(release(runs.lab.topology.service("us-east", "web")).tree)
    assert environment["GAMEDAY_RUN"] == runs.lab.run_id


def test_data_and_template(runs: Runs) -> None:
    """A database gets its volume and the callable's template; the volume is below the run's `work`
    folder.

    If Postgres' account can't enter that, the volume is in the run's folder below the system's
    temporary folder.
    """
    environment = runs.ask(runs.start("store"), "/environment")
    work = runs.lab.folder / runs.lab.run_id / "work"
    home = work if enterable(work / "volumes") else runtime_folder(runs.lab.run_id)
    assert environment["DATA_DIR"] == str(home / "volumes" / "us-east-store-data")
    assert environment["TEMPLATE_DIR"] == str(runs.lab.folder)
    runs.substrate.close()
    assert not work.exists()
    assert list(existing(runs.lab.run_id)) == []


def test_names_file(lab: ProcessLab) -> None:
    """The hook gives the table to an external link server; `upstream` is one of its keys."""
    results: list[dict[str, Sequence[str]]] = []
    substrate = ProcessSubstrate(
        lab.run_id,
        lab.topology,
        lab.folder,
        lambda: lab.folder,
        names_changed=lambda table: results.append(dict(table)),
    )
    lab.made.append(substrate)
    substrate.open()
    runs = Runs(lab, substrate)
    instance = runs.start("web", "eu-west")
    host, port = substrate.address(instance)
    assert results[-1] == {substrate.upstream(link("edge", "eu-west")): (f"{host}:{port}",)}
    assert json.loads((lab.folder / "work" / "names.json").read_text()) == {
        "web.eu-west:8000": [f"{host}:{port}"]
    }
    substrate.kill(instance)
    assert results[-1] == {"web.eu-west:8000": ()}


def test_a_stopped_instance_leaves_the_names_table_first(lab: ProcessLab) -> None:
    """A stopped instance leaves the names table before it gets its signal, so that no new caller
    finds a closed port."""
    answered: list[str] = []
    addresses: list[tuple[str, int]] = []

    def changed(table: Table) -> None:
        if table.get("web.us-east:8000") == ():
            answered.append(ask(addresses[0], "/healthz")["release"])

    substrate = ProcessSubstrate(
        lab.run_id, lab.topology, lab.folder, lambda: lab.folder, names_changed=changed
    )
    lab.made.append(substrate)
    substrate.open()
    instance = Runs(lab, substrate).start("web")
    addresses.append(substrate.address(instance))
    substrate.stop(instance, 5)
    assert answered == ["web-1.0.0"]


def test_link_command(lab: ProcessLab) -> None:
    """A given command for link servers replaces the compose file's."""
    given: list[tuple[str, int, Path]] = []

    def command(host: str, port: int, names: Path) -> list[str]:
        given.append((host, port, names))
        return [sys.executable, "-m", "tiny", "--host", host, "--port", str(port)]

    substrate = ProcessSubstrate(
        lab.run_id, lab.topology, lab.folder, lambda: lab.folder, link_command=command, ready_within=10
    )
    lab.made.append(substrate)
    substrate.open()
    links = Runs(lab, substrate).start("links")
    assert given == [(*substrate.address(links), lab.folder / "work" / "names.json")]


def test_the_runner_itself_needs_no_tree(lab: ProcessLab) -> None:
    """An instance without a release tree imports the runner's own package."""
    service = replace(
        lab.topology.service("us-east", "web"),
        command=(Template("python"), Template("-c"), Template("import gameday")),
    )
    with pytest.raises(PortError, match=r"ended before it was ready \(exit status 0\); its log is empty"):
        lab.substrate().start(service, Release("web", "web", None), {})


def test_taken_port(lab: ProcessLab) -> None:
    """If another program takes the port first, the start is retried with the next port."""
    substrate = lab.substrate()
    first_fails = (
        "import os, pathlib, runpy, sys\n"
        "mark = pathlib.Path('tried')\n"
        "sys.argv = ['tiny', '--port', sys.argv[1]]\n"
        "if mark.exists(): runpy.run_module('tiny', run_name='__main__')\n"
        "mark.touch()\n"
        "raise OSError(98, 'Address already in use')\n"
    )
    service = replace(
        lab.topology.service("us-east", "web"),
        command=(Template("python"), Template("-c"), Template(first_fails), Template("${PORT:-0}")),
    )
    instance = substrate.start(service, release(service), {})
    assert Runs(lab, substrate).ask(instance, "/healthz")["instance"] == "us-east.web.1"


def test_unknown_command(lab: ProcessLab) -> None:
    """A missing command is one clear error."""
    service = replace(lab.topology.service("us-east", "web"), command=(Template("no-such-program"),))
    with pytest.raises(PortError, match=r"us-east\.web\.1 .* can't be started: .*no-such-program"):
        lab.substrate().start(service, release(service), {})


def test_regions_are_not_cut_off(runs: Runs) -> None:
    """The process substrate lacks the capability of isolation, since processes have no networks:
    faults act on links."""
    assert not isinstance(runs.substrate, Isolation)


def test_unwritable_folder(lab: ProcessLab) -> None:
    """A run folder that can't be made is one clear error."""
    (lab.folder / "file").touch()
    substrate: Substrate = ProcessSubstrate(lab.run_id, lab.topology, lab.folder / "file", lambda: lab.folder)
    with pytest.raises(PortError, match="can't write"):
        substrate.open()
    assert list(substrate.close()) == []


def test_killed_runner(lab: ProcessLab) -> None:
    """If the runner is killed, its processes end, also those that left their session."""
    words = [sys.executable, "-c", RUNNER, str(lab.folder), lab.run_id]
    with subprocess.Popen(
        words,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": SOURCE_PATH},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as runner:
        assert runner.stdout
        assert runner.stdout.readline() == b"up\n"
        assert len(lab.traces(f"guarded-{lab.run_id}")) == 2
        runner.send_signal(signal.SIGKILL)
    until(lambda: not lab.traces(f"guarded-{lab.run_id}"), "every process of the killed runner ends")
    for folder in existing(f"guarded-{lab.run_id}"):
        assert remove(folder)  # a reaper's work
