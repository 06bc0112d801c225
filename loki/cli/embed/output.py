"""A batch of items -> its lines of output: vectors, and why a text has none."""

from __future__ import annotations

import sys
from array import array
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import replace
from threading import Event
from typing import NamedTuple, TypeAlias

from returns.result import Failure, Result, Success

from loki.cli import console
from loki.cli.embed.input import Item
from loki.problems import Kind, Problem
from loki.records import JsonObject
from loki.replies import Embeddings, Vector

Batch: TypeAlias = tuple[Item, ...]
#: Asks for the vectors of some texts.
Call: TypeAlias = Callable[[Sequence[str]], Result[Embeddings, Problem]]
#: A text's vector, or why it has none; a Failure is of the whole run.
Outcome: TypeAlias = Result[Vector | Problem, Problem]

#: What may be wrong with a text; any other kind of problem is every text's.
OF_A_TEXT: tuple[Kind, ...] = ("input", "refused")


class Told(NamedTuple):
    """What came of a batch: its lines, the texts that were rejected, and what ends the run."""

    lines: tuple[bytes, ...]
    rejected: tuple[Problem, ...]
    fatal: Problem | None


def told(
    call: Call, line: Callable[[Item, Vector], bytes], heard: Event, batch: Batch | Problem
) -> Told:
    """What comes of a batch; ``heard`` is set once a text has been answered."""
    if isinstance(batch, Problem):
        return Told((), (), batch)
    good = [item for item in batch if item.problem is None]
    outcomes = iter(outcomes_of(call, [item.text for item in good], heard))
    lines: list[bytes] = []
    rejected: list[Problem] = []
    for item in batch:
        outcome: Outcome = Success(item.problem) if item.problem else next(outcomes)
        if not isinstance(outcome, Success):
            return Told(tuple(lines), tuple(rejected), outcome.failure())
        found = outcome.unwrap()
        if isinstance(found, Problem):
            rejected.append(found if item.problem else placed(found, item))
            lines.append(error_line(item, found))
        else:
            lines.append(line(item, found))
    return Told(tuple(lines), tuple(rejected), None)


def placed(problem: Problem, item: Item) -> Problem:
    """What a provider says of a text, with what the user calls it."""
    return replace(problem, message=f"{item.place}: {problem.message}")


# ---- a batch -----------------------------------------------------------------------------------


def outcomes_of(call: Call, texts: Sequence[str], heard: Event) -> list[Outcome]:
    """What came of each text, up to what ends the run; half by half where some are rejected."""
    if not texts:
        return []
    result = call(texts)
    if isinstance(result, Success):
        heard.set()
        return [Success(vector) for vector in result.unwrap().vectors]
    problem = result.failure()
    if problem.kind not in OF_A_TEXT:
        return [Failure(problem)]
    if len(texts) == 1:
        return [Success(problem)]
    if not heard.is_set() and is_for_all(call, texts, problem):
        return [Failure(problem)]
    middle = len(texts) // 2
    first = outcomes_of(call, texts[:middle], heard)
    if not isinstance(first[-1], Success):
        return first
    return [*first, *outcomes_of(call, texts[middle:], heard)]


def is_for_all(call: Call, texts: Sequence[str], problem: Problem) -> bool:
    """Whether it is the request that is wrong: its shortest and longest texts fail alike alone."""
    for text in (min(texts, key=len), max(texts, key=len)):
        alone = call([text])
        if isinstance(alone, Success) or alone.failure().message != problem.message:
            return False
    return True


# ---- lines -------------------------------------------------------------------------------------


def as_numbers(item: Item, vector: Vector) -> bytes:
    """A line with the vector as numbers."""
    return encoded({**item.head, "embedding": list(vector)})


def as_base64(item: Item, vector: Vector) -> bytes:
    """A line with the vector as little-endian float32 in base64."""
    numbers = array("f", vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return encoded({**item.head, "embedding": b64encode(numbers).decode()})


def error_line(item: Item, problem: Problem) -> bytes:
    """A line that says why a text has no vector."""
    told = console.problem_json(problem)
    return encoded({**item.head, "error": {name: told[name] for name in ("kind", "message")}})


def encoded(line: JsonObject) -> bytes:
    """A line as it leaves; a character that has no UTF-8 becomes a question mark."""
    return (console.compact(line) + "\n").encode("utf-8", "replace")


LINES: dict[str, Callable[[Item, Vector], bytes]] = {"json": as_numbers, "base64": as_base64}
