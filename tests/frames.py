"""A client for each chat wire, and an event as it travels there."""

from __future__ import annotations

import json
import struct
from typing import Any
from zlib import crc32

#: A client for each of the wires.
CLIENTS: dict[str, dict[str, Any]] = {
    "openai": {"type": "openai-compatible", "name": "x", "api_base": "https://a.example"},
    "responses": {"type": "openai", "models": [{"name": "m", "endpoint": "responses"}]},
    "claude": {"type": "claude"},
    "gemini": {"type": "gemini"},
    "cohere": {"type": "cohere"},
    "converse": {"type": "bedrock", "region": "us-east-1"},
}


def framed(wire: str, event: Any) -> bytes:
    """An event as it travels: a server-sent event, or a frame of Amazon's."""
    if wire != "converse":
        return b"data: %s\n\n" % json.dumps(event).encode()
    ((name, payload),) = event.items()
    headers = header(":message-type", "event") + header(":event-type", name)
    body = json.dumps(payload).encode()
    sizes = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
    start = sizes + struct.pack(">I", crc32(sizes)) + headers + body
    return start + struct.pack(">I", crc32(start))


def header(name: str, value: str) -> bytes:
    """A header of such a frame."""
    words = value.encode()
    return bytes([len(name)]) + name.encode() + b"\7" + struct.pack(">H", len(words)) + words
