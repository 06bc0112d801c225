"""The totals of a run: added up by several threads, unknown where one part is."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from unittest.mock import sentinel

import pytest

from loki.cli.embed.run import Totals, summarize_rejected
from loki.problems import Problem
from loki.replies import Embeddings
from loki.usage import Usage


def embeddings(tokens: int | None, cost: str | None) -> Embeddings:
    request: Any = sentinel.request
    priced = None if cost is None else Decimal(cost)
    return Embeddings("a:b", Usage(input=tokens), request, cost=priced, vectors=())


@pytest.mark.parametrize(
    ("parts", "tokens", "cost"),
    [
        ([(2, "0.1"), (3, "0.2")], 5, Decimal("0.3")),
        ([(2, "0.1"), (None, "0.2")], None, Decimal("0.3")),
        ([(None, None), (3, "0.2")], None, None),
        ([], 0, Decimal(0)),
    ],
)
def test_what_is_unknown_of_one_is_unknown_of_all(
    parts: list[tuple[int | None, str | None]], tokens: int | None, cost: Decimal | None
) -> None:
    totals = Totals()
    for part in parts:
        totals.add(embeddings(*part))
    assert (totals.tokens, totals.cost) == (tokens, cost)


def test_one_text_alone_has_its_own_message() -> None:
    assert (
        summarize_rejected(1, 1, Problem("input", "line 1 is empty")).message == "line 1 is empty"
    )
