"""What a run shows of its changes: suspects, canaries, and the causes that people named."""

from __future__ import annotations

from pydantic import Field

from gameday.analysis.model.result_file import Amount, Count, Model, described, stamp


class SuspectResult(Model):
    """A change in flight, ranked by evidence: when the first operation was ordered, or else at the end of the outage."""

    change: str
    release: str | None = None
    odds: Amount = Field(
        description="probability that the change is the cause; 1 minus the sum: no change is"
    )
    bad: Count = Field(default=0, description="bad requests with the release, since it began to ship")
    requests: Count = 0
    bad_without: Count = Field(
        default=0, description="bad requests without the release, since it began to ship"
    )
    requests_without: Count = 0


class CanaryStep(Model):
    """One share of users of a canary; the counts are the last that its analysis journalled."""

    t: float
    share: Amount
    state: str | None = described("healthy, worse, no-data or unclear; null if it ended before a verdict")
    why: str = ""
    requests: Count = 0
    bad: Count = 0
    rest_requests: Count = 0
    rest_bad: Count = 0
    slower: float | None = described("median latency against the rest's; 0.1 is 10 % slower")
    p_latency: Amount | None = described("one-sided p of Mann-Whitney's test that the canary is slower")


class CanaryLimit(Model):
    """The smallest share × time that finds a defect in the mean: percent of users times seconds, at this traffic."""

    defect: Amount = Field(description="share of requests that the defect makes fail")
    requests: Amount = Field(description="mean requests of the canary to the alarm")
    percent_seconds: Amount


class CanaryResult(Model):
    """A canary and its end. `result`: promoted, aborted or cancelled; null if the run ended before."""

    change: str
    service: str | None = None
    release: str | None = None
    result: str | None = None
    why: str = ""
    by: str = ""
    ended: float | None = stamp("it was promoted or aborted")
    false_abort: Amount | None = described("stated probability that a good release is aborted")
    pauses: tuple[str, ...] = ()
    steps: tuple[CanaryStep, ...] = ()
    limits: tuple[CanaryLimit, ...] = ()
    users: Count | None = described("users hurt who were in the canary, from its start to its end")
    users_at_once: Amount | None = described(
        "users hurt expected if all had got the release for as long: the canary's, by its share of users"
    )


class Diagnosis(Model):
    """A cause that a person or a program named. `right`: a faulty change, or a service that a fault or such a change hit."""

    t: float
    culprit: str
    by: str = ""
    text: str = ""
    right: bool
    after_effect_s: Amount | None = described("seconds since the effect; null if there was none before it")
