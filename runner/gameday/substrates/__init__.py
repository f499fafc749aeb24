"""Substrates: where a system runs, one folder a kind. docs/plugins.md shows how to register another."""

from __future__ import annotations

from collections.abc import Mapping

from gameday import registries
from gameday.substrates.substrate_kind import SubstrateKind, SubstrateSetup

KINDS: Mapping[str, SubstrateKind] = registries.SUBSTRATES
"""Every registered kind of substrate by name."""
OWN_KINDS: Mapping[str, SubstrateKind] = registries.OWN_SUBSTRATES
"""Kinds of systems of one's own, which no option chooses."""


__all__ = ["KINDS", "OWN_KINDS", "SubstrateKind", "SubstrateSetup"]
