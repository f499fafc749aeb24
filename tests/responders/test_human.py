"""Tests of responders for people and programs on call, which never act themselves."""

from __future__ import annotations

import pytest

from gameday.ports import Responder, View
from gameday.responders.external import External
from gameday.responders.human import Human
from tests.support.incidents import BAD, PAGE


@pytest.mark.parametrize(("responder", "kind"), [(Human(), "human"), (External(), "external")])
def test_never_acts_itself(responder: Responder, kind: str) -> None:
    """The responder orders nothing on a page with a bad change; the person at the door acts."""
    assert (responder.kind, responder.policy) == (kind, None)
    assert list(responder.poll(View(40.0, (PAGE,), (BAD,)))) == []
