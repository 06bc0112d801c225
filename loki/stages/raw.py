"""7b. Chunks -> events, each chunk's bytes before what they say: for an ask that wants them."""

from __future__ import annotations

from collections.abc import Iterator

from returns.result import Failure, Result, Success

from loki.problems import Problem
from loki.replies import Raw, WireEvent
from loki.wire.decoder import Decoder


def decode_with_bytes(
    decoder: Decoder, chunks: Iterator[Result[bytes, Problem]]
) -> Iterator[Result[list[WireEvent], Problem]]:
    """Yield the bytes and the events of each chunk; the bytes after the end of a stream too."""
    for result in chunks:
        if not isinstance(result, Success):
            yield Success(decoder.end())
            yield Failure(result.failure())
            return
        data = result.unwrap()
        yield Success([Raw(data), *decoder.feed(data)])
    yield Success([] if decoder.is_done else decoder.end())
