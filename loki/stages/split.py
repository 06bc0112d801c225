"""2b. Target -> Asks: the texts of one ask in as few requests as the provider's limits allow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from loki.clients import route_of
from loki.records import Ask, Target
from loki.stages.resolve import estimate
from loki.wire import CEILINGS


def split(target: Target) -> tuple[Ask, ...]:
    """The same ask once for each request; an ask without texts is one request too."""
    texts, tokens = ceilings(target)
    batches = batched(target.ask.texts, texts, tokens)
    return tuple(replace(target.ask, texts=batch) for batch in batches) or (target.ask,)


def ceilings(target: Target) -> tuple[int | None, int | None]:
    """The most texts, and the most tokens in sum, of one request; None is no limit."""
    route = route_of(target)
    texts, tokens = CEILINGS.get(route.wire(target), (None, None)) if route else (None, None)
    return target.model.max_batch_size or texts, tokens


def batched(
    texts: Iterable[str], most: int | None, tokens: int | None
) -> Iterator[tuple[str, ...]]:
    """Texts in order, in batches within both limits; one text over the limit goes alone.

    >>> list(batched(["a", "b", "c"], 2, None))
    [('a', 'b'), ('c',)]
    >>> list(batched(["abcd" * 3, "abcd", "abcd" * 9], None, 4))
    [('abcdabcdabcd', 'abcd'), ('abcdabcdabcdabcdabcdabcdabcdabcdabcd',)]
    """
    batch: list[str] = []
    size = 0
    for text in texts:
        count = estimate(text)
        full = (most and len(batch) >= most) or (tokens and size + count > tokens)
        if batch and full:
            yield tuple(batch)
            batch, size = [], 0
        batch.append(text)
        size += count
    if batch:
        yield tuple(batch)
