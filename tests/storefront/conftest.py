"""Fixtures of the storefront's tests: the preloaded template once, a whole shop once a module."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storefront import seed
from tests.support import storefront_services


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
