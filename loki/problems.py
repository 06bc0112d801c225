"""The one way to fail: ``Problem``, its kinds, their exit codes, and ``fail()``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

from returns.result import Failure, Result

from loki.record import field_names, record, refuse_assignment

if TYPE_CHECKING:
    from decimal import Decimal

    from loki.usage import Usage

Kind = Literal[
    "usage", "input", "missing", "offline", "bug", "busy",
    "garbled", "auth", "config", "refused", "budget", "quota", "output",
]  # fmt: skip

#: What a shell sees, by kind; the numbers follow sysexits.h where it has a name for the case.
EXIT_CODES: dict[Kind, int] = {
    "usage": 64,
    "input": 65,
    "missing": 66,
    "offline": 69,
    "bug": 70,
    "output": 74,
    "busy": 75,
    "garbled": 76,
    "auth": 77,
    "config": 78,
    "refused": 79,
    "budget": 80,
    "quota": 81,
}

#: Another model could cure these, so ``--fallback`` goes on after them (see is_curable).
CURABLE: frozenset[Kind] = frozenset({"offline", "busy", "quota", "auth", "refused"})

assert set(EXIT_CODES) == set(get_args(Kind))


@record
class Problem(Exception):
    """Why there is no answer: ``kind`` is for programs, ``message`` for the reader.

    It travels as a value, in a Failure; ``unwrap()`` of one raises from it, so that a traceback
    has its message.
    """

    kind: Kind
    message: str
    status: int | None = None  # of the HTTP answer
    code: str | None = None  # the provider's own word
    request_id: str | None = None
    retry_at: float | None = None  # seconds since the epoch: not before
    sent: bool = False  # the request left: the provider may have billed it
    retryable: bool = False  # the same request may be sent again
    retry_after: float | None = None  # seconds the server asked for
    attempts: int = 1
    usage: Usage | None = None  # of an answer that came, or of the part of it that did
    answer_text: str | None = None  # of an answer that is not what was asked for, or broke off
    cost: Decimal | None = None  # US dollars, of an answer that came whole; None is unknown
    worst_cost: Decimal | None = None  # US dollars, of a call under --max-cost of unknown cost
    is_cost_unknown: bool = False  # whatever the last answer was: of a model tried before it
    unknown_model: bool = False  # the provider does not know the model

    def __str__(self) -> str:
        """Return the message."""
        return self.message

    def __reduce__(self) -> tuple[type[Problem], tuple[Any, ...]]:
        """Return how ``pickle`` and ``copy`` make it anew: an exception would drop most fields."""
        return Problem, tuple(getattr(self, name) for name in field_names(Problem))

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse to change a field; contexts and notes are set while it is raised."""
        if not name.startswith("__"):
            refuse_assignment(self, name)
        Exception.__setattr__(self, name, value)


def is_curable(problem: Problem) -> bool:
    """Return whether another model could answer.

    >>> is_curable(Problem("busy", "")), is_curable(Problem("config", ""))
    (True, False)
    """
    return problem.kind in CURABLE or problem.unknown_model


def fail(kind: Kind, message: str, **facts: Any) -> Result[Any, Problem]:
    """Return a failed result.

    >>> fail("config", "no client named 'x'; config has: y").failure().message
    "no client named 'x'; config has: y"
    """
    return Failure(Problem(kind, message, **facts))


def excerpt(text: str, most: int) -> str:
    """Return the beginning of a text on one line, and ``…`` where it was cut.

    The mark is not only for the reader: what stands before it may be the beginning of a secret,
    and whoever redacts knows it by the mark.

    >>> excerpt("one\\n two", 10), excerpt("one two", 3)
    ('one two', 'one…')
    """
    return " ".join(text[:most].split()) + ("…" if len(text) > most else "")


def excerpt_bytes(data: bytes, most: int) -> str:
    """Return the same of bytes, which should be text in UTF-8."""
    return excerpt(data[: 4 * most + 4].decode("utf-8", "replace"), most)


def count_of(number: int, noun: str) -> str:
    """Return a number and what is counted, in the plural where it is not one.

    >>> count_of(1, "step"), count_of(1200, "query"), count_of(0, "search")
    ('1 step', '1,200 queries', '0 searches')
    """
    if number == 1:
        return f"1 {noun}"
    plural = f"{noun[:-1]}ie" if noun.endswith("y") else f"{noun}e" if noun.endswith("ch") else noun
    return f"{number:,} {plural}s"


def count_that_are(number: int, noun: str, past: bool = False) -> str:
    """Return the same with its verb.

    >>> count_that_are(1, "row"), count_that_are(2, "text", past=True)
    ('1 row is', '2 texts were')
    """
    verbs = ("was", "were") if past else ("is", "are")
    return f"{count_of(number, noun)} {verbs[number != 1]}"


def suggest_nearest(name: str, known: list[str], rarer: list[str] | None = None) -> str:
    """Return the end of a message about a misspelt name: the nearest, or the known names.

    >>> suggest_nearest("Modle", ["model", "stream"])
    "; did you mean 'model'?"
    >>> suggest_nearest("zzz", ["model", "stream"])
    '; known: model, stream'
    """
    from difflib import get_close_matches  # only ever needed on the way out

    by_lower_case = {spelling.lower(): spelling for spelling in reversed([*known, *(rarer or [])])}
    close = get_close_matches(name.lower(), [*reversed(by_lower_case)], 3)
    if close:
        meant = " or ".join(repr(by_lower_case[spelling]) for spelling in close)
        return f"; did you mean {meant}?"
    shown = ", ".join(known[:12]) + (", …" if len(known) > 12 else "")
    return f"; known: {shown}" if known else ""
