"""What stdout and stderr get of an answer in each format, and when."""

from __future__ import annotations

import json
from contextlib import ExitStack
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest
from commands import text_in
from returns.result import Failure, Result, Success
from support import request

from loki.cli.console import Console
from loki.cli.printers import OUTPUTS, ReasoningPrinter, TextPrinter, last_reply, show_stream
from loki.messages import Text
from loki.problems import Problem
from loki.replies import Done, Event, Raw, Reasoning, Reply, Stream
from loki.usage import Usage

SECRET = "sk-0123456789"


def console() -> Console:
    """Return a console that writes into memory, and knows a secret."""
    out, err = (TextIOWrapper(BytesIO(), "utf-8") for _ in range(2))
    made = Console("loki-pipe", out, err)
    made.redactor.add(SECRET)
    return made


def written(made: Console) -> tuple[str, str]:
    """Return what is on stdout and stderr."""
    out, err = made.stdout, made.stderr
    assert isinstance(out, TextIOWrapper) and isinstance(err, TextIOWrapper)
    return text_in(out), text_in(err)


@pytest.mark.parametrize(
    ("pieces", "before", "after"),
    [
        (["Hi"], "Hi", "Hi\n"),
        (["Hi\n", "\n"], "Hi", "Hi\n"),
        (["a\n", "\nb\n"], "a\n\nb", "a\n\nb\n"),
        ([], "", "\n"),
    ],
)
def test_a_text_ends_in_exactly_one_newline(pieces: list[str], before: str, after: str) -> None:
    made = console()
    printer = TextPrinter(made)
    for piece in pieces:
        printer.write(piece)
    assert (written(made)[0], printer.has_begun) == (before, bool(before))
    printer.finish()
    assert written(made)[0] == after


REPLY = Reply("c:m", "", "", (), "stop", "stop", Usage(), request({"type": "openai"}))
EVENTS: list[Event] = [
    Raw(b"raw"),
    Reasoning(f"hm {SECRET}"),
    Text("Hel"),
    Text("lo\n"),
    Done(REPLY),
]


def shown(
    name: str, events: list[Event], is_wanted: bool = True
) -> tuple[Console, Result[Reply, Problem]]:
    """Show a stream in a format, and what follows it where it ends well."""
    made = console()
    reasoning = ReasoningPrinter(made, is_wanted)
    output = OUTPUTS[name](made, reasoning)
    reply = show_stream((each for each in map(Success, events)), output, reasoning)
    if isinstance(reply, Success):
        output.finish(reply.unwrap(), None)
    return made, reply


@pytest.mark.parametrize(
    ("name", "out", "err"),
    [
        ("text", "Hello\n", "hm ***\n"),
        ("whole text", "Hello\n", "hm ***\n"),
        ("raw", "raw", "hm ***\n"),
    ],
)
def test_a_text_is_on_stdout_and_its_reasoning_on_stderr_if_wanted(
    name: str, out: str, err: str
) -> None:
    for is_wanted in (True, False):
        made, _ = shown(name, EVENTS, is_wanted)
        assert written(made) == (out, err if is_wanted else "")


@pytest.mark.parametrize(
    ("name", "kinds"), [("json", [None]), ("events", ["reasoning", "text", "text", "done"])]
)
def test_json_has_the_whole_answer_in_its_last_line(name: str, kinds: list[str | None]) -> None:
    lines = [json.loads(line) for line in written(shown(name, EVENTS[1:])[0])[0].splitlines()]
    assert [line.get("type") for line in lines] == kinds
    assert (lines[-1]["text"], lines[-1]["model"]) == ("Hello\n", "c:m")


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_answer_that_breaks_off_has_no_end(name: str) -> None:
    made, reply = shown(name, EVENTS[1:3])
    assert reply.failure().kind == "garbled"
    assert written(made)[0].count("\n") == (2 if name == "events" else 0)


def test_a_failure_in_a_stream_is_the_end_and_closes_it() -> None:
    closed: list[int] = []

    def events() -> Stream:
        try:
            yield Success(Text("Hi"))
            yield Failure(Problem("offline", "gone"))
            yield Success(Done(REPLY))
        finally:
            closed.append(1)

    assert last_reply(events()).failure().message == "gone" and closed == [1]


#: Pieces of an answer with a message (None) after some of them, and what one file has of it all.
MESSAGES: list[tuple[list[str | None], str]] = [
    (["Hi", None], "Hi\nloki-pipe: note\n"),
    (["Hi\n\n", None, None], "Hi\nloki-pipe: note\nloki-pipe: note\n"),
    (["a\n", None, "\nb"], "a\nloki-pipe: note\n\nb\n"),
    (["a", None, "b", None], "a\nloki-pipe: note\nb\nloki-pipe: note\n"),
    ([None, "a"], "loki-pipe: note\na\n"),
]


@pytest.mark.parametrize(("pieces", "text"), MESSAGES)
@pytest.mark.parametrize("is_one", [True, False])
def test_a_message_begins_a_line_where_the_answer_is_read_too(
    tmp_path: Path, pieces: list[str | None], text: str, is_one: bool
) -> None:
    names = ["both", "both"] if is_one else ["out", "err"]
    with ExitStack() as stack:
        out, err = (stack.enter_context(open(tmp_path / name, "a")) for name in names)
        made = Console("loki-pipe", out, err)
        printer = TextPrinter(made)
        for piece in pieces:
            if piece is None:
                made.note("note")
            else:
                printer.write(piece)
        printer.finish()
    if is_one:
        assert (tmp_path / "both").read_text() == text
    else:
        answer = "".join(piece or "" for piece in pieces).rstrip("\n")
        assert (tmp_path / "out").read_text() == f"{answer}\n"
