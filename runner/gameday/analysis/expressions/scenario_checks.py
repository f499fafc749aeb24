"""Checks of the expressions of a scenario file: expectations, severities and abort conditions, each at its place."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from gameday.analysis.expressions.cost_limits import MOST_CHARACTERS, MOST_TOKENS_OF_FILE, count_tokens
from gameday.analysis.expressions.expectations import check
from gameday.analysis.expressions.vocabulary import ABORT, EXPECT
from gameday.scenario import Scenario, variants
from gameday.scenario.own.journey_context import journey_names
from gameday.scenario.scenario_model import MOST
from gameday.scenario.system_under_test import STOREFRONT
from gameday.scenario.yaml_document import Document, KeyPath, Problem


def expectations(document: Document) -> Iterator[Problem]:
    """Check expectations, with every name that the scenario chose: one with a misspelt name would never be judged."""

    placed = itertools.chain(variants.expectations(document), _severities(document))
    yield from _wrong(
        document,
        placed,
        EXPECT,
        slos=_slos(document),
        detectors=_detector_names(document),
        regions=[region for system in variants.systems(document) for region in system.regions],
        journeys=_journeys(document),
    )


def _severities(document: Document) -> Iterator[tuple[KeyPath, Any]]:
    """Yield (place, expression) of the scenario's own table of severities."""
    rules = document.data.get("severity")
    for index, rule in enumerate(rules[:MOST] if isinstance(rules, list) else []):
        if isinstance(rule, dict) and "when" in rule:
            yield ("severity", index, "when"), rule["when"]


def _detector_names(document: Document) -> list[str] | None:
    """Return the detectors of a scenario, the default ones if it names none; None if they can't be read."""
    used = document.data.get("detectors")
    if used is None:
        return [detection.detector for detection in Scenario.model_fields["detectors"].default]
    return _listed(used, "detector") if isinstance(used, list) else None


def _journeys(document: Document) -> list[str] | None:
    """Return the journeys that the load of the scenario or of a variant has; None if they can't be read."""
    matrix = document.data.get("matrix")
    overlays = list(matrix.values())[: variants.MOST] if isinstance(matrix, dict) else []
    mixes = [
        part["load"].get("journeys")
        for part in (document.data, *overlays)
        if isinstance(part, dict) and isinstance(part.get("load"), dict)
    ]
    known = [mix for mix in mixes if mix is not None] or [_default_mix(document)]
    if not all(isinstance(mix, Mapping) for mix in known):
        return None
    return [str(name) for mix in known for name, weight in mix.items() if weight != 0]


def _default_mix(document: Document) -> Mapping[str, Any]:
    """Return the weights of a load that names no journeys."""
    return dict.fromkeys(journey_names(document.data) or (), 1.0) or STOREFRONT.default_mix


def aborts(document: Document) -> Iterator[Problem]:
    """Check abort conditions, with regions and journeys: a condition with a misspelt name would never be true."""
    conditions = document.data.get("abort")
    if not isinstance(conditions, list) or not conditions:
        return

    placed = ((("abort", index), condition) for index, condition in enumerate(conditions))
    regions, journeys = (
        [region for system in variants.systems(document) for region in system.regions],
        journey_names(document.data) or list(STOREFRONT.journeys),
    )
    yield from _wrong(document, placed, ABORT, slos=_slos(document), regions=regions, journeys=journeys)


def _slos(document: Document) -> list[str]:
    return _listed(document.data.get("slos"), "name")


def _listed(items: Any, key: str) -> list[str]:
    return [str(item.get(key)) for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _wrong(
    document: Document, placed: Iterable[tuple[KeyPath, Any]], language: Any, **chosen: Sequence[str] | None
) -> Iterator[Problem]:
    """Yield a problem for each wrong expression; values that aren't text are the model's to report.

    Equal expressions are checked once, and all of a file together have a limit, so that any file is answered in seconds.
    """
    checked: dict[str, str | None] = {}
    tokens = 0
    for path, expression in placed:
        if not isinstance(expression, str):
            continue
        if expression not in checked:
            tokens += count_tokens(expression[:MOST_CHARACTERS])
            if tokens > MOST_TOKENS_OF_FILE:
                message = f"the expressions of a scenario have at most {MOST_TOKENS_OF_FILE} names, numbers and signs"
                yield document.problem(path, message, "this one and those after it aren't checked")
                return
            checked[expression] = _why_wrong(expression, language, chosen)
        why = checked[expression]
        if why:
            message, _, hint = why.partition("\n")
            yield document.problem(path, message, hint)


def _why_wrong(expression: str, language: Any, chosen: Mapping[str, Sequence[str] | None]) -> str | None:
    try:
        return check(expression, language, **chosen)
    except Exception as error:  # the parser raises many types; each means that the expression can't be used
        return f"can't be read: {type(error).__name__}"
