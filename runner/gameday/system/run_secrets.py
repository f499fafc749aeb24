"""Secrets of one run: drawn at its start, known to its services by environment variables, kept in no file of the run."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from urllib.parse import urlsplit

VARIABLES = {
    "database": "DATABASE_PASSWORD",
    "replica": "REPLICA_PASSWORD",
    "payments": "PAYMENTS_KEY",
    "customers": "TOKEN_SECRET",
    "links": "LINKS_SECRET",
}
"""Secret → the compose files' variable by which services get it."""


@dataclass(frozen=True)
class RunSecrets:
    """One random text each; empty if the system has none of them. None of them is in the representation.

    `database` is the password of the role that owns the database, `replica` that of the role that databases and backups
    use among themselves, `payments` the merchant's key at the third party, `customers` what customers' tokens are
    signed with, `links` what the link servers' API asks for.
    """

    database: str = field(default="", repr=False)
    replica: str = field(default="", repr=False)
    payments: str = field(default="", repr=False)
    customers: str = field(default="", repr=False)
    links: str = field(default="", repr=False)

    @classmethod
    def draw(cls) -> RunSecrets:
        """Return new secrets of 128 random bits each."""
        return cls(**{secret.name: secrets.token_hex(16) for secret in fields(cls)})

    def variables(self) -> Mapping[str, str]:
        """Return the values of the compose files' variables."""
        return {VARIABLES[secret.name]: getattr(self, secret.name) for secret in fields(self)}

    def database_url(self, url: str) -> str:
        """Return a postgresql:// address with the owner's password in it; unchanged if there is none."""
        parts = urlsplit(url)
        if not self.database or parts.username is None:
            return url
        _, _, place = parts.netloc.rpartition("@")
        return parts._replace(netloc=f"{parts.username}:{self.database}@{place}").geturl()
