"""A call has one line in the ledger, whatever comes of it, and an unknown cost stays unknown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import count

import pytest
from returns.result import Failure, Result, Success
from support import request, target

from loki.messages import Message, Text
from loki.problems import Problem, fail
from loki.records import Ask, Request
from loki.replies import Done, Event, Reply, Stream
from loki.stages.account import Entry
from loki.stages.ledger_entry import entry_writer, with_entry, with_stream_entry
from loki.usage import Usage

PRICED = {
    "type": "openai-compatible",
    "name": "local",
    "api_base": "http://127.0.0.1:9",
    "models": [{"name": "m", "input_price": "1", "output_price": "2"}],
}
BROKEN = Problem("garbled", "the stream broke off", sent=True)


def priced_request() -> Request:
    """Return a request to a model whose price is known."""
    made = request(PRICED, stream=True)
    asked = target(PRICED, Ask((Message("user", "Hi"),), model="local:m", tag="t"))
    return replace(made, draft=replace(made.draft, target=asked))


def reply_to(asked: Request, cost: str | None) -> Reply:
    """Return an answer of a known cost, or of none."""
    known = None if cost is None else Decimal(cost)
    usage = Usage(input=10, output=5)
    return Reply("local:m", "Hi", "", (), "stop", "stop", usage, asked, cost=known)


def lines_of(*result: Result[Event, Problem], stop_after: int | None = None) -> list[Entry]:
    """Return the lines that a stream leaves; a reader that stops early closes it."""
    lines: list[Entry] = []
    ticks = count(100.0)

    def events(_: Request) -> Result[Stream, Problem]:
        return Success(each for each in result)

    begin = entry_writer(lines.append, lambda: 1.5, lambda: next(ticks))
    stream = with_stream_entry(begin, events)(priced_request()).unwrap()
    for row, _event in enumerate(stream, 1):
        if row == stop_after:
            stream.close()
    return lines


COSTS: list[tuple[str, list[Result[Event, Problem]], Decimal | None, bool, str]] = [
    ("before-any-count", [Failure(BROKEN)], None, False, "garbled"),
    ("text-but-no-count", [Success(Text("Hi")), Failure(BROKEN)], None, False, "garbled"),
    (
        "after-a-count",
        [Success(Text("Hi")), Failure(replace(BROKEN, usage=Usage(input=1000)))],
        Decimal("0.001"),
        False,
        "garbled",
    ),
    ("refused", [Failure(replace(BROKEN, status=429, kind="busy"))], Decimal(0), True, "busy"),
    ("not-sent", [Failure(Problem("offline", "gone"))], Decimal(0), True, "offline"),
]


@pytest.mark.parametrize(
    ("expected", "cost", "exact", "outcome"),
    [row[1:] for row in COSTS],
    ids=[row[0] for row in COSTS],
)
def test_a_call_that_broke_off_costs_what_is_known_of_it(
    expected: list[Result[Event, Problem]], cost: Decimal | None, exact: bool, outcome: str
) -> None:
    (line,) = lines_of(*expected)
    assert (line.cost, line.exact, line.outcome) == (cost, exact, outcome)


def test_a_stream_that_is_left_is_interrupted_and_costs_at_least_what_was_told() -> None:
    result: list[Result[Event, Problem]] = [
        Success(Usage(input=2000)),
        Success(Text("a")),
        Success(Text("b")),
    ]
    (line,) = lines_of(*result, stop_after=1)
    assert (line.outcome, line.cost, line.exact) == ("interrupted", Decimal("0.002"), False)


def test_a_stream_that_is_left_before_any_count_costs_nobody_knows_what() -> None:
    (line,) = lines_of(Success(Text("a")), Success(Text("b")), stop_after=1)
    assert (line.outcome, line.cost, line.exact) == ("interrupted", None, False)


def test_the_line_is_written_before_the_end_is_told() -> None:
    seen: list[int] = []
    lines: list[Entry] = []

    def events(asked: Request) -> Result[Stream, Problem]:
        return Success(each for each in [Success(Done(reply_to(asked, "0.5")))])

    stream = with_stream_entry(entry_writer(lines.append, float, float), events)(
        priced_request()
    ).unwrap()
    for _ in stream:
        seen.append(len(lines))
    assert seen == [1] and lines[0].cost == Decimal("0.5")


@pytest.mark.parametrize(("cost", "exact"), [("0.25", True), (None, False)])
def test_a_whole_answer_has_a_line_with_its_cost(cost: str | None, exact: bool) -> None:
    lines: list[Entry] = []
    ticks: Iterator[float] = iter([10.0, 12.5])
    begin = entry_writer(lines.append, lambda: 7.0, lambda: next(ticks))
    with_entry(begin, lambda asked: Success(reply_to(asked, cost)))(priced_request())
    (line,) = lines
    assert (line.time, line.seconds, line.tag) == (7.0, 2.5, "t")
    assert (line.cost, line.exact) == (cost and Decimal(cost), exact)


def test_a_call_that_raises_has_its_line_too() -> None:
    lines: list[Entry] = []

    def interrupted(asked: Request) -> Result[Reply, Problem]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        with_entry(entry_writer(lines.append, float, float), interrupted)(priced_request())
    assert [line.outcome for line in lines] == ["interrupted"]


def test_a_stream_that_never_began_has_one_line() -> None:
    lines: list[Entry] = []
    begin = entry_writer(lines.append, float, float)
    result = with_stream_entry(begin, lambda asked: fail("offline", "gone"))(priced_request())
    assert result.failure().kind == "offline" and [line.outcome for line in lines] == ["offline"]
