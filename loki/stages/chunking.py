"""2a. Text, Model -> texts: a long text in pieces that the model takes."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

from loki.money.count_tokens import estimate_tokens
from loki.records import Model

#: Tokens of a piece where the model's settings name none.
DEFAULT_CHUNK_SIZES = 1000

#: Where a text may be cut, the best places first: after a paragraph, a sentence, a word.
BREAKS = (
    re.compile(r"\n\s*\n"),
    re.compile(r"[.!?…]['\")\]’”»]*\s+|[。！？｡][」』”’）]*\s*|\n"),
    re.compile(r"\s+"),
)


def chunk_size(model: Model) -> int:
    """Return the tokens of a piece: what suits the model, and never more than it takes.

    >>> chunk_size(Model("m", "m", default_chunk_size=2000, max_tokens_per_chunk=512))
    512
    """
    limits = [limit for limit in (model.max_tokens_per_chunk, model.max_input_tokens) if limit]
    return max(1, min([model.default_chunk_size or DEFAULT_CHUNK_SIZES, *limits]))


def chunk(text: str, size: int) -> Iterator[str]:
    """Split a text into pieces of at most ``size`` tokens, without the blanks around them.

    >>> list(chunk("One two. Three four.\\n\\nFive six seven.", 6))
    ['One two. Three four.', 'Five six seven.']
    >>> list(chunk("One two. Three four.", 3))
    ['One two.', 'Three four.']
    """
    start = 0
    while start < len(text):
        end = start + find_cut(text[start : start + 4 * size + 1], size)
        if piece := text[start:end].strip():
            yield piece
        start = end


def find_cut(window: str, size: int) -> int:
    """Return where the first piece ends, in characters; ``window`` is all that may be in it.

    A better place in the first third is passed over for a worse one further on.
    """
    fitting = (
        bisect_right(range(len(window) + 1), size, key=lambda n: estimate_tokens(window[:n])) - 1
    )
    if fitting == len(window):
        return fitting
    for places in BREAKS:
        matches = places.finditer(window)
        ends = [
            match.end() for match in matches if match.start() + len(match[0].rstrip()) <= fitting
        ]
        last = ends[-1] if ends else 0
        if 3 * last > fitting:
            return last
    return max(1, fitting)
