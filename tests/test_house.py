"""The house: rooms, the direction of imports, sizes and names, all read from the source."""

import ast
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from tests.support.offenders import refuse
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
    "slo": {"operations", "recording", "scenario"},
    **{name: {"ports", "slo"} | GROUND for name in ADAPTERS},
    "changes": {"analysis", "ports", "slo"} | GROUND,  # policies are CEL, as expectations are
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


class Module:
    """A module of the house, read and parsed once for all rules. `name` is its path below its source root."""

    def __init__(self, path: Path, root: Path) -> None:
        self.path = path
        self.name = str(path.relative_to(root))
        self.room = room_of(self.name)
        self.source = path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source)

    @cached_property
    def imports(self) -> tuple[str, ...]:
        """The full name of every module that this one imports, lazily or not."""
        return tuple(imports(self.tree, Path(self.name).parts[:-1]))


def room_of(name: str) -> str:
    """Return the room of a dotted module name or a path: `gameday.links.X` → `links`."""
    parts = name.removesuffix(".py").replace("/", ".").split(".")
    return parts[1] if parts[0] == "gameday" and len(parts) > 1 else parts[0]


def imports(tree: ast.Module, package: Sequence[str]) -> Iterator[str]:
    """Yield the full names that the source of a module in `package` imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            above = [*base, *(node.module or "").split(".")] if node.module else base
            yield from (".".join([*above, alias.name]) for alias in node.names)


def is_ours(dotted: str) -> bool:
    """Return True if the module belongs to one of the house's packages."""
    return dotted.split(".")[0] in SOURCES


TESTS_OF = {"gameday": Path(), "gameday_reports": Path("reports"), "storefront": Path("storefront")}
"""Import package → the folder of its tests below `tests`."""
BEYOND_MODULES = {
    "analysis/test_broken.py": "damaged folders of runs",
    "analysis/test_golden.py": "a recorded run, measured again",
    "analysis/test_purity.py": "outcome and report come from disk alone",
    "contract/": "what every substrate promises",
    "detect/test_river.py": "the detectors that need river",
    "e2e/": "whole runs",
    "fuzz/": "files, folders and requests of any content",
    "links/server/test_main.py": "the program",
    "links/server/test_secret.py": "the API of a server with a secret",
    "links/server/test_switched.py": "the stamp of a switched proxy",
    "load/test_faults.py": "what a load does to a system",
    "operator_api/test_documents.py": "what docs/ promises programs",
    "releases/": "the releases as they ship",
    "security/": "what another account and a container may do",
    "storefront/test_compose_files.py": "the compose files",
    "storefront/test_contract.py": "the public API of a region",
    "storefront/test_switched.py": "flags of instances that start anew",
    "system/test_database_operations.py": "operations down to SQL and HTTP",
}
"""Tests, or folders of them, that are about more than a module → what they are about."""
MODULES = sorted(
    (Module(path, root) for package, root in SOURCES.items() for path in (root / package).rglob("*.py")),
    key=lambda module: module.name,
)
CODE = [module for module in MODULES if module.room != "storefront"]
TESTS = [Module(path, ROOT) for path in sorted((ROOT / "tests").rglob("*.py"))]


def test_relative_imports_are_resolved() -> None:
    """Relative imports of any depth and imports inside functions are found by their full name."""
    text = "import a.b\nfrom . import c\nfrom .d import e\ndef f():\n    from ...faults import g\n"
    resolved = list(imports(ast.parse(text), ("gameday", "detect", "deep")))
    assert resolved == ["a.b", "gameday.detect.deep.c", "gameday.detect.deep.d.e", "gameday.faults.g"]


def test_all_sources_are_read() -> None:
    """Every package and the tests are among the modules that the rules read."""
    assert {module.name.split("/")[0] for module in MODULES} == set(SOURCES)
    assert len(CODE) > 300
    assert len(TESTS) > 200


def test_imports_go_one_way() -> None:
    """A room imports only the rooms that its rule names; the storefront imports none of ours."""

    def allows(room: str, target: str) -> bool:
        return target in (("cli", "api") if room in ("__init__", "__main__") else ALLOWED.get(room, set()))

    refuse(
        f"{module.name} imports {name}"
        for module in MODULES
        for name in module.imports
        if is_ours(name) and name.split(".")[:2] != ["gameday"]
        if room_of(name) != module.room and not allows(module.room, room_of(name))
    )


def test_every_room_has_a_rule() -> None:
    """A new room has a place in the order of imports."""
    rooms = {path.stem for path in (ROOT / "runner/gameday").iterdir() if path.suffix in ("", ".py")}
    assert rooms - {"__init__", "__main__", "__pycache__", "py", "_bundled"} <= set(ALLOWED)


def test_rules_name_rooms_that_exist() -> None:
    """A rule for a room that is gone would hide a mistake."""
    homes = {name: ROOT / "runner/gameday" / name for name in ALLOWED}
    refuse(
        f"ALLOWED names {name!r}, which is no room"
        for name, home in homes.items()
        if not (home.is_dir() or home.with_suffix(".py").is_file() or (ROOT / "reports" / name).is_dir())
    )


def test_heavy_packages_stay_in_their_room() -> None:
    """Gevent, Docker, the Toxiproxy client and the chart library are each imported in one place."""
    refuse(
        f"{module.name} imports {name}"
        for module in MODULES
        for name in module.imports
        if not module.name.startswith(tuple(ONLY_IN.get(name.split(".")[0], {""})))
    )


def test_the_link_server_stands_alone() -> None:
    """The embedded link server runs in containers of its own and imports nothing else of the house."""
    server = [module for module in MODULES if module.name.startswith("gameday/links/server/")]
    assert server
    refuse(
        f"{module.name} imports {name}"
        for module in server
        for name in module.imports
        if is_ours(name) and not name.startswith("gameday.links.server")
    )


def test_no_private_name_crosses_modules() -> None:
    """A name with a leading underscore is used in its own module only."""
    refuse(
        f"{module.name} imports {name}"
        for module in MODULES
        for name in module.imports
        if is_ours(name) and name.rpartition(".")[2].startswith("_")
        if not name.rpartition(".")[2].startswith("__")
    )


def test_modules_are_short() -> None:
    """A module has at most 300 lines."""
    lines = {module.name: module.source.count("\n") for module in MODULES}
    refuse(f"{name} has {count} lines" for name, count in lines.items() if count > MODULE_LINES)


def test_functions_are_short() -> None:
    """A function has at most 60 lines."""
    refuse(
        f"{module.name}:{node.lineno} {node.name} has {lines} lines"
        for module in MODULES
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (lines := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES
    )


def test_http_clients_come_from_one_factory() -> None:
    """Only `host/http_client` opens connections, so that none for this machine goes through a proxy."""
    makers = (
        "requests.Session(",
        "HTTPConnection(",
        "urlopen(",
        "build_opener(",
        "requests.get(",
        "requests.post(",
    )
    refuse(
        f"{module.name} has {maker!r}"
        for module in CODE
        for maker in makers
        if module.name != "gameday/host/http_client.py" and maker in module.source
    )


def test_every_module_has_a_docstring() -> None:
    """The first line of a module says what is inside."""
    refuse(
        f"{module.name} has no docstring"
        for module in CODE
        if module.source.strip() and not ast.get_docstring(module.tree)
    )


def test_folders_are_small() -> None:
    """A folder has at most 15 modules beside its `__init__`; the package itself has few entries."""
    folders: dict[str, int] = defaultdict(int)
    for code in CODE:
        folder, _, module = code.name.rpartition("/")
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
    for code in CODE:
        folder, _, module = code.name.rpartition("/")
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


def test_tests_import_only_support() -> None:
    """A test module imports no other test module: shared helpers are in `tests/support`."""
    refuse(
        f"{module.name} imports {name}"
        for module in TESTS
        for name in module.imports
        if name.startswith("tests.") and ".support" not in name
    )


WORDLESS = {"BlockingIOError", "KeyboardInterrupt", "NO_ANSWER", "StopIteration", "TimeoutError"}
"""Errors without a text of their own that a test could compare."""


def calls(tree: ast.Module, function: str) -> Iterator[ast.Call]:
    """Yield the calls of the function, by the name that it is called by."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == function:
            yield node


def unchecked_raises(tree: ast.Module) -> Iterator[int]:
    """Yield the lines of `pytest.raises` that would accept an error for another reason: without `match` or a name."""
    named = {
        id(item.context_expr)
        for node in ast.walk(tree)
        if isinstance(node, ast.With)
        for item in node.items
        if item.optional_vars
    }
    for call in calls(tree, "pytest.raises"):
        checked = any(keyword.arg in ("match", "check") for keyword in call.keywords)
        if not checked and id(call) not in named and ast.unparse(call.args[0]) not in WORDLESS:
            yield call.lineno


def empty_assertions(tree: ast.Module) -> Iterator[int]:
    """Yield the lines of `assert all(…)`, which passes if there is nothing to check."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert) and ast.unparse(node.test).startswith("all("):
            yield node.lineno


def busy_loops(tree: ast.Module) -> Iterator[int]:
    """Yield the lines of `while` loops with an empty body, which spin until the test's time-out if they fail."""
    for node in ast.walk(tree):
        if isinstance(node, ast.While) and all(
            isinstance(part, ast.Pass | ast.Continue) for part in node.body
        ):
            yield node.lineno


def test_expected_errors_are_checked() -> None:
    """`pytest.raises` has `match`, or names the error with `as` for assertions about it, or the error has no text."""
    refuse(
        f"{test.name}:{line}: add match=, or name the error with `as` and check it"
        for test in TESTS
        for line in unchecked_raises(test.tree)
    )


def test_no_assertion_passes_for_want_of_values() -> None:
    """Tests assert `nonempty_all(…)`, which is false of nothing, in place of `all(…)`."""
    refuse(
        f"{test.name}:{line}: replace all by tests.support.nonempty_all"
        for test in TESTS
        for line in empty_assertions(test.tree)
    )


def test_no_test_spins() -> None:
    """Tests wait with `until`, which has a bound, in place of an empty loop."""
    refuse(
        f"{test.name}:{line}: wait with tests.support.waiting.until"
        for test in TESTS
        for line in busy_loops(test.tree)
    )


def test_careless_tests_are_found() -> None:
    """Each of the three rules above finds its offenders and no others."""
    tree = ast.parse(
        "with pytest.raises(KeyError):\n    f()\n"
        "with pytest.raises(KeyError, match='x'), pytest.raises(KeyError) as error:\n    f()\n"
        "assert all(x for x in y)\nassert nonempty_all(y)\n"
        "while f():\n    pass\nwhile f():\n    g()\n"
    )
    assert list(unchecked_raises(tree)) == [1]
    assert list(empty_assertions(tree)) == [5]
    assert list(busy_loops(tree)) == [7]
