"""What rows come to as jobs: how many jobs, bytes and dollars."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from support import target

from loki.cli.batch.api_check import Count
from loki.edge.batch.api.session import Service, service_of


def service(most: int) -> Service:
    """Return whom to ask, for so many rows at once."""
    found = service_of(target({"type": "openai"})).unwrap()
    return replace(found, protocol=found.protocol._replace(max_rows=most))


def test_rows_are_counted_in_jobs_beside_both_prices() -> None:
    count, there = Count(), service(2)
    for _ in range(5):
        count.add(there, 1_000_000, Decimal("0.1"), Decimal("0.2"))
    assert count.format_counts() == "5 left in 3 jobs (5.0 MB) · at most $0.5 (one by one $1)"
    count.out, count.done, count.bad = 1, 2, 3
    assert count.format_counts().endswith(" · 1 out · 2 done before · 3 that no job can have")


def test_an_unknown_price_is_told_as_such() -> None:
    count = Count()
    count.add(service(2), 10, None, None)
    assert "at a price nobody knows" in count.format_counts()
