"""What a run may cost is kept before anything is sent, by all its threads together."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki.edge.batch.cost_limit import CostLimit
from loki.money.budget import Allowance

ONE, TWO = Decimal(1), Decimal(2)


def test_what_does_not_fit_ends_it_if_nothing_is_under_way() -> None:
    limit = CostLimit(ONE)
    assert not limit.reserve(TWO) and limit.missed == TWO
    assert not limit.reserve(Decimal("0.1"))  # nothing more begins


def test_who_does_not_fit_waits_for_what_is_under_way_to_be_cheaper() -> None:
    limit, waited = CostLimit(TWO), threading.Event()

    @contextmanager
    def waiting():  # type: ignore[no-untyped-def]
        waited.set()
        yield

    assert limit.reserve(TWO)
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(limit.reserve, ONE, waiting)
        assert waited.wait(5) and not other.done()
        limit.settle(TWO, ONE)
        assert other.result(5)
    assert limit.allowance == Allowance(TWO, spent=ONE, reserved=ONE)


@pytest.mark.parametrize("cost", [TWO, None])
def test_what_nobody_knows_counts_as_the_worst(cost: Decimal | None) -> None:
    limit = CostLimit(TWO)
    assert limit.reserve(TWO)
    limit.settle(TWO, cost)
    assert limit.allowance.spent == TWO and not limit.reserve(ONE)


def test_an_end_lets_nobody_wait() -> None:
    limit = CostLimit(TWO)
    assert limit.reserve(TWO)
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(limit.reserve, Decimal("0"))
        assert other.result(5)  # what is free always fits
        third = pool.submit(limit.reserve, TWO)
        limit.wake_waiting()
        assert third.result(5) is False


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=30), st.integers(0, 40))
def test_no_order_of_rows_passes_the_limit(result: list[tuple[int, int]], most: int) -> None:
    purse, under_way = Allowance(Decimal(most)), []
    for worst, cost in result:
        if purse.fits(Decimal(worst)):
            purse = purse.reserve(Decimal(worst))
            under_way.append((Decimal(worst), Decimal(min(cost, worst))))
        elif under_way:
            purse = purse.settle(*under_way.pop())
        assert purse.spent + purse.reserved <= purse.limit
