"""Tests of the gate `infrastructure`: plans that delete, lines that delete or widen."""

from __future__ import annotations

import pytest

from tests.support.proposals import findings, proposal


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("  force_destroy = true", "lets its data be destroyed"),
        ("  deletion_protection = false", "takes away the protection"),
        ("DROP TABLE orders;", "deletes data"),
        ('  "Action": ["*"]', "grants everything"),
        ('SCOPES = ("costs:deploy", "environment:delete")', "adds the scope environment:delete"),
        ('  cidr_blocks = ["0.0.0.0/0"]', "opens it to every address"),
        ("GRANT ALL ON orders TO app;", "grants every privilege"),
    ],
)
def test_a_line_that_deletes_or_widens_is_found(line: str, message: str) -> None:
    """Each planted line is found at its place, and the platform team can let it pass."""
    (finding,) = findings("infrastructure", proposal("infra/main.tf", "x = 1", line))
    assert message in finding.message
    assert (finding.file, finding.line, finding.approval) == ("infra/main.tf", 2, "platform")


def test_a_plan_that_deletes_an_environment_is_found() -> None:
    """The plan of an automation is looked at, not only its diff."""
    (finding,) = findings(
        "infrastructure", proposal(plan={"delete": "environment of us-east, volumes included"})
    )
    assert finding.message == "its plan deletes the environment of us-east, volumes included"


def test_a_clean_change_passes() -> None:
    """Ordinary lines, comments, and scopes that were there before are no finding."""
    lines = ("prevent_destroy = true", "# never terraform destroy", 'scope = "costs:deploy"', "ports: [80]")
    assert findings("infrastructure", proposal("infra/main.tf", *lines)) == []
    old = 'SCOPES = ("environment:delete",)'
    assert findings("infrastructure", proposal("a.py", f"{old}  # moved", removed=[old])) == []
    assert findings("infrastructure", proposal(migration="ALTER TABLE a ADD COLUMN b text;")) == []
    (finding,) = findings("infrastructure", proposal(migration="SELECT 1;\nDROP TABLE a;"))
    assert "the migration deletes data" in finding.message
