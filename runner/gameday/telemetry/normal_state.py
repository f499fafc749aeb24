"""Normal state of an SLO: the error ratio that its detectors take for normal, before and after the steady state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gameday.scenario import Slo
from gameday.slo.verdicts import critical


class Observed(NamedTuple):
    """Outcomes of a steady state: `errors` of `n` were bad."""

    errors: int
    n: int

    @property
    def ratio(self) -> float:
        """The error ratio, never 0: no error in 180 outcomes doesn't mean that there are none."""
        return (self.errors + 0.5) / (self.n + 1)


def p0_of(slo: Slo, own: Observed, pooled: Observed) -> float:
    """Return the error ratio taken as normal: a fifth of the budget or the observed ratio, whichever is larger.

    The observed ratio is that of all journeys, since a single one has too few outcomes to bound it, unless the SLO's
    own outcomes have significantly more errors.
    """
    alike = own.n == 0 or own.errors < critical(own.n, 1 - pooled.ratio)
    return max((1 - slo.objective) / 5, pooled.ratio if alike else own.ratio)


def pool(slos: Sequence[tuple[Slo, Observed]]) -> dict[str, Observed]:
    """Return what was observed of all journeys with the same indicator, by the SLO's name.

    An SLO over all journeys has their outcomes already; two SLOs of one journey have the same.
    """
    pooled: dict[str, Observed] = {}
    for slo, _ in slos:
        alike = {
            other.journey: observed
            for other, observed in slos
            if (other.sli, other.under) == (slo.sli, slo.under)
        }
        whole = alike.get(None)
        parts = [whole] if whole is not None else list(alike.values())
        pooled[slo.name] = Observed(sum(part.errors for part in parts), sum(part.n for part in parts))
    return pooled


def prior_p0(slo: Slo) -> float:
    """Return the error ratio taken as normal before any outcome."""
    return (1 - slo.objective) / 5
