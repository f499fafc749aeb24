"""Imports go one way: read from the source of every module, never from a running one."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GROUND = {"clock", "located", "journal", "samples", "operations", "bundled"}
MODELS = {"scenario", "topology"}
ADAPTERS = {"substrates", "links", "faults", "changes", "load", "telemetry", "responders", "detect"}
ALLOWED: dict[str, set[str]] = {
    **{name: set() for name in GROUND},
    "scenario": {"located"},
    "topology": {"located"},
    "ports": MODELS | GROUND,
    "slo": {"samples", "scenario"},
    **{name: {"ports", "slo", name} | MODELS | GROUND for name in ADAPTERS},
    "measure": {"slo", "measure"} | MODELS | GROUND,
    "messages": {"operations"},
    "engine": {"messages", "operations"},
    "operator": {"ports", "slo"} | MODELS | GROUND,
    "interpreter": {"engine", "messages", "operator", "ports", "slo"} | MODELS | GROUND,
    "screen": {"engine", "messages"} | GROUND,
}
NOWHERE_BUT = {
    "gevent": {"runner/load/locustfile.py"},
    "locust": {"runner/load/locustfile.py"},
    "geventhttpclient": {"runner/load/locustfile.py"},
    "toxiproxy": {"runner/links/client.py"},
    "docker": {"runner/substrates"},
    "storefront": {"compose/storefront"},
    "altair": {"reports"},
    "vl_convert": {"reports"},
}


def sources() -> list[Path]:
    return sorted(p for top in ("runner", "reports", "compose") for p in (ROOT / top).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports, lazily or not."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


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
    rooms -= {"__init__", "__pycache__", "py", "cli", "calibrate", "_bundled"}  # cli and calibrate wire, and see all
    assert rooms <= set(ALLOWED)
