"""The platform's door to environments: who may delete one is told by the scopes of the credential that is brought."""

from collections.abc import Iterator

import pytest
import requests

from gameday.ports import PortError
from gameday.system import authorization, operator_client
from gameday.system.operator_client import Refused
from storefront.credentials import Credential, Credentials
from tests.support import storefront_services

ABLE, FIXER = "able-token", "fixer-token"
PATH = "/_operator/environments/us-east/delete"


@pytest.mark.parametrize("text", ["x", "x:y", ":y=z", "x:=z", "x=y:z"])
def test_a_credential_that_cannot_be_read_ends_the_start(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In words, and without the text, for a token may stand in it."""
    monkeypatch.setenv("CREDENTIALS", text)
    with pytest.raises(SystemExit, match="CREDENTIALS: each is") as raised:
        Credentials.from_environment()
    assert text not in str(raised.value).replace("name:token=scope scope", "")


def test_a_credential_has_the_scopes_that_are_listed() -> None:
    """None where none is; its token is in no text of it."""
    scenario = Credential.read("automation:secret=costs:deploy environment:delete")
    assert (scenario.name, scenario.token) == ("automation", "secret")
    assert scenario.scopes == {"costs:deploy", "environment:delete"}
    assert "secret" not in repr(scenario)
    assert Credential.read("nobody:secret=").scopes == frozenset()


@pytest.fixture(scope="module")
def edge() -> Iterator[int]:
    """The port of an edge that knows two automations, by what the runner would tell it of each."""
    port = storefront_services.free_port()
    known = [authorization.credentials(ABLE, least=False), authorization.credentials(FIXER, least=True)]
    gateways = f"us-east=http://127.0.0.1:{storefront_services.free_port()}"
    process = storefront_services.start("edge", port, {"GATEWAYS": gateways, "CREDENTIALS": ",".join(known)})
    yield port
    storefront_services.stop(process)


def post(port: int, header: str | None, path: str = PATH) -> tuple[int, dict[str, str]]:
    headers = {} if header is None else {"Authorization": header}
    answer = requests.post(f"http://127.0.0.1:{port}{path}", headers=headers, timeout=5)
    return answer.status_code, answer.json()


@pytest.mark.system
@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Basic {ABLE}",
        f"Bearer {ABLE}x",
        f"Bearer {storefront_services.TOKEN}",
    ],
)
def test_nobody_without_a_credential_is_listened_to(edge: int, header: str | None) -> None:
    """No token, another scheme, another token, that of the operators: 401, for a region that isn't there too."""
    assert post(edge, header) == (401, {"error": "no credential that is known here"})
    assert post(edge, header, PATH.replace("us-east", "atlantis"))[0] == 401


@pytest.mark.system
def test_a_credential_without_the_scope_is_refused(edge: int) -> None:
    """403 with the scope that it lacks and those that it has; the token isn't said again."""
    status, told = post(edge, f"Bearer {FIXER}")
    why = "the credential of automation lacks the scope environment:delete: it has costs:deploy"
    assert (status, told) == (403, {"error": why})
    assert post(edge, f"Bearer {FIXER}", PATH.replace("us-east", "atlantis"))[0] == 403


@pytest.mark.system
def test_a_credential_with_the_scope_is_allowed(edge: int) -> None:
    """202, for a region that is there; asked by anything but POST the door has nothing to say."""
    by_name = {"region": "us-east", "scope": "environment:delete", "credential": "automation"}
    assert post(edge, f"Bearer {ABLE}") == (202, by_name)
    assert post(edge, f"Bearer {ABLE}", PATH.replace("us-east", "atlantis")) == (
        404,
        {"error": "no region is called atlantis"},
    )
    headers = {"Authorization": f"Bearer {ABLE}"}
    assert requests.get(f"http://127.0.0.1:{edge}{PATH}", headers=headers, timeout=5).status_code == 405


@pytest.mark.system
def test_an_edge_that_knows_no_credential_refuses_everybody() -> None:
    """Without CREDENTIALS nobody may delete anything, not even by an empty token."""
    port = storefront_services.free_port()
    process = storefront_services.start("edge", port, {"GATEWAYS": "us-east=http://127.0.0.1:1"})
    try:
        assert {post(port, given)[0] for given in (None, "Bearer ", f"Bearer {ABLE}")} == {401}
    finally:
        storefront_services.stop(process)


@pytest.mark.system
def test_the_runner_hears_the_door_in_its_own_words(edge: int) -> None:
    """Allowed, refused, unknown, and a region that isn't there: each as it was said, and never with a token."""

    def ask(token: str, path: str = PATH) -> object:
        return operator_client.ask(("127.0.0.1", edge), "POST", path, None, token, "edge")

    assert ask(ABLE) == {"region": "us-east", "scope": "environment:delete", "credential": "automation"}
    with pytest.raises(
        Refused, match=r"^refused \(403\): the credential of automation lacks the scope"
    ) as refused:
        ask(FIXER)
    assert (refused.value.status, FIXER in str(refused.value)) == (403, False)
    with pytest.raises(Refused, match=r"^refused \(401\): no credential that is known here$"):
        ask("another")
    with pytest.raises(
        PortError, match=r"^edge: POST .*/atlantis/.*: status 404: no region is called atlantis$"
    ) as away:
        ask(ABLE, PATH.replace("us-east", "atlantis"))
    assert not isinstance(away.value, Refused)
