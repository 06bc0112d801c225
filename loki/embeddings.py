"""What is answered about texts: vectors of an embedding, scores of a ranking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple, TypeAlias

from loki.records import Request, Usage

Vector: TypeAlias = Sequence[float]


class Vectors(NamedTuple):
    """What a wire reads from an answer about embeddings: a vector for each text, in its order."""

    vectors: tuple[Vector, ...]
    usage: Usage = Usage()


class Score(NamedTuple):
    """How well the text at ``place`` (from 0) answers the query; higher is better."""

    place: int
    score: float


class Scores(NamedTuple):
    """What a wire reads from an answer about a ranking, in the provider's order."""

    scores: tuple[Score, ...]
    usage: Usage = Usage()


@dataclass(frozen=True, slots=True)
class Measured:
    """What both have in common; ``cost`` in US dollars, ``seconds`` for all requests together."""

    model: str  # client:model
    usage: Usage
    request: Request = field(repr=False)
    seconds: float | None = None
    attempts: int = 1
    request_id: str | None = None
    cost: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Embeddings(Measured):
    """A vector for each text of an ask, in its order."""

    vectors: tuple[Vector, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking(Measured):
    """The texts of an ask by their place in it, best first; texts alike keep their order."""

    scores: tuple[Score, ...]
