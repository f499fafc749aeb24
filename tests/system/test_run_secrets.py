"""Secrets of a run: new each time, in no representation, each with its variable, the password in the runner's address."""

from __future__ import annotations

from dataclasses import fields

from gameday.system.run_secrets import VARIABLES, RunSecrets
from gameday.topology import bundled, read_topology
from tests.support.nonempty_all import nonempty_all


def test_each_run_draws_its_own() -> None:
    """Two draws have nothing in common, and no two secrets of a run are the same."""
    drawn = [
        getattr(secrets, field.name)
        for secrets in (RunSecrets.draw(), RunSecrets.draw())
        for field in fields(secrets)
    ]
    assert len(set(drawn)) == len(drawn) == 2 * len(VARIABLES)
    assert nonempty_all(len(secret) == 32 for secret in drawn)


def test_no_representation_has_one() -> None:
    """What is printed or logged of a run's parts holds no secret."""
    secrets = RunSecrets.draw()
    assert not [value for value in secrets.variables().values() if value in repr(secrets)]


def test_the_compose_files_know_every_variable() -> None:
    """A secret that no service reads would protect nothing; none is on a command line."""
    services = read_topology(bundled.compose(), ("us-east", "eu-west")).services
    read = {
        name for service in services for text in service.environment.values() for name in text.variables()
    }
    assert set(VARIABLES.values()) <= read
    spoken = {name for service in services for word in service.command for name in word.variables()}
    assert not set(VARIABLES.values()) & spoken


def test_the_runners_address_has_the_owners_password() -> None:
    """Without a password, or without a user, the address is as it was."""
    secrets = RunSecrets(database="word")
    assert secrets.database_url("postgresql://shop@h:5/shop") == "postgresql://shop:word@h:5/shop"
    assert secrets.database_url("postgresql://h:5/shop") == "postgresql://h:5/shop"
    assert RunSecrets().database_url("postgresql://shop@h:5/shop") == "postgresql://shop@h:5/shop"
