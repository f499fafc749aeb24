"""What came of each request, as one record of the shard. Who sends it and judges the answer is left to the worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gameday.load.load_plan import Arrival
from gameday.load.oracle import Finding
from gameday.recording.samples import ErrorKind, ShardWriter

NAN = float("nan")
NOT_CHECKED = 2


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one request. `content` decoded, None where the request failed; `status` 0 without an answer.

    Where it was sent more than once, `attempts` times, it began with the first and the rest is of the last.
    """

    start: float
    end: float
    error: ErrorKind
    status: int = 0
    region: str = ""
    release: str = ""
    finding: Finding | None = None
    content: Any = None
    attempts: int = 1

    def is_worth_another(self) -> bool:
        """Where the system failed: another attempt may not. What a good answer holds isn't looked at by clients."""
        return self.error == ErrorKind.CONNECTION or (self.error == ErrorKind.STATUS and self.status >= 500)


class Recorder:
    """Writes to one shard."""

    def __init__(self, shard: ShardWriter) -> None:
        self.shard = shard

    def answered(self, arrival: Arrival, step: str, order: int, planned: float, answer: Answer) -> None:
        """A request that was sent; `order`: n of its order id, 0 where there is none."""
        finding = answer.finding
        self.shard.append(
            planned,
            answer.start,
            answer.end,
            arrival.user,
            order,
            finding.total if finding else -1,
            self.shard.intern("release", answer.release),
            answer.status,
            self.shard.intern("journey", arrival.journey),
            self.shard.intern("step", step),
            self.shard.intern("region", answer.region),
            answer.error,
            int(finding.right) if finding else NOT_CHECKED,
            answer.attempts,
        )

    def skipped(self, arrival: Arrival, step: str, planned: float) -> None:
        """A request that couldn't be sent in its time: never silent."""
        journey, step_number = self.shard.intern("journey", arrival.journey), self.shard.intern("step", step)
        names = self.shard.intern("region", ""), ErrorKind.NOT_SENT, NOT_CHECKED, 0
        release = self.shard.intern("release", "")
        self.shard.append(planned, NAN, NAN, arrival.user, 0, -1, release, 0, journey, step_number, *names)
