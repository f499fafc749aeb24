"""Routing of users to canaries: sticky by user, exact in share, off by default, and only by operators' order."""

import pytest

from storefront.canary import SHARES, USER, Canary, Shares, begin, by_region, drawn, of, parsed

RELEASE = "pricing-1.1.0"


def users_taken(shares: Shares, region: str = "us-east") -> set[int]:
    taken = set()
    for user in range(1, 2001):
        begin({"headers": [(USER, str(user).encode())]})
        if shares.takes("pricing", region):
            taken.add(user)
    return taken


def given(text: str) -> Shares:
    shares = Shares()
    shares.set(text)
    return shares


def test_without_a_share_nobody_gets_a_canary() -> None:
    """The default, a share of 0, another service, a request without a user."""
    assert users_taken(Shares()) == users_taken(given(f"pricing=0:{RELEASE}")) == set()
    assert users_taken(given("catalog=10000:catalog-1.1.0")) == set()
    begin({"headers": []})
    assert not given(f"pricing=10000:{RELEASE}").takes("pricing", "us-east")


def test_users_stay_where_they_are_as_the_share_grows() -> None:
    """Every user of a small share is among those of a larger one; each share is about as large as it says."""
    small, large = users_taken(given(f"pricing=500:{RELEASE}")), users_taken(given(f"pricing=2500:{RELEASE}"))
    assert small < large
    assert 60 <= len(small) <= 140
    assert 430 <= len(large) <= 570
    assert len(users_taken(given(f"pricing=10000:{RELEASE}"))) == 2000


def test_another_release_draws_other_users() -> None:
    """The same users aren't hurt by every canary."""
    one, other = (users_taken(given(f"pricing=2500:pricing-{version}")) for version in ("1.1.0", "1.2.0"))
    assert 0.15 < len(one & other) / len(one) < 0.35


def test_a_region_takes_no_part_if_it_is_not_named() -> None:
    """`pricing=10000:release:eu-west` is for callers in eu-west."""
    shares = given(f"pricing=10000:{RELEASE}:eu-west+eu-north")
    assert users_taken(shares, "us-east") == set()
    assert len(users_taken(shares, "eu-west")) == 2000


@pytest.mark.parametrize(
    "text", ["pricing", "pricing=5%", "pricing=10001:x-1.0.0", "=5:x", "pricing=5:", "pricing=-1:x"]
)
def test_what_is_no_share_changes_nothing(text: str) -> None:
    """All of a text or none of it."""
    shares = given(f"pricing=500:{RELEASE}")
    with pytest.raises(ValueError, match="is not service=share:release"):
        shares.set(f"catalog=1:catalog-1.1.0,{text}")
    assert shares.text() == f"pricing=500:{RELEASE}"


def test_shares_are_written_as_they_are_read() -> None:
    """With regions in order."""
    text = f"catalog=1:catalog-1.1.0,pricing=500:{RELEASE}:eu-west+us-east"
    assert given(text).text() == text
    assert given("").text() == ""
    assert parsed(f"pricing=500:{RELEASE}")[0] == "pricing"
    assert 0 <= drawn("7", RELEASE) < 10_000


def test_an_instance_begins_with_the_shares_of_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """CANARY, or nothing; what can't be read ends the start with the reason."""
    monkeypatch.setenv("CANARY", f"pricing=500:{RELEASE}")
    assert Shares.from_environment().text() == f"pricing=500:{RELEASE}"
    monkeypatch.setenv("CANARY", "pricing")
    with pytest.raises(SystemExit, match="CANARY: pricing is not"):
        Shares.from_environment()


def test_a_peer_without_a_second_address_has_no_canary(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second address is PRICING_URL_CANARY; the edge has one for each region's gateway."""
    monkeypatch.delenv("PRICING_URL_CANARY", raising=False)
    assert of("pricing", "PRICING_URL") is None
    monkeypatch.setenv("PRICING_URL_CANARY", "http://localhost:1/")
    monkeypatch.setenv("REGION", "eu-west")
    canary = of("pricing", "PRICING_URL")
    assert canary == Canary("pricing", "http://localhost:1", "eu-west")
    assert not canary.takes()
    monkeypatch.setenv("GATEWAYS_CANARY", "us-east=http://a,eu-west=http://b")
    assert by_region("gateway", "GATEWAYS")["eu-west"] == Canary("gateway", "http://b", "eu-west")
    assert SHARES.text() == ""
