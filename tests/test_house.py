"""The house: rooms, the direction of imports, sizes and names, all read from the source."""

import ast
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.paths import ROOT

SOURCES = {"gameday": ROOT / "runner", "gameday_reports": ROOT / "reports", "storefront": ROOT / "compose"}
"""Import package → its source root."""
GROUND = {"host", "operations", "recording", "registries", "scenario", "topology"}
ADAPTERS = {
    "changes",
    "detect",
    "faults",
    "links",
    "load",
    "operator_api",
    "paging",
    "responders",
    "substrates",
    "telemetry",
}
BELOW_EXECUTION = {"analysis", "calibrate", "console", "ports", "reaper", "run", "slo", "system"}
ALLOWED: dict[str, set[str]] = {
    "host": set(),
    "operations": set(),
    "recording": {"operations"},
    "registries": set(),  # built-ins are dotted names there, so that scenario models can check names against them
    "scenario": {"recording", "registries"},
    "topology": {"scenario"},
    "ports": GROUND,
    "slo": {"recording", "scenario"},
    **{name: {"ports", "slo"} | GROUND for name in ADAPTERS},
    "responders": {"operations", "ports", "registries"},
    "detect": {"ports", "registries", "scenario", "slo"},
    "system": {"ports"} | GROUND,
    "run": {"ports", "slo", "system"} | GROUND,
    "analysis": {"slo"} | GROUND,
    "console": {"analysis", "run", "gameday_reports"} | GROUND,
    "reaper": {"ports", "substrates"} | GROUND,
    "calibrate": ADAPTERS | {"ports", "slo", "system"} | GROUND,
    "execution": ADAPTERS | BELOW_EXECUTION | GROUND | {"gameday_reports"},
    "cli": ADAPTERS | BELOW_EXECUTION | GROUND | {"execution", "gameday_reports"},
    "api": {"analysis", "execution", "ports", "scenario"},
    "gameday_reports": {"analysis", "slo"} | GROUND,
}
"""Room → the rooms it may import."""
ONLY_IN = {
    "gevent": {"gameday/load/locustfile.py"},
    "locust": {"gameday/load/locustfile.py"},
    "geventhttpclient": {"gameday/load/keepalive_client.py"},
    "toxiproxy": {"gameday/links/toxiproxy_client.py"},
    "docker": {"gameday/substrates/docker/"},
    "storefront": {"storefront/"},
    "vl_convert": {"gameday_reports/charts/"},
}
"""Package → the only places that may import it."""
MODULE_LINES = 300
FUNCTION_LINES = 60
FOLDER_MODULES = 15
TOP_ENTRIES = 30


def modules() -> list[tuple[str, Path]]:
    """Return (path below its source root, file) of every module of the house."""
    return sorted(
        (str(path.relative_to(root)), path)
        for package, root in SOURCES.items()
        for path in (root / package).rglob("*.py")
    )


TESTS_OF = {"gameday": Path(), "gameday_reports": Path("reports"), "storefront": Path("storefront")}
"""Import package → the folder of its tests below `tests`."""
BEYOND_MODULES = {
    "analysis/test_broken.py": "damaged folders of runs",
    "analysis/test_golden.py": "a recorded run, measured again",
    "analysis/test_purity.py": "outcome and report come from disk alone",
    "contract/": "what every substrate promises",
    "detect/test_river.py": "the detectors that need river",
    "e2e/": "whole runs",
    "links/server/test_main.py": "the program",
    "links/server/test_secret.py": "the API of a server with a secret",
    "links/server/test_switched.py": "the stamp of a switched proxy",
    "load/test_faults.py": "what a load does to a system",
    "operator_api/test_documents.py": "what docs/ promises programs",
    "releases/": "the releases as they ship",
    "scenario/test_fuzz.py": "files of any content",
    "security/": "what another account and a container may do",
    "storefront/test_compose_files.py": "the compose files",
    "storefront/test_contract.py": "the public API of a region",
    "storefront/test_switched.py": "flags of instances that start anew",
    "system/test_database_operations.py": "operations down to SQL and HTTP",
}
"""Tests, or folders of them, that are about more than a module → what they are about."""
MODULES = modules()
CODE = [(name, path) for name, path in MODULES if not name.startswith("storefront/")]
every_module = pytest.mark.parametrize(("name", "path"), MODULES, ids=[name for name, _ in MODULES])
every_code_module = pytest.mark.parametrize(("name", "path"), CODE, ids=[name for name, _ in CODE])


def room_of(name: str) -> str:
    """Return the room of a dotted module name or a path: `gameday.links.X` → `links`."""
    parts = name.removesuffix(".py").replace("/", ".").split(".")
    return parts[1] if parts[0] == "gameday" and len(parts) > 1 else parts[0]


def imported(path: Path) -> list[str]:
    """Return every module that a file imports, lazily or not, by its full name."""
    root = next(root for root in SOURCES.values() if path.is_relative_to(root))
    return list(imports(path.read_text(encoding="utf-8"), path.relative_to(root).parts[:-1]))


def imports(source: str, package: Sequence[str]) -> Iterator[str]:
    """Yield the full names that the source of a module in `package` imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            above = [*base, *(node.module or "").split(".")] if node.module else base
            yield from (".".join([*above, alias.name]) for alias in node.names)


def test_relative_imports_are_resolved() -> None:
    """Relative imports of any depth and imports inside functions are found by their full name."""
    text = "import a.b\nfrom . import c\nfrom .d import e\ndef f():\n    from ...faults import g\n"
    resolved = list(imports(text, ("gameday", "detect", "deep")))
    assert resolved == ["a.b", "gameday.detect.deep.c", "gameday.detect.deep.d.e", "gameday.faults.g"]


@every_module
def test_imports_go_one_way(name: str, path: Path) -> None:
    """A room imports only the rooms that its rule names; the storefront imports none of ours."""
    room = room_of(name)
    for module in imported(path):
        target = room_of(module)
        if module.split(".")[0] not in SOURCES or target == room or module.split(".")[:2] == ["gameday"]:
            continue
        if room in ("__init__", "__main__"):
            assert target in ("cli", "api"), f"{name} imports {module}"
        else:
            assert target in ALLOWED.get(room, set()), f"{name} imports {module}"


def test_every_room_has_a_rule() -> None:
    """A new room has a place in the order of imports."""
    rooms = {path.stem for path in (ROOT / "runner/gameday").iterdir() if path.suffix in ("", ".py")}
    assert rooms - {"__init__", "__main__", "__pycache__", "py", "_bundled"} <= set(ALLOWED)


@pytest.mark.parametrize("name", sorted(ALLOWED))
def test_rules_name_rooms_that_exist(name: str) -> None:
    """A rule for a room that is gone would hide a mistake."""
    home = ROOT / "runner/gameday" / name
    assert home.is_dir() or home.with_suffix(".py").is_file() or (ROOT / "reports" / name).is_dir()


@every_module
def test_heavy_packages_stay_in_their_room(name: str, path: Path) -> None:
    """Gevent, Docker, the Toxiproxy client and the chart library are each imported in one place."""
    for module in imported(path):
        homes = ONLY_IN.get(module.split(".")[0])
        assert homes is None or name.startswith(tuple(homes)), f"{name} imports {module}"


@every_module
def test_the_link_server_stands_alone(name: str, path: Path) -> None:
    """The embedded link server runs in containers of its own and imports nothing else of the house."""
    if name.startswith("gameday/links/server/"):
        inner = [module for module in imported(path) if module.split(".")[0] in SOURCES]
        assert [module for module in inner if not module.startswith("gameday.links.server")] == []


@every_module
def test_no_private_name_crosses_modules(name: str, path: Path) -> None:
    """A name with a leading underscore is used in its own module only."""
    private = [
        module
        for module in imported(path)
        if module.split(".")[0] in SOURCES and module.rpartition(".")[2].startswith("_")
    ]
    assert [module for module in private if not module.rpartition(".")[2].startswith("__")] == []


@every_module
def test_modules_and_functions_are_short(name: str, path: Path) -> None:
    """A module has at most 300 lines and a function at most 60."""
    source = path.read_text(encoding="utf-8")
    assert source.count("\n") <= MODULE_LINES
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < FUNCTION_LINES, f"{name}:{node.lineno} {node.name}"


@every_code_module
def test_http_clients_come_from_one_factory(name: str, path: Path) -> None:
    """Only `host/http_client` opens connections, so that none for this machine goes through a proxy."""
    makers = (
        "requests.Session(",
        "HTTPConnection(",
        "urlopen(",
        "build_opener(",
        "requests.get(",
        "requests.post(",
    )
    source = path.read_text(encoding="utf-8")
    assert name == "gameday/host/http_client.py" or not [maker for maker in makers if maker in source]


def test_folders_are_small() -> None:
    """A folder has at most 15 modules beside its `__init__`; the package itself has few entries."""
    folders: dict[str, int] = defaultdict(int)
    for name, _ in CODE:
        folder, _, module = name.rpartition("/")
        folders[folder] += module not in ("__init__.py", "__main__.py")
    assert {folder: count for folder, count in folders.items() if count > FOLDER_MODULES} == {}
    entries = [
        path
        for path in (ROOT / "runner/gameday").iterdir()
        if path.stem[:2] != "__" and path.suffix != ".typed"
    ]
    assert len(entries) <= TOP_ENTRIES


def test_no_file_name_is_used_twice() -> None:
    """Two modules of the same name would hold different things."""
    homes: dict[str, list[str]] = defaultdict(list)
    for name, _ in CODE:
        folder, _, module = name.rpartition("/")
        if module not in ("__init__.py", "__main__.py"):
            homes[module].append(folder)
    assert {module: paths for module, paths in homes.items() if len(paths) > 1} == {}


def test_tests_mirror_the_house() -> None:
    """`tests/x/test_y.py` tests `x/y.py` or the package `x/y`, unless it is listed; the list has no dead entries."""
    mirrors = {
        TESTS_OF[package] / path.relative_to(SOURCES[package] / package).parent / f"test_{name}.py"
        for package in SOURCES
        for path in (SOURCES[package] / package).rglob("*.py")
        for name in ([path.stem] if path.stem != "__init__" else [path.parent.name])
    }
    tests = {path.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py")}
    odd = {str(path) for path in tests - mirrors if path.parent != Path()}
    assert sorted(path for path in odd if not path.startswith(tuple(BEYOND_MODULES))) == []
    assert [entry for entry in BEYOND_MODULES if not (ROOT / "tests" / entry).exists()] == []


@pytest.mark.parametrize(
    "path", sorted((ROOT / "tests").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT))
)
def test_tests_import_only_support(path: Path) -> None:
    """A test module imports no other test module: shared helpers are in `tests/support`."""
    imported_names = imports(path.read_text(encoding="utf-8"), path.relative_to(ROOT).parts[:-1])
    assert [name for name in imported_names if name.startswith("tests.") and ".support" not in name] == []


@every_code_module
def test_every_module_has_a_docstring(name: str, path: Path) -> None:
    """The first line of a module says what is inside."""
    text = path.read_text(encoding="utf-8")
    assert not text.strip() or ast.get_docstring(ast.parse(text)), f"{name} has no docstring"
