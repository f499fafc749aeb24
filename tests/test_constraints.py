"""constraints.txt, the image's requirements.txt, NOTICE, workflows: one version of everything, with hashes and a licence."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.github_workflow import WORKFLOWS, read, scripts
from tests.support.nonempty_all import nonempty_all
from tests.support.paths import ROOT

LINE = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;\\]+)(?: ; (?P<marker>[^\\]+?))? \\$", re.MULTILINE
)
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}(?: \\)?$")
ACTION = re.compile(r"^\s*(?:- )?uses: (\S+?)@([0-9a-f]{40}) # v\d+\.\d+\.\d+$")
CURE = "run scripts/constraints, then scripts/notice"
TEXT = (ROOT / "constraints.txt").read_text(encoding="utf-8")
IMAGE = (ROOT / "compose/requirements.txt").read_text(encoding="utf-8")
PYTHONS = ("3.11", "3.12", "3.13")


def pinned(python: str) -> dict[str, str]:
    """Return name → version for a Python on Linux."""
    environment = {
        "python_version": python, "python_full_version": f"{python}.9", "sys_platform": "linux", "os_name": "posix",
        "implementation_name": "cpython", "platform_python_implementation": "CPython", "platform_system": "Linux",
    }  # fmt: skip
    return {
        canonicalize_name(match["name"]): match["version"]
        for match in LINE.finditer(TEXT)
        if not match["marker"] or Marker(match["marker"]).evaluate(environment)
    }


def dependencies() -> Iterator[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for text in (*project["project"]["dependencies"], *project["build-system"]["requires"], "editables"):
        yield Requirement(text)


@pytest.mark.parametrize("python", PYTHONS)
def test_each_dependency_has_a_version_that_is_allowed(python: str) -> None:
    """Every dependency of the package and of its build is listed, at a version that pyproject.toml allows."""
    versions = pinned(python)
    for dependency in dependencies():
        name = canonicalize_name(dependency.name)
        assert name in versions, f"{name} isn't in constraints.txt: {CURE}"
        assert versions[name] in dependency.specifier, f"{name} {versions[name]}: {CURE}"


@pytest.mark.parametrize(("text", "least"), [(TEXT, 50), (IMAGE, 15)], ids=["constraints", "image"])
def test_each_version_has_hashes(text: str, least: int) -> None:
    """pip refuses files without one of these hashes; a line without any would let every file pass."""
    blocks = re.split(r"^(?=[A-Za-z0-9])", text.partition("\n")[2], flags=re.MULTILINE)[1:]
    assert len(blocks) > least
    for block in blocks:
        first, *hashes = block.strip("\n").split("\n")
        assert LINE.match(first), first
        assert hashes, first
        assert [line for line in hashes if not HASH.match(line)] == []


def test_the_image_has_the_versions_of_the_runner() -> None:
    """The image installs what requirements.in names, at the versions and with the hashes of constraints.txt."""
    blocks = re.split(r"^(?=[A-Za-z0-9])", IMAGE.partition("\n")[2], flags=re.MULTILINE)[1:]
    for block in blocks:
        version, _, hashes = block.strip("\n").partition("\n")
        assert f"{version}\n{hashes}\n" in TEXT, f"{version}: {CURE}"
    for line in (ROOT / "compose/requirements.in").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            requirement = Requirement(line)
            versions = {canonicalize_name(each["name"]): each["version"] for each in LINE.finditer(IMAGE)}
            assert versions[canonicalize_name(requirement.name)] in requirement.specifier, line


def test_workflows_name_actions_by_commit() -> None:
    """A tag can be moved to other code; a commit can't."""
    for path in (*WORKFLOWS, ROOT / "docs/gate-ci/github-workflow.yml"):
        uses = [line for line in path.read_text(encoding="utf-8").splitlines() if "uses:" in line]
        assert uses
        assert [line for line in uses if not ACTION.match(line)] == [], path.name


def test_workflows_install_by_hash() -> None:
    """Each job of the resilience workflow installs constraints.txt before it installs the package."""
    for _, script in (pair for path in WORKFLOWS for pair in scripts(read(path))):
        installs = re.findall(r"pip install -q ([^&\n]+)", script)
        if not installs:
            continue
        assert nonempty_all(re.fullmatch(r"-r (base/)?constraints\.txt ?", each) for each in installs[::2])
        assert nonempty_all(
            re.fullmatch(r"--no-build-isolation \./?(base)?", each) for each in installs[1::2]
        )
        assert len(installs) % 2 == 0


def test_the_readme_installs_by_hash() -> None:
    """The README's commands and CONTRIBUTING install constraints.txt before the package itself."""
    for name in ("README.md", "CONTRIBUTING.md"):
        installs = re.findall(r"pip install -q [^&`\n]+", (ROOT / name).read_text(encoding="utf-8"))
        assert installs[0].strip() == "pip install -q -r constraints.txt", name


def test_each_package_has_a_licence() -> None:
    """NOTICE lists what constraints.txt lists."""
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    for match in LINE.finditer(TEXT):
        assert f"\n{match['name']} " in notice, f"{match['name']}: {CURE}"
    assert "not stated" not in notice
