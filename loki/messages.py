"""Messages of a conversation, their parts, and the tools that a model may call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

from loki.json_text import JsonObject
from loki.record import record


@record
class Text:
    """A piece of text, asked or answered."""

    text: str

    @property
    def cache_control(self) -> JsonObject | None:
        """Return how the provider is to cache what ends here: not at all, but of a CachedText."""
        return None


@record
class CachedText(Text):
    """A piece of text at whose end a cached prompt ends; apart, for answers make many Texts."""

    cache_control: JsonObject | None = field(default=None, repr=False)


@record
class Media:
    """An image, PDF or sound that goes along: its bytes, or where they are."""

    media_type: str  # as in RFC 6838: image/png, application/pdf …
    data: bytes = field(default=b"", repr=False)
    url: str = ""
    name: str = ""
    cache_control: JsonObject | None = field(default=None, repr=False)  # keep what ends here
    detail: str = ""  # of an image, as OpenAI names it: auto, low, high


@record
class ToolCall:
    """A function that the model wants called."""

    id: str
    name: str
    arguments: JsonObject


@record
class Message:
    """One turn of a conversation; ``role`` is system, developer, user, assistant or tool."""

    role: str
    content: str | tuple[Text | Media, ...] = ""
    tool_calls: tuple[ToolCall, ...] = ()  # of an assistant
    tool_call_id: str = ""  # the call that a tool answers
    carry: tuple[JsonObject, ...] = ()  # of an assistant: Reply.carry of that answer, unchanged
    carry_from: str = ""  # whose carry it is, see providers.vendor_of; empty: whoever knows it
    is_error: bool = False  # of a tool: it failed, and its content says why
    name: str = ""  # who speaks, of several with one role; not every protocol has it

    @property
    def parts(self) -> tuple[Text | Media, ...]:
        """Return the content as parts, also where it was given as one string."""
        if isinstance(self.content, str):
            return (Text(self.content),) if self.content else ()
        return self.content

    @property
    def text(self) -> str:
        """Return the texts of the content, joined."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))


@record
class Tool:
    """A function that the model may ask to have called; ``parameters`` is a JSON Schema."""

    name: str
    description: str
    parameters: JsonObject
    strict: bool | None = None


def as_turns(messages: str | Sequence[Message]) -> tuple[Message, ...]:
    """Return the turns of a conversation; a text is one of the user's.

    >>> as_turns("Hi")[0].role, as_turns([])
    ('user', ())
    """
    return (Message("user", messages),) if isinstance(messages, str) else tuple(messages)
