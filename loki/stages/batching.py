"""2b. Target -> Asks: the texts of one ask in as few requests as the provider's limits allow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from loki.money.count_tokens import estimate_tokens
from loki.providers import route_of
from loki.record import replace
from loki.records import Ask, Target
from loki.wire import wire
from loki.wire.protocol import TextsWire

A = TypeVar("A")

#: The most texts to embed in one request, unless the model's ``max_batch_size`` says otherwise:
#: the vectors of many more are, as JSON, more than an answer in one piece may be.
DEFAULT_BATCH_LIMITS = 256


def split_texts(target: Target) -> tuple[Ask, ...]:
    """Split an ask into one for each request; an ask without texts is one request too."""
    texts, tokens = batch_limits(target)
    batches = group_in_batches(target.ask.texts, texts, tokens, estimate_tokens)
    asks = tuple(replace(target.ask, texts=batch, stream=False) for batch in batches)
    return asks or (replace(target.ask, stream=False),)


def batch_limits(target: Target) -> tuple[int | None, int | None]:
    """Return the most texts and the most tokens of one request; None is no limit."""
    route = route_of(target)
    measure = wire(target.model.type, route.wire(target)) if route else None
    texts, tokens = None, None
    if isinstance(measure, TextsWire):
        texts, tokens = measure.max_texts, measure.max_tokens
    if target.model.type == "embedding":
        texts = min(texts or DEFAULT_BATCH_LIMITS, DEFAULT_BATCH_LIMITS)
    return target.model.max_batch_size or texts, tokens


def group_in_batches(
    items: Iterable[A | None],
    most_items: int | None,
    tokens: int | None,
    size: Callable[[A], int],
) -> Iterator[tuple[A, ...]]:
    """Group items, in order, within both limits; one item over the limit goes alone.

    ``size`` tells the tokens of an item. None stands for a pause: what is there goes at once.

    >>> list(group_in_batches(["a", "b", "c"], 2, None, len))
    [('a', 'b'), ('c',)]
    >>> list(group_in_batches(["abc", "d", "efghi"], 9, 4, len))
    [('abc', 'd'), ('efghi',)]
    >>> list(group_in_batches(["a", None, "b", "c"], 9, None, len))
    [('a',), ('b', 'c')]
    """
    batch: list[A] = []
    total = 0
    for item in items:
        count = 0 if item is None else size(item)
        full = (most_items and len(batch) >= most_items) or (tokens and total + count > tokens)
        if batch and (item is None or full):
            yield tuple(batch)
            batch, total = [], 0
        if item is not None:
            batch.append(item)
            total += count
    if batch:
        yield tuple(batch)
