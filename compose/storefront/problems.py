"""The ways in which a request fails on purpose, each with the HTTP status that says so.

Problem (any status)
└─ UpstreamProblem            a peer is at fault, not the caller
   ├─ Unreachable (503)       nothing of an answer came: refused, cut, closed
   ├─ Broken (502)            an answer came, and it was a failure
   ├─ TimedOut (504)          no answer in time
   ├─ Refused (503)           it wasn't even asked: one of our guardrails said no
   └─ Unconfirmed (503)       no standby of the database has it: what became of the request is unknown
"""


class Problem(Exception):
    """A failure with the status and text for its caller; `retry_after_s` is sent if it isn't 0."""

    def __init__(self, status: int, message: str, retry_after_s: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after_s = retry_after_s


class UpstreamProblem(Problem):
    """A peer of this service failed."""


class Unreachable(UpstreamProblem):
    """The peer gave no byte of an answer."""

    def __init__(self, peer: str) -> None:
        super().__init__(503, f"{peer} is unreachable")


class Broken(UpstreamProblem):
    """The peer answered with a failure, or with half an answer."""

    def __init__(self, peer: str, why: str) -> None:
        super().__init__(502, f"{peer} failed: {why}")


class TimedOut(UpstreamProblem):
    """The peer took longer than this service waits."""

    def __init__(self, peer: str) -> None:
        super().__init__(504, f"{peer} did not answer in time")


class Refused(UpstreamProblem):
    """A guardrail of this service keeps it from asking the peer."""

    def __init__(self, peer: str, why: str, retry_after_s: int = 0) -> None:
        super().__init__(503, f"{peer} is not asked: {why}", retry_after_s)


class Unconfirmed(UpstreamProblem):
    """Replication is synchronous and no standby has confirmed; `meaning` says what that leaves open."""

    def __init__(self, meaning: str) -> None:
        super().__init__(503, f"no standby of postgres confirms: {meaning}")
