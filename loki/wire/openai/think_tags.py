"""Text in pieces -> text and thoughts, for servers that put thoughts between <think> tags."""

from __future__ import annotations

from collections.abc import Iterator

from loki.messages import Text
from loki.replies import Reasoning

OPEN, CLOSE = "<think>", "</think>"


class ThinkTagSplitter:
    """Tells a leading <think> … </think> from the answer, however its tags are cut.

    >>> splitter = ThinkTagSplitter()
    >>> [*splitter.feed("<th"), *splitter.feed("ink>Hm.</thi"), *splitter.feed("nk>\\n\\nYes")]
    [Reasoning(text='Hm.'), Text(text='Yes')]
    """

    __slots__ = ("state", "waiting")

    def __init__(self) -> None:
        self.state = "begin"  # begin, inside, blank (after the closing tag), answer
        self.waiting = ""  # what may yet be part of a tag

    def feed(self, text: str) -> Iterator[Text | Reasoning]:
        """Yield what is certain so far."""
        if self.state == "answer":
            yield Text(text)
            return
        self.waiting += text
        if self.state == "begin":
            start = self.waiting.lstrip()
            if OPEN.startswith(start[: len(OPEN)]) and len(start) < len(OPEN):
                return
            self.state = "inside" if start.startswith(OPEN) else "answer"
            self.waiting = start.removeprefix(OPEN) if self.state == "inside" else self.waiting
        yield from STATES[self.state](self)

    def flush(self) -> Iterator[Text | Reasoning]:
        """Yield what was held back, once nothing follows."""
        if self.waiting:
            yield Reasoning(self.waiting) if self.state == "inside" else Text(self.waiting)
        self.waiting = ""


def take_thoughts(splitter: ThinkTagSplitter) -> Iterator[Text | Reasoning]:
    """Yield thoughts up to the closing tag, which may come in pieces."""
    thought, closed, following = splitter.waiting.partition(CLOSE)
    if closed:
        splitter.state, splitter.waiting = "blank", following
        yield from filter(None, (Reasoning(thought) if thought else None,))
        yield from skip_blank(splitter)
        return
    tail = next((n for n in range(len(CLOSE) - 1, 0, -1) if thought.endswith(CLOSE[:n])), 0)
    cut = len(thought) - tail
    splitter.waiting = thought[cut:]
    if thought[:cut]:
        yield Reasoning(thought[:cut])


def skip_blank(splitter: ThinkTagSplitter) -> Iterator[Text | Reasoning]:
    """Yield the answer without the empty lines after the closing tag."""
    text = splitter.waiting.lstrip()
    splitter.waiting = ""
    if text:
        splitter.state = "answer"
        yield Text(text)


def take_answer(splitter: ThinkTagSplitter) -> Iterator[Text | Reasoning]:
    """Yield everything as the answer: there are no thoughts, or no more."""
    text, splitter.waiting = splitter.waiting, ""
    yield Text(text)


STATES = {"inside": take_thoughts, "blank": skip_blank, "answer": take_answer}
