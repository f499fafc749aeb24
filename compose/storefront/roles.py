"""Roles of the database: who may do what, who may connect from where, and the password that each has in this run.

`postgres` is the bootstrap superuser. It has no password and connects through the Unix socket alone, which lies in a
folder of mode 700. `shop` owns its database: services and operators work as it. `replica` streams, copies, rewinds and
looks at histories: launchers of databases and the backup work as it. Neither is a superuser, and no function that
`replica` may call reaches a file outside the data directory.

The template is built once and has no passwords. The launcher of a database that takes writes gives both roles the
passwords of its own environment; standbys get them with the log.
"""

import base64
import hashlib
import hmac
import os
from pathlib import Path
from urllib.parse import quote

SUPERUSER, OWNER, REPLICA = "postgres", "shop", "replica"
DATABASE = "shop"
# What services and the launcher read the password of `shop` and of `replica` from.
PASSWORDS = {OWNER: "DATABASE_PASSWORD", REPLICA: "REPLICA_PASSWORD"}
# Postgres' own default of 4096 would cost each new connection some milliseconds; the passwords are random.
SCRAM_ROUNDS = 128

# The whole of pg_hba.conf: what isn't listed is refused.
ACCESS = (
    f"local all {SUPERUSER} trust",
    f"host {DATABASE} {OWNER},{REPLICA} all scram-sha-256",
    f"host replication {REPLICA} all scram-sha-256",
)
CREATE = (
    f"CREATE ROLE {OWNER} LOGIN",
    f"CREATE ROLE {REPLICA} LOGIN REPLICATION",
    f"CREATE DATABASE {DATABASE} OWNER {OWNER} STRATEGY file_copy",
)
GRANTS = (
    f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC",
    f"GRANT CONNECT ON DATABASE {DATABASE} TO {REPLICA}",
    # What operators do: see who streams and who is connected, promote, stop waiting for standbys that are gone.
    f"GRANT pg_read_all_stats TO {OWNER}",
    f"GRANT EXECUTE ON FUNCTION pg_promote(boolean, integer), pg_reload_conf() TO {OWNER}",
    f"GRANT ALTER SYSTEM ON PARAMETER synchronous_standby_names, storefront.term TO {OWNER}",
    # What pg_rewind asks its source for; without pg_read_server_files none of it leaves the data directory.
    f"GRANT EXECUTE ON FUNCTION pg_ls_dir(text, boolean, boolean), pg_stat_file(text, boolean),"
    f" pg_read_binary_file(text), pg_read_binary_file(text, bigint, bigint, boolean) TO {REPLICA}",
    # The history of the timeline, and the checkpoint before a rewinding.
    f"GRANT EXECUTE ON FUNCTION pg_read_file(text, boolean) TO {REPLICA}",
    f"GRANT pg_checkpoint TO {REPLICA}",
)


def passwords() -> dict[str, str]:
    """Role → password, from the environment; a role whose variable isn't set can't log in."""
    given = {role: os.environ.get(variable, "") for role, variable in PASSWORDS.items()}
    return {role: password for role, password in given.items() if password}


def socket_url(folder: Path, port: int, database: str = DATABASE) -> str:
    """The superuser's address: the Unix socket in that folder."""
    return f"postgresql://{SUPERUSER}@/{database}?host={quote(str(folder))}&port={port}"


def verifier(role: str, password: str) -> str:
    """What Postgres keeps of a password (RFC 5803). The same for the same password, so that it is written once."""
    salt = hashlib.sha256(f"{role}:{password}".encode()).digest()[:16]
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, SCRAM_ROUNDS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    salt_text, stored_text, server_text = (base64.b64encode(part).decode() for part in (salt, stored, server))
    return f"SCRAM-SHA-256${SCRAM_ROUNDS}:{salt_text}${stored_text}:{server_text}"
