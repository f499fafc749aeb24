"""Tests of releases with a migration, on a real Postgres: which release runs on which schema."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
import requests
import yaml

from tests.support import storefront_services
from tests.support.release_trees import tree
from tests.support.storefront_services import COMPOSE, Shop, open_folder

pytestmark = pytest.mark.system
FIRST = "identity-1.0.0"
USER = 7


@pytest.fixture
def accounts(template: Path) -> Iterator[Shop]:
    """Yield Postgres and identity alone, on fresh data, since a migration can't be undone."""
    with open_folder() as folder:
        running = Shop(template, folder)
        try:
            for service in ("postgres", "identity"):
                running.start(service)
            yield running
        finally:
            running.close()


@pytest.fixture(scope="module")
def shop(template: Path) -> Iterator[Shop]:
    """Yield a shop for this module alone, since its migrations can't be undone."""
    with storefront_services.shop(template) as running:
        yield running


def migrate(shop: Shop, release: str) -> None:
    """Run the release's migration, in one transaction."""
    folder = COMPOSE / "releases" / release
    spec = yaml.safe_load((folder / "release.yaml").read_text(encoding="utf-8"))
    execute(shop, (folder / spec["migration"]).read_text(encoding="utf-8"))


def execute(shop: Shop, statements: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(shop.database, timeout=5, command_timeout=20)
        try:
            await connection.execute(statements)
        finally:
            await connection.close(timeout=5)

    asyncio.run(run())


def ship(shop: Shop, release: str, into: Path) -> None:
    """Replace the running identity by one on that release."""
    shop.stop("identity")
    if release == FIRST:
        shop.start("identity")
    else:
        shop.start("identity", tree(release, into / release), release)


def seen(shop: Shop, user: int = USER) -> tuple[int, object]:
    """Return status and displayed name of the user's account page after a login with USER's password."""
    body = {"user": user, "password": f"pw-{USER}"}
    token = requests.post(shop.url("identity") + "/login", json=body, timeout=5).json()["token"]
    answer = requests.get(
        shop.url("identity") + "/account", headers={"Authorization": f"Bearer {token}"}, timeout=5
    )
    return answer.status_code, answer.json().get("name")


def test_identity_1_3_leaves_no_way_back_but_1_3_1_leads_on(accounts: Shop, tmp_path: Path) -> None:
    """1.3.0 fails; so does the first release, running or restarted; after 1.3.1 both it and the
    first work."""
    right = seen(accounts)
    assert right[0] == 200
    migrate(accounts, "identity-1.3.0")
    assert seen(accounts)[0] == 500
    ship(accounts, "identity-1.3.0", tmp_path)
    assert seen(accounts)[0] == 500
    ship(accounts, FIRST, tmp_path)
    assert seen(accounts)[0] == 500
    migrate(accounts, "identity-1.3.1")
    assert seen(accounts) == right
    ship(accounts, "identity-1.3.1", tmp_path)
    assert seen(accounts) == right


def test_identity_1_4_fails_alike_and_the_first_release_runs_on_its_schema(
    accounts: Shop, tmp_path: Path
) -> None:
    """The migration harms no user, 1.4.0 does, and the first release works on the new schema."""
    right = seen(accounts)
    migrate(accounts, "identity-1.4.0")
    assert seen(accounts) == right
    ship(accounts, "identity-1.4.0", tmp_path)
    assert seen(accounts)[0] == 500
    ship(accounts, FIRST, tmp_path)
    assert seen(accounts) == right


def test_identity_1_4_keeps_its_new_column_filled(accounts: Shop, tmp_path: Path) -> None:
    """An account added without a full name gets one, and is shown with the first name in front."""
    migrate(accounts, "identity-1.4.0")
    ship(accounts, "identity-1.4.0", tmp_path)
    columns = "email, home_region, salt, password_hash"
    execute(
        accounts,
        f"INSERT INTO accounts (id, name, {columns}) SELECT 20001, 'Byron, Ada', {columns} FROM accounts WHERE id = 7",
    )
    assert seen(accounts, 20_001) == (200, "Ada Byron")
