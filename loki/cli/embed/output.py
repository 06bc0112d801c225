"""A batch of items -> lines of output, or rows for a store: vectors, or why there is none."""

from __future__ import annotations

import sys
from array import array
from base64 import b64encode
from collections.abc import Callable, Sequence
from threading import Event
from typing import Generic, NamedTuple, TypeAlias, TypeVar

from returns.result import Failure, Result, Success

from loki.cli.describe import problem_json
from loki.cli.embed.input import Item
from loki.json_text import JsonObject, compact
from loki.problems import Kind, Problem
from loki.record import replace
from loki.redaction.redactor import Redactor
from loki.replies import Embeddings, Vector

A = TypeVar("A")

Batch: TypeAlias = tuple[Item, ...]
#: Embeds some texts.
Call: TypeAlias = Callable[[Sequence[str]], Result[Embeddings, Problem]]
#: The vector of a text, or why it has none; a Failure ends the whole run.
Outcome: TypeAlias = Result[Vector | Problem, Problem]

#: Kinds of problems that one text may have; any other kind concerns all texts.
PER_TEXT: tuple[Kind, ...] = ("input", "refused")


class BatchResult(NamedTuple, Generic[A]):
    """The lines of a batch, the problems of rejected texts, and the problem that ends the run."""

    lines: tuple[A, ...]
    rejected: tuple[Problem, ...]
    fatal: Problem | None


def embed_batch(
    call: Call,
    line: Callable[[Item, Vector | Problem], A],
    any_success: Event,
    batch: Batch | Problem,
) -> BatchResult[A]:
    """Embed a batch; ``any_success`` is set once a text of the run has a vector."""
    if isinstance(batch, Problem):
        return BatchResult((), (), batch)
    good = [item for item in batch if item.problem is None]
    outcomes = iter(outcomes_of(call, [item.text for item in good], any_success))
    lines: list[A] = []
    rejected: list[Problem] = []
    for item in batch:
        outcome: Outcome = Success(item.problem) if item.problem else next(outcomes)
        if not isinstance(outcome, Success):
            return BatchResult(tuple(lines), tuple(rejected), outcome.failure())
        vector = outcome.unwrap()
        if isinstance(vector, Problem):
            rejected.append(vector if item.problem else with_place(vector, item))
        lines.append(line(item, vector))
    return BatchResult(tuple(lines), tuple(rejected), None)


def with_place(problem: Problem, item: Item) -> Problem:
    """Return a provider's problem with the place of the text in the input."""
    return replace(problem, message=f"{item.place}: {problem.message}")


# ---- a batch -----------------------------------------------------------------------------------


def outcomes_of(call: Call, texts: Sequence[str], any_success: Event) -> list[Outcome]:
    """Embed texts, in halves where some are rejected; stop at a problem that ends the run."""
    if not texts:
        return []
    result = call(texts)
    if isinstance(result, Success):
        any_success.set()
        return [Success(vector) for vector in result.unwrap().vectors]
    problem = result.failure()
    if problem.kind not in PER_TEXT:
        return [Failure(problem)]
    if len(texts) == 1:
        return [Success(problem)]
    if not any_success.is_set() and affects_all_texts(call, texts, problem, any_success):
        return [Failure(problem)]
    middle = len(texts) // 2
    first = outcomes_of(call, texts[:middle], any_success)
    if not isinstance(first[-1], Success):
        return first
    return [*first, *outcomes_of(call, texts[middle:], any_success)]


def affects_all_texts(
    call: Call, texts: Sequence[str], problem: Problem, any_success: Event
) -> bool:
    """Return whether the request is wrong: its shortest and longest text fail alike when alone."""
    for text in (min(texts, key=len), max(texts, key=len)):
        alone = call([text])
        if isinstance(alone, Success):
            any_success.set()
        if isinstance(alone, Success) or alone.failure().message != problem.message:
            return False
    return True


# ---- lines -------------------------------------------------------------------------------------


def as_json_line(redactor: Redactor, item: Item, vector: Vector | Problem) -> bytes:
    """Return a line with the vector as numbers, or with why there is none."""
    if isinstance(vector, Problem):
        return error_line(redactor, item, vector)
    return encode_line({**item.line_head, "embedding": list(vector)})


def as_base64(redactor: Redactor, item: Item, vector: Vector | Problem) -> bytes:
    """Return a line with the vector as little-endian float32 in base64, or with why not."""
    if isinstance(vector, Problem):
        return error_line(redactor, item, vector)
    numbers = array("f", vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return encode_line({**item.line_head, "embedding": b64encode(numbers).decode()})


def error_line(redactor: Redactor, item: Item, problem: Problem) -> bytes:
    """Return a line that says why a text has no vector."""
    fields = problem_json(problem, redactor)
    return encode_line(
        {**item.line_head, "error": {name: fields[name] for name in ("kind", "message")}}
    )


def encode_line(line: JsonObject) -> bytes:
    """Return a line in UTF-8; a character that has none becomes a question mark."""
    return (compact(line) + "\n").encode("utf-8", "replace")


FORMATS: dict[str, Callable[[Redactor, Item, Vector | Problem], bytes]] = {
    "json": as_json_line,
    "base64": as_base64,
}
