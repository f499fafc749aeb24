"""Fixtures of the releases' tests: the preloaded template once, a whole shop once a module, and releases in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storefront import seed
from tests.support import storefront_services
from tests.support.release_trees import tree


@pytest.fixture(scope="session")
def template() -> Iterator[Path]:
    """The preloaded data directory."""
    with storefront_services.open_folder() as folder:
        seed.build(folder / "template")
        yield folder / "template"


@pytest.fixture(scope="module")
def shop(template: Path) -> Iterator[storefront_services.Shop]:
    """A shop that is up for the module's tests."""
    with storefront_services.shop(template) as up:
        yield up


@pytest.fixture
def deployed(
    request: pytest.FixtureRequest, shop: storefront_services.Shop, tmp_path: Path
) -> Iterator[storefront_services.Shop]:
    """The shop with one service on the release named by the test's parameter, as `trees.deploy` marks it."""
    release: str = request.param
    with shop.released(release.rpartition("-")[0], tree(release, tmp_path), release):
        yield shop
