"""People and programs on call: whatever is seen, the responder itself never acts."""

from __future__ import annotations

import pytest

from gameday.ports import Responder, View
from gameday.responders.external import External
from gameday.responders.human import Human
from tests.support.incidents import BAD, PAGE


@pytest.mark.parametrize(("responder", "kind"), [(Human(), "human"), (External(), "external")])
def test_never_acts_itself(responder: Responder, kind: str) -> None:
    """A page and a change that begs to be taken back: that is for whoever holds the door."""
    assert (responder.kind, responder.policy) == (kind, None)
    assert list(responder.poll(View(40.0, (PAGE,), (BAD,)))) == []
