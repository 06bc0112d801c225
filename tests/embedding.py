"""A server whose vectors show the words of a text: what shares words is near."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Callable, Sequence

from servers import Asked, Script, plain

NUMBERS = 64


def vector_of(text: str, numbers: int = NUMBERS) -> list[float]:
    """How often each word stands in a text, by a hash of the word."""
    vector = [0.0] * numbers
    for word in text.lower().split():
        vector[zlib.crc32(word.encode()) % numbers] += 1.0
    return vector


def answer_with(numbers: int = NUMBERS) -> Callable[[Asked], Script]:
    """A server with vectors of some length, in the encoding that is asked for."""

    def answer(asked: Asked) -> Script:
        texts: Sequence[str] = asked.json["input"]
        rows = [{"index": i, "embedding": vector_of(t, numbers)} for i, t in enumerate(texts)]
        if asked.json.get("encoding_format") == "base64":
            for row in rows:
                row["embedding"] = packed(row["embedding"])  # type: ignore[arg-type]
        return plain({"data": rows, "usage": {"prompt_tokens": len(texts)}})

    return answer


def packed(vector: Sequence[float]) -> str:
    """A vector as base64 of float32."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


answer = answer_with()


def sent(asked: Sequence[Asked]) -> list[str]:
    """Every text that was sent, in no order."""
    return [text for each in asked for text in each.json["input"]]
