"""Texts go out in batches within both limits, in their order, each once."""

from __future__ import annotations

from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from loki.stages.batching import group_in_batches

SIZES = st.lists(st.integers(0, 12) | st.none(), max_size=60)


def weight(item: int) -> int:
    """Items are their own size."""
    return item


@given(sizes=SIZES, most=st.integers(1, 9), tokens=st.integers(1, 20) | st.none())
def test_batches_keep_order_and_limits(
    sizes: list[int | None], most: int, tokens: int | None
) -> None:
    batches = list(group_in_batches(iter(sizes), most, tokens, weight))
    assert [*chain(*batches)] == [each for each in sizes if each is not None]
    for batch in batches:
        assert 1 <= len(batch) <= most
        assert tokens is None or len(batch) == 1 or sum(batch) <= tokens


@given(sizes=st.lists(st.integers(1, 12), max_size=60), most=st.integers(1, 9))
def test_no_two_neighbours_would_fit_into_one_request(sizes: list[int], most: int) -> None:
    batches = list(group_in_batches(sizes, most, 20, weight))
    for one, two in zip(batches, batches[1:], strict=False):
        assert len(one) == most or sum(one) + two[0] > 20


def test_a_pause_sends_what_is_there() -> None:
    assert list(group_in_batches([1, 2, None, None, 3, None], 9, None, weight)) == [(1, 2), (3,)]


def test_texts_are_read_only_as_far_as_a_batch_needs() -> None:
    read: list[int] = []

    def source() -> chain[int]:
        return chain.from_iterable([read.append(i) or i] for i in range(10**9))  # type: ignore[func-returns-value]

    assert next(group_in_batches(source(), 3, None, weight)) == (0, 1, 2)
    assert len(read) <= 4
