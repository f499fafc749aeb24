"""Background loops: an unforeseen error is counted and logged, and the loop goes on."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from storefront import metrics, supervision
from tests.support.storefront_services import Shop, sql
from tests.support.waiting import until


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the pauses that were asked for; none of them takes time."""
    pauses: list[float] = []
    wait = asyncio.sleep

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await wait(0)

    monkeypatch.setattr("storefront.supervision.asyncio.sleep", sleep)
    return pauses


def failing(times: int) -> Callable[[], Awaitable[None]]:
    """Return a loop that raises so often, then ends."""
    left = [times]

    async def loop() -> None:
        left[0] -= 1
        if left[0] >= 0:
            raise KeyError("unforeseen")

    return loop


def failures(name: str) -> float:
    """Return how many failures of that loop were counted."""
    value: float = metrics.LOOP_FAILURES.labels(name)._value.get()
    return value


def test_a_loop_goes_on_after_errors_with_a_growing_pause(
    no_pause: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    """Seven failures: each is counted and in the log with its traceback; the pause doubles up to its limit."""
    asyncio.run(supervision.supervised("seven", failing(7)))
    assert no_pause == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0]
    assert failures("seven") == 7
    log = capsys.readouterr().err
    assert log.count("background loop seven failed and goes on:") == log.count("KeyError: 'unforeseen'") == 7


def test_a_loop_that_was_well_for_long_begins_with_the_first_pause(
    no_pause: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error a day isn't answered with a pause of fifteen seconds."""
    monkeypatch.setattr(supervision, "WELL_S", -1.0)
    asyncio.run(supervision.supervised("well", failing(3)))
    assert no_pause == [0.5, 0.5, 0.5]


def test_a_cancelled_loop_ends() -> None:
    """Supervision doesn't keep a service from stopping."""

    async def run() -> None:
        task = asyncio.create_task(supervision.supervised("forever", asyncio.Event().wait))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()

    asyncio.run(run())


@pytest.mark.system
def test_the_stock_on_product_pages_comes_back_after_an_unforeseen_error(shop: Shop) -> None:
    """Its loop outlives a table that is missing for a moment, and the service counts the failure."""
    until(lambda: shop.get("/products/9").json()["stock"] == 1_000_000, "the stock is shown")
    sql(shop, "ALTER TABLE stock RENAME TO elsewhere")
    try:
        until(
            lambda: 'loop_failures_total{loop="stock"}' in shop.metrics("catalog"), "the failure is counted"
        )
    finally:
        sql(shop, "ALTER TABLE elsewhere RENAME TO stock")
    sql(shop, "UPDATE stock SET quantity = 77 WHERE product = 9")
    until(lambda: shop.get("/products/9").json()["stock"] == 77, "the stock is read again")
