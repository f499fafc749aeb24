"""Fixtures for releases in the shop that all tests of a worker share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import storefront_services
from tests.support.release_trees import tree


@pytest.fixture
def deployed(
    request: pytest.FixtureRequest, shop: storefront_services.Shop, tmp_path: Path
) -> Iterator[storefront_services.Shop]:
    """Yield the shop with one service on the release named by the test's parameter, as
    `trees.deploy` marks it."""
    release: str = request.param
    with shop.released(release.rpartition("-")[0], tree(release, tmp_path), release):
        yield shop
