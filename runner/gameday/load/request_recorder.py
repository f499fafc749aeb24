"""Request recorder: the result of each request as one record of the shard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gameday.load.journeys import Step
from gameday.load.load_plan import Arrival
from gameday.load.oracle import Finding
from gameday.load.own_steps import OwnRequest
from gameday.recording.samples import ErrorKind, ShardWriter

NAN = float("nan")
NOT_CHECKED = 2


@dataclass(frozen=True, slots=True)
class Answer:
    """Result of one request. `content` is decoded, None if the request failed; `status` is 0 without a response.

    `primary` names the database that took part. Times are seconds since the run's start. If the request was sent several times (`attempts`), `start` is the first
    attempt's and all else the last one's.
    """

    start: float
    end: float
    error: ErrorKind
    status: int = 0
    region: str = ""
    release: str = ""
    primary: str = ""
    finding: Finding | None = None
    content: Any = None
    attempts: int = 1

    def is_retriable(self) -> bool:
        """Return True if the system failed, so that another attempt may succeed; clients don't check contents."""
        return self.error == ErrorKind.CONNECTION or (self.error == ErrorKind.STATUS and self.status >= 500)


class Recorder:
    """Writes records to one shard."""

    def __init__(self, shard: ShardWriter) -> None:
        self.shard = shard

    def answered(self, arrival: Arrival, step: Step | OwnRequest, planned: float, answer: Answer) -> None:
        """Record a request that was sent."""
        finding = answer.finding
        self.shard.append(
            planned,
            answer.start,
            answer.end,
            arrival.user,
            step.order,
            finding.total if finding else -1,
            self.shard.intern("release", answer.release),
            answer.status,
            self.shard.intern("journey", arrival.journey),
            self.shard.intern("step", step.name),
            self.shard.intern("region", answer.region),
            answer.error,
            int(finding.right) if finding else NOT_CHECKED,
            answer.attempts,
            self.shard.intern("primary", answer.primary),
            step.basket,
        )

    def skipped(self, arrival: Arrival, step: str, planned: float) -> None:
        """Record a request that couldn't be sent in time."""
        journey, step_number = self.shard.intern("journey", arrival.journey), self.shard.intern("step", step)
        names = self.shard.intern("region", ""), ErrorKind.NOT_SENT, NOT_CHECKED, 0
        release = self.shard.intern("release", "")
        self.shard.append(planned, NAN, NAN, arrival.user, 0, -1, release, 0, journey, step_number, *names)
