"""Fixtures and settings of all tests: what is built once for all workers, and the order of modules."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.support.storefront_services import Shop

# No deadlines: a stall of the machine refutes nothing.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

SHARED = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder that all workers of a session share; every user can pass through it, as Postgres must."""
    given: dict[str, Any] | None = getattr(config, "workerinput", None)
    if given is not None:
        config.stash[SHARED] = Path(given["shared"])
        return
    folder = Path(tempfile.mkdtemp(prefix="gameday-tests-"))
    folder.chmod(0o711)
    config.stash[SHARED] = folder
    config.add_cleanup(lambda: shutil.rmtree(folder))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist which folder is shared."""
    node.workerinput["shared"] = str(node.config.stash[SHARED])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the modules that start services: a long one at the end would leave the other core idle."""
    slow = {item.path for item in items if item.get_closest_marker("system")}
    items.sort(key=lambda item: item.path not in slow)


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
