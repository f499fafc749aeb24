"""Credentials that a run's wiring gives to its system, and to no other part."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gameday.execution import library, wiring
from gameday.ports import Release
from gameday.recording.clock import RunClock
from gameday.recording.journal import Journal
from gameday.scenario import Guardrails, Scenario
from gameday.system.authorization import check_may_delete
from gameday.system.operator_client import Refused
from gameday.system.run_secrets import RunSecrets
from gameday.system.system import System
from gameday.topology import bundled, read_topology
from tests.support import storefront_services
from tests.support.fake_substrate import FakeSubstrate
from tests.support.fakes import FakeLinks
from tests.support.nonempty_all import nonempty_all

TOKEN, CREDENTIAL = "of-the-operators", "of-the-automation"


def scenario(*, least: bool) -> Scenario:
    protected = library.read(library.find("environment-protected"))
    return protected.model_copy(update={"guardrails": Guardrails(leastPrivilege=least)})


@contextmanager
def edge_of(values: dict[str, str]) -> Iterator[System]:
    """Return a system whose one instance is a real edge, with the compose file's environment filled
    from these values."""
    topology = read_topology(bundled.compose(), ("us-east", "eu-west"))
    service = topology.service("edge", "edge")
    port = storefront_services.free_port()
    own = {**values, "HOST": "127.0.0.1", "PORT": str(port)}
    process = storefront_services.start(
        "edge", port, {name: text.render(own) for name, text in service.environment.items()}
    )
    substrate = FakeSubstrate()
    substrate.address = lambda instance: ("127.0.0.1", port)  # type: ignore[method-assign]
    substrate.start(service, Release("edge-1.0.0", "edge", None), {})
    try:
        yield System(
            substrate, FakeLinks(), topology, lambda name: Release(name, name, None), credential=CREDENTIAL
        )
    finally:
        storefront_services.stop(process)


@pytest.mark.system
@pytest.mark.parametrize("least", [True, False])
def test_the_guardrail_is_a_scope_that_the_system_knows(least: bool) -> None:
    """The edge refuses the automation's credential if the guardrail is on, and lets it delete
    otherwise."""
    with edge_of(wiring._variables(scenario(least=least), TOKEN, CREDENTIAL, RunSecrets.draw())) as system:
        if least:
            with pytest.raises(
                Refused, match=r"\(403\): .* lacks the scope environment:delete: it has costs:deploy$"
            ):
                check_may_delete(system, "eu-west")
        else:
            check_may_delete(system, "eu-west")


@pytest.mark.system
def test_the_credential_that_the_compose_file_shows_opens_nothing_in_a_run() -> None:
    """The default is for runs by hand; a run replaces it by its own, whatever the guardrails."""
    shown = read_topology(bundled.compose(), ("us-east",)).service("edge", "edge").environment["CREDENTIALS"]
    known = shown.render({}).partition("=")[0].partition(":")[2]
    with edge_of(wiring._variables(scenario(least=False), TOKEN, CREDENTIAL, RunSecrets.draw())) as system:
        for stranger in (known, TOKEN, ""):
            system.credential = stranger
            with pytest.raises(Refused, match=r"\(401\)"):
                check_may_delete(system, "eu-west")


def test_only_the_edge_gets_credentials() -> None:
    """No service of a region gets them, and they are on no command line."""
    services = read_topology(bundled.compose(), ("us-east",)).services
    services_with_credentials = {
        service.id
        for service in services
        for text in service.environment.values()
        if "CREDENTIALS" in text.variables()
    }
    assert services_with_credentials == {"edge"}
    assert not any("CREDENTIALS" in word.variables() for service in services for word in service.command)


def test_every_run_draws_its_own(tmp_path: Path) -> None:
    """The credentials of two runs differ, as do those of operators and automation."""
    drawn = []
    for run in ("a", "b"):
        settings = wiring.Settings(run, tmp_path / run, 1, "process")
        journal = Journal(tmp_path / f"{run}.jsonl")
        system = wiring.operator(scenario(least=True), settings, journal, RunClock()).system
        journal.close()
        drawn += [system.token, system.credential]
    assert len(set(drawn)) == 4
    assert nonempty_all(len(secret) == 32 for secret in drawn)
