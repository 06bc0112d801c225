"""Media -> blocks of Bedrock's: images, documents and sounds by their bytes."""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Iterable
from itertools import count

from returns.result import Result, Success

from loki.json_text import JsonObject
from loki.messages import Media, Message, Text
from loki.problems import Problem, fail
from loki.record import replace


def draft_part(part: Text | Media) -> Result[JsonObject, Problem]:
    """Return the block of a text, or of an image, document or sound by its bytes."""
    if isinstance(part, Text):
        return Success({"text": part.text})
    if not part.data:
        return fail("usage", f"takes an image or a document itself, not its address: {part.url}")
    kind, form = FORMS.get(part.media_type, ("", ""))
    if not kind:
        return fail("usage", f"takes no {part.media_type} ({part.name})")
    source = {"bytes": base64.b64encode(part.data).decode()}
    name = {"name": part.name} if kind == "document" else {}
    return Success({kind: {"format": form, **name, "source": source}})


def with_distinct_names(messages: Iterable[Message]) -> list[Message]:
    """Return the conversation with distinct names for its documents, as the provider takes them."""
    used: set[str] = set()

    def rename(part: Text | Media) -> Text | Media:
        if isinstance(part, Text) or FORMS.get(part.media_type, ("",))[0] != "document":
            return part
        name = plain_name(part.name)
        others = (name if n == 1 else f"{name} ({n})" for n in count(1))
        free = next(other for other in others if other not in used)
        used.add(free)
        return replace(part, name=free)

    return [replace(message, content=tuple(map(rename, message.parts))) for message in messages]


def plain_name(name: str) -> str:
    """Return a file's name in letters, digits, single spaces, hyphens and brackets, as documented.

    >>> plain_name("Übersicht_v2  (final).pdf"), plain_name("報告.pdf")
    ('Ubersicht v2 (final)', 'document')
    """
    stem = re.sub(r"\.[A-Za-z0-9]{1,5}$", "", name)
    latin = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9()\[\]-]+", " ", latin)[:190].strip() or "document"


#: What goes along, by media type: the kind of block, and the provider's word for the format.
FORMS: dict[str, tuple[str, str]] = {
    **{f"image/{form}": ("image", form) for form in ("png", "jpeg", "gif", "webp")},
    "application/pdf": ("document", "pdf"),
    "text/csv": ("document", "csv"),
    "text/html": ("document", "html"),
    "text/markdown": ("document", "md"),
    "text/plain": ("document", "txt"),
    "audio/mpeg": ("audio", "mp3"),
    "audio/mp3": ("audio", "mp3"),
    "audio/wav": ("audio", "wav"),
    "audio/x-wav": ("audio", "wav"),
    "audio/flac": ("audio", "flac"),
    "audio/ogg": ("audio", "ogg"),
}
