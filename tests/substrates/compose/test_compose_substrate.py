"""A Compose project on a real engine: brought up or attached to, broken, changed, and left as it was found."""

from __future__ import annotations

import hashlib
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import docker.errors
import pytest
import requests

from gameday.execution.own.own_wiring import own_topology
from gameday.host.http_client import direct_session
from gameday.ports import Instance, PortError
from gameday.scenario import System
from gameday.substrates.compose.compose_kind import KIND
from gameday.substrates.compose.compose_program import compose_program
from gameday.substrates.compose.compose_substrate import ComposeSubstrate
from gameday.substrates.docker.docker_client import connect
from gameday.substrates.substrate_kind import Traces
from tests.support.compose_projects import FILES, PROJECTS
from tests.support.docker_engine import require_docker
from tests.support.paths import ROOT

pytestmark = [pytest.mark.docker, pytest.mark.full, pytest.mark.timeout(200)]
SMALL = ROOT / "tests/compose-files/small"


@pytest.fixture(autouse=True)
def _engine() -> None:
    require_docker()
    try:
        compose_program()
    except PortError as error:
        pytest.skip(str(error))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the small project in a folder of its own."""
    return Path(shutil.copytree(SMALL, tmp_path / "project"))


@pytest.fixture
def stranger() -> Iterator[str]:
    """A container of another project, whose name and labels look alike."""
    client: Any = connect()
    labels = {"com.docker.compose.service": "api", "com.docker.compose.project": "someone-else"}
    container = client.create_container("gameday-python:bookworm", ["sleep", "600"], labels=labels)["Id"]
    client.start(container)
    yield container
    assert client.inspect_container(container)["State"]["Running"]
    client.remove_container(container, force=True)
    client.close()


def substrate(folder: Path, run: Path, **system: Any) -> ComposeSubstrate:
    """Return the substrate of a run on the project in `folder`."""
    run.mkdir(exist_ok=True)
    spec = System.model_validate(
        {
            "entry": {"service": "web", "port": 8000},
            "ready": {"within": "60s"},
            "folder": str(folder),
            **system,
        }
    )
    return ComposeSubstrate(run.name, own_topology(spec), spec, run)


def one(of: ComposeSubstrate, service: str) -> Instance:
    """Return the one running instance of a service."""
    (instance,) = (instance for instance in of.instances() if instance.service == service)
    return instance


def works(of: ComposeSubstrate) -> bool:
    """Return whether the project's page answers with status 200 in time."""
    try:
        return int(direct_session().get(of.url(), timeout=3).status_code) == 200
    except requests.RequestException:
        return False


def digests(folder: Path) -> dict[str, str]:
    """Return the digest of every file of the project."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_project_is_brought_up_broken_changed_and_removed(
    project: Path, tmp_path: Path, stranger: str
) -> None:
    """Faults hit its containers by label, Compose ships changes, and nothing of it is left; its files are unchanged."""
    before = digests(project)
    run = tmp_path / f"run-{secrets.token_hex(3)}"
    acting = substrate(project, run, compose={})
    try:
        acting.open()
        assert sorted(instance.service for instance in acting.instances()) == ["api", "web"]
        assert (works(acting), list(acting.died()), acting.restored()) == (True, [], True)
        api = one(acting, "api")
        acting.kill(api)
        assert [instance.service for instance in acting.instances()] == ["web"]
        assert (list(acting.died()), works(acting), acting.restored()) == ([], False, False)
        assert [instance.id for instance in acting.revive(("local", "api"))] == [api.id]
        acting.pause(api)
        assert not works(acting)
        acting.resume(api)
        acting.resume(api)
        acting.limit(api, cpus=0.5, memory=2**26)
        acting.unlimit(api)
        assert (works(acting), acting.restored()) == (True, True)
        acting.ship("c1", {"environment": {"FAIL": "1"}}, "api", "bad")
        assert (one(acting, "api").release, one(acting, "api").id != api.id) == ("bad", True)
        assert not works(acting)
        acting.ship("c2", None, "api", "good")
        acting.await_ready()
        assert (works(acting), one(acting, "api").release) == (True, "good")
    finally:
        left = acting.close()
    assert list(left) == []
    client: Any = connect()
    label = {"label": f"gameday.run={run.name}"}
    assert client.containers(all=True, filters=label) + client.networks(filters=label) == []
    client.close()
    assert digests(project) == before


def test_a_project_that_is_attached_to_is_left_as_it_was_found(
    project: Path, tmp_path: Path, stranger: str
) -> None:
    """After the runner's death the reaper reverts faults and changes by what is on disk, and the project stays up."""
    name, run = f"attached-{secrets.token_hex(3)}", tmp_path / "20260102-030405-ab12"
    compose = [*compose_program(), "--file", str(project / "compose.yaml"), "--project-name", name]
    subprocess.run([*compose, "up", "--detach"], check=True, capture_output=True, timeout=120)
    try:
        acting = substrate(project, run, attach={"project": name})
        acting.open()
        api, web = one(acting, "api"), one(acting, "web")
        acting.ship("c1", {"environment": {"FAIL": "1"}}, "api", "bad")
        assert one(acting, "api").id != api.id
        acting.limit(web, cpus=0.5)
        acting.pause(web)
        cleared = KIND.reap([Traces(run.name, run)], 30.0)[run.name]
        assert cleared.left == []
        acting.await_ready()
        assert works(acting)
        client: Any = connect()
        environment = client.inspect_container(acting.view.container(one(acting, "api")))["Config"]["Env"]
        client.close()
        assert "FAIL=1" not in (environment or [])
        assert one(acting, "web").id == web.id
        again = KIND.reap([Traces(run.name, run)], 30.0)[run.name]
        assert again.left == []
        assert list(acting.close()) == []
        assert len(acting.instances()) == 2
    finally:
        subprocess.run([*compose, "down", "--volumes"], check=True, capture_output=True, timeout=120)


@pytest.mark.parametrize("when", ["before the start", "while it runs"])
def test_a_volume_of_a_stranger_stays(project: Path, tmp_path: Path, when: str) -> None:
    """A volume of the project's name is neither taken over nor removed; the run's own are removed."""
    name = f"stranger-{secrets.token_hex(3)}"
    client: Any = connect()
    if when == "before the start":
        client.create_volume(name, labels={"com.docker.compose.project": "someone-else"})
    with (project / "compose.yaml").open("a", encoding="utf-8") as file:
        file.write("    volumes: ['data:/data', '/nameless']\n")
        file.write(f"volumes: {{data: {{name: {name}}}, other: {{name: {name}-other}}}}\n")
    text = (project / "compose.yaml").read_text(encoding="utf-8")
    (project / "compose.yaml").write_text(
        text.replace("profiles: [more]", "command: [sleep, '600']"), encoding="utf-8"
    )
    acting = substrate(project, tmp_path / f"run-{secrets.token_hex(3)}", compose={})
    before = {volume["Name"] for volume in client.volumes()["Volumes"] or ()}
    other = f"{name}-other"
    try:
        if when == "before the start":
            with pytest.raises(PortError, match=name):
                acting.open()
        else:
            acting.open()
            client.create_volume(other, labels={"com.docker.compose.project": "someone-else"})
    finally:
        left = acting.close()
    after = {volume["Name"] for volume in client.volumes()["Volumes"] or ()}
    for volume in (name, other):
        with suppress(docker.errors.NotFound):
            client.remove_volume(volume)
    client.close()
    expected = before if when == "before the start" else before | {other}
    assert (list(left), after) == ([], expected)


RUNNING = {
    "anchors": ["web", "worker"],
    "extends": ["web"],
    "profiles": ["extra", "web"],
    "several-files": ["web"],
    "small": ["api", "web"],
}
"""Project → its services that run once it is ready; jobs have ended. `everything` is only read so far."""


@pytest.mark.parametrize("name", RUNNING)
def test_a_project_of_each_kind_comes_up_and_is_removed(name: str, tmp_path: Path) -> None:
    """Compose starts it unmodified: every service runs as its files say, none of the files changes, nothing is left."""
    folder = Path(shutil.copytree(FILES / name, tmp_path / "project"))
    before = digests(folder)
    run = tmp_path / f"run-{secrets.token_hex(3)}"
    ready, spec = {"command": ["true"], "within": "60s"}, PROJECTS[name].model_dump(by_alias=True)
    acting = substrate(folder, run, compose=spec, entry="http://127.0.0.1:9", ready=ready)
    client: Any = connect()
    label = {"label": f"gameday.run={run.name}"}
    try:
        acting.open()
        assert sorted(instance.service for instance in acting.instances()) == RUNNING[name]
        assert acting.restored()
    finally:
        assert list(acting.close()) == []
    assert client.containers(all=True, filters=label) + client.networks(filters=label) == []
    assert client.volumes(filters=label)["Volumes"] in (None, [])
    client.close()
    assert digests(folder) == before


def test_an_attached_project_is_rebuilt_as_it_was_started(project: Path, tmp_path: Path) -> None:
    """Its folder, environment file and scale hold for a deploy and its undo."""
    name, run = f"scaled-{secrets.token_hex(3)}", tmp_path / f"run-{secrets.token_hex(3)}"
    (project / "deploy").mkdir()
    text = (project / "compose.yaml").read_text(encoding="utf-8")
    text = text.replace(
        "  api:\n    <<: *service\n", "  api:\n    <<: *service\n    environment: {MARK: '${MARK:-}'}\n"
    )
    (project / "deploy/compose.yaml").write_text(text, encoding="utf-8")
    (project / "prod.env").write_text("MARK=prod\n", encoding="utf-8")
    compose = [*compose_program(), "--project-directory", str(project), "--project-name", name]
    compose += ["--file", str(project / "deploy/compose.yaml"), "--env-file", str(project / "prod.env")]
    up = [*compose, "up", "--detach", "--scale", "api=2"]
    subprocess.run(up, check=True, capture_output=True, timeout=120)
    client: Any = connect()
    try:
        acting = substrate(project, run, attach={"project": name})
        acting.open()
        for release, change in (("bad", {"environment": {"FAIL": "1"}}), ("good", None)):
            acting.ship("c1", change, "api", release)
            apis = [instance for instance in acting.instances() if instance.service == "api"]
            assert len(apis) == 2
            for api in apis:
                assert "MARK=prod" in client.inspect_container(acting.view.container(api))["Config"]["Env"]
        assert list(acting.close()) == []
    finally:
        client.close()
        subprocess.run([*compose, "down", "--volumes"], check=True, capture_output=True, timeout=120)


def test_a_service_that_does_not_come_up_is_named_with_its_log(project: Path, tmp_path: Path) -> None:
    """The error has the service, its state and the end of its log; nothing is left."""
    text = (project / "compose.yaml").read_text(encoding="utf-8")
    broken = text.replace(
        "  web:\n    <<: *service\n",
        "  web:\n    <<: *service\n    restart: 'no'\n    entrypoint: [sh, -c, 'echo no licence; exit 7']\n",
    )
    assert broken != text
    (project / "compose.yaml").write_text(broken, encoding="utf-8")
    acting = substrate(
        project, tmp_path / "run-broken", compose={}, ready={"within": "3s"}, entry="http://127.0.0.1:9"
    )
    try:
        with pytest.raises(PortError, match=r"(?s)web: Exited \(7\).*no licence"):
            acting.open()
    finally:
        assert list(acting.close()) == []
