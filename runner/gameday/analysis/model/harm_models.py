"""Harm as the outcome holds it: impact on users, audit of orders and customer reports."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from gameday.analysis.model.result_file import Amount, Count, Model, described


class Tally(Model):
    """Requests of a stretch of a run. A bad one failed, was answered wrongly or was too slow; each has one kind.

    `hurt_s`: from the first bad one's planned time to the last one's end.
    """

    requests: Count | None = None
    bad: Count | None = described("requests that broke an SLO that covers them, failed, or were wrong")
    failed: Count | None = described("of them those without a good answer in time")
    wrong: Count | None = described("answered wrongly")
    slow: Count | None = described("answered, but later than an SLO that covers them allows")
    bad_ratio: Amount | None = None
    failed_ratio: Amount | None = None
    hurt_s: Amount | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_older_files(cls, data: Any) -> Any:
        """Take the failed requests for the bad ones in a file of an older version, which counted no others."""
        if isinstance(data, dict) and data.get("bad") is None and data.get("failed") is not None:
            return {**data, "bad": data["failed"], "bad_ratio": data.get("failed_ratio")}
        return data


class UserTally(Tally):
    """A `Tally` with the number of users who met a bad request, and their share of the users seen."""

    users: Count | None = None
    users_affected_ratio: Amount | None = None


class Place(Model):
    """A region that users live in, and a journey."""

    region: str
    journey: str


class BlastCell(Tally, Place):
    """The requests of one journey of the users of one region."""


class UserHurt(Model):
    """Seconds from a hurt user's first bad request to the end of the last one, over all users hurt."""

    median: Amount | None = None
    p95: Amount | None = None
    longest: Amount | None = None


class Impact(UserTally):
    """Requests and users from effect to recovery, as a whole and by groups; all null if nothing was judged."""

    user_hurt_s: UserHurt = UserHurt()
    users_per_minute: Amount | None = described("users hurt, for each minute from effect to recovery")
    bad_s: Amount | None = described("seconds in which at least one bad request was waited for")
    after_recovery: Tally = Field(default=Tally(), description="from recovery to the end of the run")
    regions: dict[str, UserTally] = Field(
        default_factory=dict, description="by the region that users live in"
    )
    served: dict[str, Tally] = Field(default_factory=dict, description="by the region that answered")
    journeys: dict[str, UserTally] = Field(default_factory=dict)
    releases: dict[str, Tally] = Field(default_factory=dict)
    blast: tuple[BlastCell, ...] = ()
    error_budget_spent: Amount | None = described("of the SLO that spent the largest share of its budget")
    budgets: dict[str, Amount | None] = Field(
        default_factory=dict, description="the share of each SLO's budget"
    )
    sales_lost_cents: Count | None = described(
        "buyers who met a failure and placed no order later, times the mean order; see docs/audit.md"
    )


class PrimarySpan(Model):
    """A database that acknowledged orders: its region and the timeline of its log, `us-east/1`; from first to last order."""

    primary: str
    since: float
    until: float
    acknowledged: Count


class TwoPrimaries(Model):
    """Two databases that acknowledged orders in the same time, and that time: their data diverged."""

    primaries: tuple[str, str]
    since: float
    until: float


class ResidualPlace(Model):
    """A journey, of the users of one region and on one release if these are named, that is worse than in steady state."""

    journey: str
    region: str = ""
    release: str = ""
    requests: Count = 0
    bad: Count = 0
    did: str = ""
    slos: tuple[str, ...] = Field(default=(), description="the SLOs that cover such requests")


class Residual(Model):
    """The last `hold` seconds of a run: what still fails in them, and how much of it they can't rule out."""

    since: float | None = None
    requests: Count | None = None
    bad: Count | None = None
    at_most: Amount | None = described(
        "the largest share of bad requests that they allow (95 %, Clopper–Pearson)"
    )
    places: tuple[ResidualPlace, ...] = ()


class Audit(Model):
    """Orders by three records: clients', Postgres' and the third party's ledger. Null if a record is missing."""

    acknowledged: Count | None = described("orders that a client was told are placed")
    lost: Count | None = described("of them those that Postgres doesn't hold as paid")
    duplicated: Count | None = described("orders that Postgres holds beyond one for each purchase")
    charged_twice: Count | None = described("orders with more than one charge in the ledger")
    oversold: Count | None = described("units sold for which no stock was taken")
    sold_out: Count | None = described("orders that a client was last told are out of stock")
    wrong_amount: Count | None = described(
        "paid orders for which client, Postgres and ledger don't name one amount"
    )
    wrong_amount_cents: Count | None = described("the sum of highest less lowest amount of each")
    indeterminate: Count | None = described("paid orders whose client got an error or no answer")
    charged_not_kept: Count | None = described(
        "orders that were charged and that Postgres doesn't hold as paid"
    )
    kept_not_charged: Count | None = described("paid orders for which the ledger has no charge")
    wrong_basket: Count | None = described(
        "orders that Postgres holds with other items than the client ordered"
    )
    wrong_customer: Count | None = described(
        "orders that Postgres holds for another customer than the client"
    )
    stock_without_order: Count | None = described("units taken from the stock for no order")
    rpo_s: Amount | None = described(
        "loss of the database less the acknowledgement of the oldest lost order; 0 if none is lost"
    )
    two_primaries: Count | None = described(
        "pairs of databases that acknowledged orders in the same time; null if no answer names its database"
    )
    primaries: tuple[PrimarySpan, ...] = ()
    two_primaries_spans: tuple[TwoPrimaries, ...] = ()
    asynchronous_s: Amount | None = described(
        "seconds in which orders were acknowledged without a standby though replication is synchronous"
    )


class ReportCurve(Model):
    """Reports of each second from `since` on."""

    since: float
    counts: tuple[Count, ...] = ()


class CustomerReports(Model):
    """Simulated reports of customers; seconds since the effect. All null if nothing was judged."""

    peak: Count | None = described("most reports in one second")
    total: Count | None = described("up to the end of the run")
    first_s: float | None = described("the first report")
    alarm_s: float | None = described("the report that makes enough of them for everyone to know")
    ahead_client_s: float | None = described(
        "how much sooner the fastest client-side detector was than that; below 0 it was later"
    )
    ahead_service_s: float | None = described("likewise the fastest service-side one")
    curve: ReportCurve | None = None
