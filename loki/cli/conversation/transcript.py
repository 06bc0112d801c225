"""Transcript: what was said so far in a conversation, also of an answer that is under way."""

from __future__ import annotations

from contextlib import closing

from loki.formats.turns import split_turns
from loki.messages import Message, Text
from loki.record import replace
from loki.replies import Reasoning, Stream
from loki.tool_use import Conversation

Turns = tuple[Message, ...]

#: How a reply ended that is no whole answer.
ENDS = {"length": "cut off at its limit", "filter": "cut off by the content filter"}


class Transcript:
    """The whole turns so far, and the text of an answer under way."""

    def __init__(self, messages: Turns, new: Turns) -> None:
        """Begin with all messages that are asked, of which the last ones are ``new``."""
        self.conversation = Conversation(messages)
        self.before = len(messages) - len(new)
        self.prompt = len(new)
        self.pieces: list[str] = []
        self.thoughts: list[str] = []
        self.is_answered = False
        self.is_refused = False

    @property
    def new(self) -> Turns:
        """Return the new turns that are whole: the prompt, and what came since."""
        return self.conversation.messages[self.before :]

    @property
    def since_prompt(self) -> Turns:
        """Return the turns that came since the prompt."""
        return self.new[self.prompt :]

    @property
    def text(self) -> str:
        """Return the text that came of the answer under way."""
        return "".join(self.pieces)

    @property
    def reasoning(self) -> str:
        """Return the thoughts of the answer under way."""
        return "".join(self.thoughts)

    @property
    def before_refusal(self) -> Conversation:
        """Return the conversation without a last reply that was refused."""
        replies = self.conversation.replies
        return replace(self.conversation, replies=replies[:-1] if self.is_refused else replies)

    def tap(self, events: Stream) -> Stream:
        """Return the same stream; its text and thoughts are remembered as they pass."""
        self.pieces, self.thoughts = [], []
        with closing(events):
            for result in events:
                event = result.value_or(None)
                if type(event) is Text:
                    self.pieces.append(event.text)
                elif type(event) is Reasoning:
                    self.thoughts.append(event.text)
                yield result

    def note(self, conversation: Conversation) -> None:
        """Remember a conversation that has got further."""
        self.conversation, self.pieces = conversation, []

    def accept(self) -> None:
        """Take the last reply as the answer."""
        self.is_answered = True

    def reject(self) -> None:
        """Take the last reply for a part of an answer, as if it had broken off."""
        self.is_refused = True
        self.pieces = [self.conversation.reply.text]
        messages = self.conversation.messages[:-1]
        self.conversation = replace(self.conversation, messages=messages)

    def describe_end(self) -> str:
        """Return why the last reply is no answer."""
        if not self.is_refused:
            return "not finished"
        return ENDS.get(self.conversation.reply.finish or "", "not what was asked for")

    def parts(self) -> tuple[Turns, Turns]:
        """Return what belongs into the conversation's file, and what is to be kept aside."""
        if self.is_answered:
            return self.new, ()
        return split_turns(self.new, Message("assistant", self.text) if self.text else None)
