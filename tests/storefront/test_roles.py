"""Roles of the database: what is kept of a password, who is let in, what the binaries of Postgres see of our secrets."""

import subprocess
from pathlib import Path

import pytest

from storefront import roles, runtime
from storefront.binaries import Account


def test_a_verifier_is_the_same_for_the_same_password() -> None:
    """So that it is written once; each role has its own. That Postgres takes it, every test of a database shows."""
    verifier = roles.verifier("shop", "a password")
    scheme, rounds, keys = verifier.split("$")
    assert (scheme, rounds.partition(":")[0]) == ("SCRAM-SHA-256", str(roles.SCRAM_ROUNDS))
    assert [len(key) for key in keys.split(":")] == [44, 44]
    assert verifier == roles.verifier("shop", "a password")
    assert verifier != roles.verifier("replica", "a password")
    assert verifier != roles.verifier("shop", "another")


def test_the_superuser_is_let_in_by_the_socket_alone() -> None:
    """No line of the access file that admits TCP names it, or every role."""
    network = [line.split() for line in roles.ACCESS if line.startswith("host")]
    admitted = {role for line in network for role in line[2].split(",")}
    assert admitted == {roles.OWNER, roles.REPLICA}
    assert {line[-1] for line in network} == {"scram-sha-256"}


def test_neither_role_gets_what_reaches_beyond_the_database() -> None:
    """No superuser, no predefined role that runs programs or reaches files of the server."""
    text = " ".join((*roles.CREATE, *roles.GRANTS)).lower()
    for word in (
        "superuser",
        "pg_execute_server_program",
        "server_files",
        "lo_import",
        "createrole",
        "pg_monitor",
    ):
        assert word not in text
    given_to_owner = [grant for grant in roles.GRANTS if grant.endswith(f"TO {roles.OWNER}")]
    assert not [
        grant for grant in given_to_owner if "read_file" in grant or "pg_ls" in grant or "binary" in grant
    ]


def test_a_role_without_a_password_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that isn't set is no empty password."""
    monkeypatch.setenv("DATABASE_PASSWORD", "x")
    monkeypatch.setenv("REPLICA_PASSWORD", "")
    assert roles.passwords() == {"shop": "x"}


def test_a_binary_gets_no_secret_but_its_password_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process may be another account's, which reads the environment; the file is closed to all others."""
    for name in ("OPERATOR_TOKEN", "DATABASE_PASSWORD", "REPLICA_PASSWORD", "PGPASSWORD"):
        monkeypatch.setenv(name, f"hushed-{name}")
    monkeypatch.setenv("GAMEDAY_RUN", "marked")
    monkeypatch.setenv("RUNTIME_DIR", str(tmp_path / "runtime"))
    own = Account(None, None)
    with runtime.runtime_folder(own) as folder:
        account = runtime.with_password(own, folder)
        assert account.passfile
        assert account.passfile.stat().st_mode & 0o077 == 0
        assert folder.stat().st_mode & 0o077 == 0
        assert account.passfile.read_text() == "*:*:*:replica:hushed-REPLICA_PASSWORD\n"
        printed = account.run("/usr/bin/env")
    assert "hushed" not in printed
    assert "GAMEDAY_RUN=marked" in printed
    assert f"PGPASSFILE={account.passfile}" in printed


def test_a_runtime_folder_of_its_own_goes_with_the_instance(monkeypatch: pytest.MonkeyPatch) -> None:
    """An instance that isn't given one leaves none."""
    monkeypatch.delenv("RUNTIME_DIR", raising=False)
    with runtime.runtime_folder(Account(None, None)) as folder:
        assert subprocess.run(["/usr/bin/test", "-d", folder], check=False).returncode == 0
    assert not folder.exists()
