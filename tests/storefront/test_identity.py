"""Tokens: only what this secret signed, untouched and in time, names a user."""

import pytest

from storefront.identity import signed, token_user

SECRET = b"secret"


def test_a_token_names_its_user_until_it_expires() -> None:
    """Good up to its expiry, None after."""
    token = signed(SECRET, 7, 1000)
    assert token_user(SECRET, token, 1000.0) == 7
    assert token_user(SECRET, token, 1000.5) is None


@pytest.mark.parametrize(
    "token", ["", "7", "7.1000", "7.1000.00", "x.1000.00", "7.-1.00", "7.1000.é", "²." * 3]
)
def test_what_is_no_token_names_nobody(token: str) -> None:
    """Spoilt tokens are None, never an error."""
    assert token_user(SECRET, token, 0.0) is None


def test_a_forged_token_names_nobody() -> None:
    """Another secret, another user or another expiry: None."""
    user, expires, signature = signed(SECRET, 7, 1000).split(".")
    assert token_user(b"other", f"{user}.{expires}.{signature}", 0.0) is None
    assert token_user(SECRET, f"8.{expires}.{signature}", 0.0) is None
    assert token_user(SECRET, f"{user}.2000.{signature}", 0.0) is None
