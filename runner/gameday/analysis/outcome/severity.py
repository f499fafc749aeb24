"""Severity of a run, Sev 1 (gravest) to Sev 5 (none): the first rule of a table that holds.

The rules are expressions like those of `expect`. A scenario can replace the table; docs/scenario.md has the default one.
"""

from __future__ import annotations

from collections.abc import Sequence

from gameday.analysis.expressions.expectations import parse, program
from gameday.analysis.expressions.vocabulary import values_of
from gameday.analysis.model.outcome_model import Measurements
from gameday.scenario import SeverityRule

NONE = 5
BUY, LOGIN = 'impact.journeys["buy"].users_affected_ratio', 'impact.journeys["login"].users_affected_ratio'
DEFAULT: Sequence[SeverityRule] = tuple(
    SeverityRule(sev=sev, when=when)
    for sev, when in (
        (1, "audit.lost > 0"),
        (1, f"effect && !recovered && ({BUY} >= 50% || {LOGIN} >= 50%)"),
        (2, "effect && !recovered"),
        (2, f"effect && ({BUY} >= 25% || {LOGIN} >= 25%)"),
        (3, f"effect && ({BUY} >= 5% || {LOGIN} >= 5%)"),
        (4, "effect"),
    )
)


def severity(measurements: Measurements, rules: Sequence[SeverityRule] = ()) -> int:
    """Return the severity by the first rule that holds, of a scenario's table or the default one; 5 if none does.

    A rule that uses a value that wasn't measured doesn't hold.
    """
    values = values_of(measurements)
    for rule in rules or DEFAULT:
        if program(parse(rule.when))(values) is True:
            return rule.sev
    return NONE
