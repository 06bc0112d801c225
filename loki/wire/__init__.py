"""PURE. The wire protocols by name; adding one is a file here and a row in a table."""

from loki.wire import openai, sse
from loki.wire.codec import Wire

CHAT: dict[str, Wire] = {
    "openai": Wire(openai.draft_chat, openai.read_chat, sse.split, openai.read_chat_event),
}
