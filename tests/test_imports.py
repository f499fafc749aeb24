"""Imports go one way: read from the source of every module, never from a running one."""

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GROUND = {"clock", "plain", "located", "journal", "samples", "operations", "bundled", "seal", "disk"}
MODELS = {"scenario", "topology"}
ADAPTERS = {"substrates", "links", "faults", "changes", "load", "telemetry", "responders", "detect"}
ALLOWED: dict[str, set[str]] = {
    **{name: set() for name in GROUND},
    "located": {"plain"},
    "scenario": {"located"},
    "topology": {"located"},
    "ports": MODELS | GROUND,
    "slo": {"samples", "scenario"},
    **{name: {"ports", "slo", name} | MODELS | GROUND for name in ADAPTERS},
    "measure": {"slo", "measure"} | MODELS | GROUND,
    "messages": {"operations"},
    "limits": set(),
    "engine": {"limits", "messages", "operations"},
    "databases": {"ports"},
    "door": {"ports", "slo"} | MODELS | GROUND,
    "pages": set(),
    "distance": {"ports"} | MODELS,
    "awaited": set(),
    "asked": {"ports"},
    "flags": MODELS,
    "vacancies": {"ports"},
    "system": {"asked", "awaited", "databases", "distance", "flags", "ports", "vacancies"} | MODELS | GROUND,
    "privilege": {"asked", "ports", "system"},
    "operator": {"asked", "ports", "privilege", "slo", "system"} | MODELS | GROUND,
    "recovery": {"databases", "flags", "operator", "ports", "system"} | MODELS | GROUND,
    "timeline": {"asked", "operator", "ports", "system"} | MODELS | GROUND,
    "world": {"engine", "limits", "operator", "ports", "timeline"} | MODELS | GROUND,
    "look": {"engine", "messages", "slo", "world"} | GROUND,
    "ending": {"limits", "timeline", "world"},
    "interpreter": {"ending", "engine", "look", "messages", "operator", "ports", "recovery", "timeline", "world"}
    | MODELS
    | GROUND,
    "screen": {"engine", "messages"} | GROUND,
}
NOWHERE_BUT = {
    "gevent": {"runner/load/locustfile.py"},
    "locust": {"runner/load/locustfile.py"},
    "geventhttpclient": {"runner/load/locustfile.py"},
    "toxiproxy": {"runner/links/client.py"},
    "docker": {"runner/substrates"},
    "storefront": {"compose/storefront"},
    "vl_convert": {"reports"},
}


def sources() -> list[Path]:
    """What the rules are for; tests and benchmarks may import anything."""
    return sorted(p for top in ("runner", "reports", "compose") for p in (ROOT / top).rglob("*.py"))


def package_of(path: Path) -> tuple[str, ...]:
    """The package a file's relative imports start from; the storefront's is found from compose/."""
    parts = path.relative_to(ROOT).parts[:-1]
    return parts[1:] if parts[0] == "compose" else parts


def imported(path: Path) -> list[str]:
    """Every module that a file imports, lazily or not, by its full name."""
    return list(modules(path.read_text(encoding="utf-8"), package_of(path)))


def modules(source: str, package: Sequence[str]) -> Iterator[str]:
    """As `imported`, of the text of a module in `package`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            above = [*base, *(node.module or "").split(".")] if node.module else base
            yield from (".".join([*above, alias.name]) for alias in node.names)


def test_relative_imports_are_seen_by_their_full_name() -> None:
    """Dots don't hide what is imported, from however deep, nor does an import inside a function."""
    text = "import a.b\nfrom . import c\nfrom .d import e\ndef f():\n    from ...faults import g\n    from h import i\n"
    found = list(modules(text, ("runner", "detect", "deep")))
    assert found == ["a.b", "runner.detect.deep.c", "runner.detect.deep.d.e", "runner.faults.g", "h.i"]


@pytest.mark.parametrize("path", sorted((ROOT / "runner/links/server").rglob("*.py")), ids=lambda p: p.name)
def test_the_embedded_link_server_stands_alone(path: Path) -> None:
    """It runs in containers and regions of its own: of the runner it knows itself alone."""
    inner = [module for module in imported(path) if module.split(".")[0] in ("runner", "reports", "storefront")]
    assert [module for module in inner if not module.startswith("runner.links.server")] == []


def room(module: str) -> str | None:
    """`runner.links.client.X` → `links`."""
    parts = module.split(".")
    return parts[1] if parts[0] == "runner" and len(parts) > 1 else None


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(ROOT)))
def test_every_import_goes_down(path: Path) -> None:
    """A room imports only rooms below it; only the command line wires."""
    relative = path.relative_to(ROOT)
    where = room(".".join(relative.with_suffix("").parts))
    for module in imported(path):
        target = room(module)
        if relative.parts[0] == "reports":
            assert target in (None, "measure", "slo") or target in MODELS | GROUND, f"{relative} imports {module}"
        elif relative.parts[0] == "compose":
            assert module.split(".")[0] not in ("runner", "reports"), f"{relative} imports {module}"
        elif where in ALLOWED and target is not None:
            assert target == where or target in ALLOWED[where], f"{relative} imports {module}"
        if relative.parts[0] == "runner" and where != "cli":
            assert not module.startswith("reports"), f"{relative} imports {module}"


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(ROOT)))
def test_heavy_packages_stay_in_their_room(path: Path) -> None:
    """Locust's monkey-patching, Docker, the toxiproxy client and the chart library are each imported in one place."""
    relative = str(path.relative_to(ROOT))
    for module in imported(path):
        homes = NOWHERE_BUT.get(module.split(".")[0])
        assert homes is None or relative.startswith(tuple(homes)), f"{relative} imports {module}"


def test_every_room_has_a_rule() -> None:
    """A new room in runner/ must be given its place in the order."""
    rooms = {p.stem if p.is_file() else p.name for p in (ROOT / "runner").iterdir()}
    rooms -= {"__init__", "__pycache__", "py", "_bundled"}
    rooms -= {"cli", "calibrate", "reaper"}  # these wire, and see all
    assert rooms <= set(ALLOWED)
