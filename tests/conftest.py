"""Fixtures and settings of all tests: what is built once for all workers, and the order of modules."""

from __future__ import annotations

import fcntl
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from tests.support import session_folder

if TYPE_CHECKING:
    from tests.support.storefront_services import Shop

# No deadlines: a stall of the machine refutes nothing.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

SHARED = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder that all workers of a session share, and tear down on SIGTERM as on Ctrl-C."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _interrupt)
    given: dict[str, Any] | None = getattr(config, "workerinput", None)
    if given is not None:
        config.stash[SHARED] = Path(given["shared"])
        session_folder.use(config.stash[SHARED])
        return
    config.stash[SHARED] = session_folder.make()
    config.add_cleanup(session_folder.remove)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt(signal.Signals(number).name)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist which folder is shared."""
    node.workerinput["shared"] = str(node.config.stash[SHARED])


LONGEST = (
    "security/test_other_account.py",
    "storefront/test_durability.py",
    "calibrate/test_calibrate.py",
    "load/test_faults.py",
    "load/test_load_process.py",
    "releases/test_releases.py",
    "storefront/test_guardrails.py",
    "storefront/test_backup.py",
    "storefront/test_edge.py",
    "storefront/test_replication.py",
    "reports/run_page/test_render.py",
)
"""The modules that take longest, which a worker runs as a whole, by their duration."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest modules, then those that start services: a long one at the end would leave a core idle."""
    first = {Path(__file__).parent / name: rank for rank, name in enumerate(LONGEST)}
    missing = [str(path) for path in first if not path.is_file()]
    if missing:
        raise pytest.UsageError(
            f"LONGEST in tests/conftest.py names files that are gone: {', '.join(missing)}"
        )
    slow = {item.path for item in items if item.get_closest_marker("system")}
    items.sort(key=lambda item: (first.get(item.path, len(first)), item.path not in slow))


@pytest.fixture(scope="session")
def template(request: pytest.FixtureRequest) -> Path:
    """Return the preloaded data directory of the storefront, built once for all workers."""
    from storefront import seed

    folder = request.config.stash[SHARED]
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        seed.build(folder / "template")
    return folder / "template"


@pytest.fixture(scope="session")
def running_shop(template: Path) -> Iterator[Shop]:
    """Yield a whole shop, one for each worker: its nine processes take five seconds of a core to start."""
    from tests.support import storefront_services

    with storefront_services.shop(template) as shop:
        yield shop


@pytest.fixture(scope="module")
def shop(running_shop: Shop) -> Shop:
    """Return the worker's shop with the orders and the stock of the template; a test that stops a service starts it again."""
    running_shop.reset()
    return running_shop
