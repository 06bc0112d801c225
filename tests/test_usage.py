"""Sums of what several calls took: what one does not say is unknown where all should."""

from __future__ import annotations

from decimal import Decimal

import pytest

from loki.usage import Usage, add_usages


@pytest.mark.parametrize(
    ("usages", "expected"),
    [
        ([Usage(input=1, output=2)], Usage(input=1, output=2)),
        ([Usage(input=1, output=2), Usage(input=0, output=3)], Usage(input=1, output=5)),
        ([Usage(input=1), Usage(output=2)], Usage()),
        ([Usage(reasoning=4), Usage()], Usage(reasoning=4)),
        ([Usage(cache_write_1h=0), Usage()], Usage(cache_write_1h=0)),
        ([Usage(tier="flex"), Usage(tier="default")], Usage(tier="default")),
        ([Usage(tier="flex"), Usage()], Usage()),
        (
            [Usage(told_cost=Decimal("0.1")), Usage(told_cost=Decimal("0.2"))],
            Usage(told_cost=Decimal("0.3")),
        ),
    ],
)
def test_a_sum_has_what_is_known_of_all(usages: list[Usage], expected: Usage) -> None:
    assert add_usages(usages) == expected
