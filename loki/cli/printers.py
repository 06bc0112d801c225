"""Events of an answer -> what stdout and stderr get as they come, and what follows at the end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Protocol

from returns.result import Failure, Result, Success

from loki.cli.console import Console
from loki.cli.describe import event_json, reply_json
from loki.json_text import Json
from loki.messages import Text
from loki.problems import Problem, fail
from loki.replies import Done, Event, Raw, Reasoning, Reply, Stream
from loki.stages.parse import collect


class TextPrinter:
    """Print a text in pieces, and exactly one newline at its end."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.newlines = ""  # line ends that may turn out to be the last
        self.has_begun = False  # something was printed
        self.strip = piecewise_stripper(console.stdout_is_terminal)

    def write(self, text: str) -> None:
        """Print a piece, but for the newlines at its end."""
        text = self.newlines + self.strip(text)
        body = text.rstrip("\n")
        self.newlines = text[len(body) :]
        if body:
            if self.console.line_was_ended:  # for a message in the midst of the text
                body, self.console.line_was_ended = body.removeprefix("\n"), False
            self.has_begun = self.console.has_open_line = True
            self.console.write(body)

    def finish(self) -> None:
        """End the text, unless a message after it has done so."""
        if not self.console.line_was_ended:
            self.console.write("\n")
        self.console.has_open_line = self.console.line_was_ended = False


class ReasoningPrinter:
    """Print the reasoning of a model on stderr as it comes, if that is wanted."""

    def __init__(self, console: Console, is_wanted: bool) -> None:
        self.console = console
        self.is_wanted = is_wanted
        self.has_begun = False  # a line that has no end yet
        self.strip = piecewise_stripper(is_wanted and console.stderr_is_terminal)

    def write(self, text: str) -> None:
        """Print a piece."""
        if self.is_wanted:
            self.has_begun = True
            shown = self.console.redactor.redact(self.strip(text))
            self.console.write_stderr(self.console.coloured(shown, "2"))

    def finish(self) -> None:
        """End the line, if there is one."""
        if self.has_begun:
            self.has_begun = False
            self.console.write_stderr("\n")


def piecewise_stripper(is_terminal: bool) -> Callable[[str], str]:
    """Return what strips control sequences from the pieces of a text for a terminal."""
    if not is_terminal:
        return str
    from loki.cli.ansi import ControlStripper

    return ControlStripper().feed


# ---- the formats of an answer --------------------------------------------------------------------


def last_reply(events: Stream) -> Result[Reply, Problem]:
    """Return the reply at the end of a stream, without its text, which may be long."""
    with closing(events):
        for result in events:
            if not isinstance(result, Success):
                return Failure(result.failure())
            event = result.unwrap()
            if type(event) is Done:
                return Success(event.reply)
    return fail("garbled", "the stream ended without an answer", sent=True)


class AnswerPrinter(Protocol):
    """How an answer is printed: event by event, and at the end."""

    def read(self, events: Stream) -> Result[Reply, Problem]:
        """Return the reply at the end of a stream, with its text only if that is used again."""

    def show(self, event: Event) -> None:
        """Print an event of the stream."""

    def finish(self, reply: Reply, data: Json) -> None:
        """Print what follows a whole answer; ``data`` is the value of ``--schema``."""


class TextOutput:
    """Text as it comes."""

    def __init__(self, console: Console, reasoning: ReasoningPrinter) -> None:
        self.reasoning = reasoning
        self.text = TextPrinter(console)

    def read(self, events: Stream) -> Result[Reply, Problem]:
        """Return the reply without its text, which is printed by then."""
        return last_reply(events)

    def show(self, event: Event) -> None:
        """Print text on stdout, reasoning on stderr."""
        if type(event) is Text:
            self.reasoning.finish()
            self.text.write(event.text)
        elif type(event) is Reasoning:
            self.reasoning.write(event.text)

    def finish(self, reply: Reply, data: Json) -> None:
        """End the last line."""
        self.text.finish()


class WholeTextOutput:
    """Text once the answer is whole: it is checked or cut first."""

    def __init__(self, console: Console, reasoning: ReasoningPrinter) -> None:
        self.console = console
        self.reasoning = reasoning

    def read(self, events: Stream) -> Result[Reply, Problem]:
        """Return the whole reply."""
        return collect(events)

    def show(self, event: Event) -> None:
        """Print reasoning only."""
        if isinstance(event, Reasoning):
            self.reasoning.write(event.text)

    def finish(self, reply: Reply, data: Json) -> None:
        """Print the text."""
        self.console.write_untrusted(reply.text.rstrip("\n") + "\n")


class JsonOutput(WholeTextOutput):
    """The whole answer as one JSON object."""

    def finish(self, reply: Reply, data: Json) -> None:
        """Print the object."""
        self.console.write_json(reply_json(reply, self.console.redactor, data))


class EventsOutput:
    """Every event as a JSON line, the whole answer in the last one."""

    def __init__(self, console: Console, reasoning: ReasoningPrinter) -> None:
        self.console = console

    def read(self, events: Stream) -> Result[Reply, Problem]:
        """Return the whole reply."""
        return collect(events)

    def show(self, event: Event) -> None:
        """Print an event, but for the last: the answer has not been checked yet."""
        if not isinstance(event, Done):
            self.console.write_json(event_json(event, self.console.redactor))

    def finish(self, reply: Reply, data: Json) -> None:
        """Print the last event."""
        self.console.write_json({"type": "done", **reply_json(reply, self.console.redactor, data)})


class RawOutput:
    """The provider's own bytes as they come; what they mean is checked, not printed."""

    def __init__(self, console: Console, reasoning: ReasoningPrinter) -> None:
        self.console = console
        self.reasoning = reasoning

    def read(self, events: Stream) -> Result[Reply, Problem]:
        """Return the whole reply: a schema may have to be met."""
        return collect(events)

    def show(self, event: Event) -> None:
        """Print bytes on stdout, reasoning on stderr."""
        if type(event) is Raw:
            self.console.write_bytes(event.data)
        elif type(event) is Reasoning:
            self.reasoning.write(event.text)

    def finish(self, reply: Reply, data: Json) -> None:
        """Print nothing: every byte has been printed."""


OUTPUTS: dict[str, Callable[[Console, ReasoningPrinter], AnswerPrinter]] = {
    "text": TextOutput,
    "whole text": WholeTextOutput,
    "json": JsonOutput,
    "events": EventsOutput,
    "raw": RawOutput,
}


def show_stream(
    events: Stream, output: AnswerPrinter, reasoning: ReasoningPrinter
) -> Result[Reply, Problem]:
    """Print a stream as it comes; return the reply at its end."""
    reply = output.read(show_each(events, output.show))
    reasoning.finish()
    return reply


def show_each(events: Stream, show: Callable[[Event], None]) -> Stream:
    """Return the same stream; each good event is shown as it passes."""
    with closing(events):
        for result in events:
            if isinstance(result, Success):
                show(result.unwrap())
            yield result
