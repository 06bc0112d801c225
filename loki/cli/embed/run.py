"""What a run of loki-embed counts, whatever becomes of the vectors: totals, and rejected texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from threading import Lock

from returns.result import Result

from loki import pipeline
from loki.cli.embed.output import Call
from loki.pipeline import Env
from loki.problems import Problem
from loki.record import replace
from loki.records import Ask
from loki.replies import Embeddings
from loki.stages.parse_vectors import add_costs


def summarize_rejected(texts: int, rejected: int, first: Problem) -> Problem:
    """Return one problem for all texts that were rejected.

    >>> summarize_rejected(5, 2, Problem("input", "line 3 is empty")).message
    'no vector for 2 of 5 texts; the first: line 3 is empty'
    """
    many = f"no vector for {rejected:,} of {texts:,} texts; the first: " if texts > 1 else ""
    return replace(first, message=many + first.message)


@dataclass
class Totals:
    """Tokens and cost of all requests, added up by several threads."""

    model: str = ""
    tokens: int | None = 0
    cost: Decimal | None = Decimal(0)
    lock: Lock = field(default_factory=Lock)

    def add(self, embeddings: Embeddings) -> None:
        """Count an answer; what is unknown of one is unknown of all."""
        with self.lock:
            tokens, self.model = embeddings.usage.input, embeddings.model
            self.tokens = None if tokens is None or self.tokens is None else self.tokens + tokens
            self.cost = add_costs([self.cost, embeddings.cost])


def counting_call(
    env: Env, ask: Ask, totals: Totals, warn: Callable[[str], None] = lambda message: None
) -> Call:
    """Return what embeds texts and counts the answer; warn once of a length that was not kept."""
    warnings: list[str] = []

    def call(texts: Sequence[str]) -> Result[Embeddings, Problem]:
        embeddings = pipeline.embed(env, replace(ask, texts=tuple(texts)))
        embeddings.map(totals.add)
        message = embeddings.map(lambda found: explain_wrong_length(ask, found)).value_or("")
        if message and not warnings:
            warnings.append(message)
            warn(message)
        return embeddings

    return call


def explain_wrong_length(ask: Ask, embeddings: Embeddings) -> str:
    """Return what to say if vectors have not the length that was asked for, else nothing."""
    found = len(embeddings.vectors[0]) if embeddings.vectors else ask.dimensions
    if ask.dimensions in (None, found):
        return ""
    return f"--dimensions {ask.dimensions}: {embeddings.model} gave vectors of {found}"
