"""Prometheus metrics of an instance: requests by route and status, and their duration.

`application` decides what is counted. Health checks and scrapes aren't: they would dilute the error
ratio.
"""

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest

from .settings import Settings

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0)
IDENTITY = ("service", "region", "release", "route")
disable_created_metrics()  # type: ignore[no-untyped-call]
# Of the whole process, whichever part counts them.
PROCESS = CollectorRegistry()
COMMITS_UNCONFIRMED = Counter("commits_unconfirmed", "Commits that no standby confirmed.", registry=PROCESS)
COMMITS_LOCAL = Counter(
    "commits_local", "Answers that rely on the primary alone, by the guardrail degraded.", registry=PROCESS
)
LOOP_FAILURES = Counter(
    "loop_failures", "Rounds of a background loop that failed.", ("loop",), registry=PROCESS
)
ORDERS_SET_ASIDE = Counter(
    "orders_set_aside", "Queued orders that will never be paid.", ("why",), registry=PROCESS
)


class Metrics:
    """Counters of one instance; `text()` is the exposition format."""

    def __init__(self, settings: Settings) -> None:
        self._registry = CollectorRegistry()
        self._identity = (settings.service, settings.region, settings.release)
        self._requests = Counter(
            "http_requests", "Requests answered.", (*IDENTITY, "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "http_request_duration_seconds",
            "Time to answer.",
            IDENTITY,
            registry=self._registry,
            buckets=BUCKETS_S,
        )
        self._by_status: dict[tuple[str, int], Counter] = {}
        self._by_route: dict[str, Histogram] = {}

    def observe(self, route: str, status: int, seconds: float) -> None:
        """Count one answer. Children are kept, for looking labels up is the larger part of the cost."""
        requests = self._by_status.get((route, status))
        if requests is None:
            requests = self._requests.labels(*self._identity, route, str(status))
            self._by_status[(route, status)] = requests
        duration = self._by_route.get(route)
        if duration is None:
            duration = self._by_route[route] = self._seconds.labels(*self._identity, route)
        requests.inc()
        duration.observe(seconds)

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry) + generate_latest(PROCESS)
