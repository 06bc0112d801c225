"""Text in pieces -> text and thoughts, for servers that put thoughts between <think> tags."""

from __future__ import annotations

from collections.abc import Iterator

from loki.records import Reasoning, Text

OPEN, CLOSE = "<think>", "</think>"


class Thoughts:
    """Tells a leading <think> … </think> from the answer, however its tags are cut.

    >>> thoughts = Thoughts()
    >>> [*thoughts.hear("<th"), *thoughts.hear("ink>Hm.</thi"), *thoughts.hear("nk>\\n\\nYes")]
    [Reasoning(text='Hm.'), Text(text='Yes')]
    """

    __slots__ = ("state", "held")

    def __init__(self) -> None:
        self.state = "begin"  # begin, inside, blank (after the closing tag), answer
        self.held = ""  # what may yet be part of a tag

    def hear(self, text: str) -> Iterator[Text | Reasoning]:
        """Yield what is certain so far."""
        if self.state == "answer":
            yield Text(text)
            return
        self.held += text
        if self.state == "begin":
            start = self.held.lstrip()
            if OPEN.startswith(start[: len(OPEN)]) and len(start) < len(OPEN):
                return
            self.state = "inside" if start.startswith(OPEN) else "answer"
            self.held = start.removeprefix(OPEN) if self.state == "inside" else self.held
        yield from STATES[self.state](self)

    def end(self) -> Iterator[Text | Reasoning]:
        """Yield what was held back, once nothing follows."""
        if self.held:
            yield Reasoning(self.held) if self.state == "inside" else Text(self.held)
        self.held = ""


def inside(thoughts: Thoughts) -> Iterator[Text | Reasoning]:
    """Yield thoughts up to the closing tag, which may come in pieces."""
    thought, closed, rest = thoughts.held.partition(CLOSE)
    if closed:
        thoughts.state, thoughts.held = "blank", rest
        yield from filter(None, (Reasoning(thought) if thought else None,))
        yield from blank(thoughts)
        return
    tail = next((n for n in range(len(CLOSE) - 1, 0, -1) if thought.endswith(CLOSE[:n])), 0)
    cut = len(thought) - tail
    thoughts.held = thought[cut:]
    if thought[:cut]:
        yield Reasoning(thought[:cut])


def blank(thoughts: Thoughts) -> Iterator[Text | Reasoning]:
    """Yield the answer without the empty lines after the closing tag."""
    text = thoughts.held.lstrip()
    thoughts.held = ""
    if text:
        thoughts.state = "answer"
        yield Text(text)


def answer(thoughts: Thoughts) -> Iterator[Text | Reasoning]:
    """Yield everything as the answer: there are no thoughts, or no more."""
    text, thoughts.held = thoughts.held, ""
    yield Text(text)


STATES = {"inside": inside, "blank": blank, "answer": answer}
