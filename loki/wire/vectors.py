"""JSON -> Vector: lists of numbers, or numbers in base64."""

from __future__ import annotations

import struct
from array import array
from base64 import b64decode
from collections.abc import Callable, Iterable
from math import isfinite
from typing import Literal

from returns.result import Failure, Result, Success

from loki.json_text import Json
from loki.problems import Problem
from loki.railway import gather
from loki.record import replace
from loki.replies import Vector, Vectors
from loki.usage import Usage
from loki.wire.errors import unknown_answer

#: Reads one vector.
ReadVector = Callable[[Json], Result[Vector, Problem]]


def read_all(
    value: Iterable[Json], usage: Usage, read: ReadVector | None = None
) -> Result[Vectors, Problem]:
    """Return a vector for each of some JSON values, all of one length.

    Fails with the Problem of the first that is no vector.

    >>> read_all([[1, 2], [3]], Usage()).failure().message
    'not vectors of one length: the first has 2 numbers, another has 1'
    """
    vectors = gather(map(read or read_vector, value)).bind(check_length)
    checked = vectors.alt(lambda problem: replace(problem, usage=usage))
    return checked.map(lambda whole: Vectors(whole, usage))


def check_length(vectors: tuple[Vector, ...]) -> Result[tuple[Vector, ...], Problem]:
    """Return the same vectors, or the Problem that they differ in length."""
    sizes = list(dict.fromkeys(map(len, vectors)))
    if len(sizes) < 2:
        return Success(vectors)
    first, other, *_ = sizes
    value = f"not vectors of one length: the first has {first} numbers, another has {other}"
    return Failure(Problem("garbled", value, sent=True))


def read_vector(value: Json) -> Result[Vector, Problem]:
    """Return the vector in a list of numbers, or in little-endian float32 in base64.

    >>> list(read_vector("AACAPwAAAEA=").unwrap())
    [1.0, 2.0]
    >>> read_vector([0.5, None]).failure().message
    'not a vector: [0.5, null]'
    """
    return vector_of(unpack_floats(value) if isinstance(value, str) else value, value)


def read_bytes(value: Json) -> Result[Vector, Problem]:
    """Return the vector in a list of numbers, or in signed bytes in base64.

    >>> list(read_bytes("AP8B").unwrap())
    [0, -1, 1]
    """
    return vector_of(unpack(value, "b") if isinstance(value, str) else value, value)


def vector_of(numbers: Json, value: Json) -> Result[Vector, Problem]:
    """Return finite numbers; ``source`` is what they were read from, for the message."""
    match numbers:
        case array() | list() if numbers and {*map(type, numbers)} <= {int, float}:
            if is_finite(numbers):
                return Success(numbers)
    return Failure(unknown_answer(value, "a vector"))


def is_finite(numbers: Vector) -> bool:
    """Return whether all numbers are finite floats: no other hides in a finite sum.

    >>> is_finite([1.5, -2]), is_finite([1.0, float("inf")]), is_finite([10**400])
    (True, False, False)
    """
    try:
        return isfinite(sum(numbers))
    except OverflowError:
        return False


def unpack_floats(text: str) -> array[float] | None:
    """Return the float32 numbers of a base64 text, None if it holds none."""
    return unpack(text, "f")


def unpack(text: str, kind: Literal["f", "b"]) -> array[float] | None:
    """Return the little-endian numbers of a base64 text as an array, None if it holds none."""
    try:
        data = b64decode(text, validate=True)
        return array(kind, struct.unpack(f"<{len(data) // struct.calcsize(kind)}{kind}", data))
    except (ValueError, struct.error):
        return None
