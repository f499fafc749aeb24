"""Operations on the databases exclude one another; the refused one says which is under way."""

from __future__ import annotations

import pytest

from gameday.operations import Operation
from gameday.ports import PortError
from gameday.system.leadership.operation_conflicts import DatabaseOperations

PRIMARY = "us-east"


def operation(text: str) -> Operation:
    name, _, target = text.partition(" ")
    return Operation(name, target, "ada")


@pytest.mark.parametrize(
    ("running", "ordered", "refused"),
    [
        ("promote eu-west", "promote me-central", True),
        ("promote eu-west", "promote eu-west", True),
        ("promote eu-west", "restart postgres", True),
        ("promote eu-west", "rejoin us-east", True),
        ("restart postgres", "promote eu-west", True),
        ("restart postgres", "rejoin me-central", True),
        ("rejoin me-central", "rejoin me-central", True),
        ("rejoin us-east", "restart postgres", True),
        ("rejoin us-east", "promote eu-west", True),
        ("rejoin me-central", "rejoin eu-west", False),
        ("rejoin me-central", "promote eu-west", False),
        ("rejoin me-central", "restart postgres", False),
        ("promote eu-west", "restart checkout", False),
        ("promote eu-west", "failover us-east", False),
        ("restart checkout", "promote eu-west", False),
    ],
)
def test_the_second_operation_is_refused_with_the_first_as_the_reason(
    running: str, ordered: str, refused: bool
) -> None:
    """A promotion needn't wait for a region that rejoins: that may take as long as a copy of its data."""
    databases = DatabaseOperations("postgres")
    with databases.claim(operation(running), PRIMARY):
        if refused:
            with pytest.raises(PortError) as error, databases.claim(operation(ordered), PRIMARY):
                pytest.fail("it was let through")
            assert str(error.value) == (
                f"refused: {running} by ada is under way on the databases; repeat {ordered} once it has ended"
            )
        else:
            with databases.claim(operation(ordered), PRIMARY):
                pass
    with databases.claim(operation(ordered), PRIMARY):
        """Nothing is under way any more."""


def test_an_operation_that_failed_is_not_under_way() -> None:
    """The next one is let through."""
    databases = DatabaseOperations("postgres")
    with pytest.raises(PortError, match="broken"), databases.claim(operation("promote x"), PRIMARY):
        raise PortError("broken")
    with databases.claim(operation("promote x"), PRIMARY):
        """Let through."""


def test_a_system_without_databases_has_nothing_to_exclude() -> None:
    """Its promotions fail for their own reason."""
    databases = DatabaseOperations(None)
    with databases.claim(operation("promote x"), ""), databases.claim(operation("promote x"), ""):
        """Both let through."""
