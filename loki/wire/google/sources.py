"""Sources of a candidate of generateContent: what it was grounded in, and what it cites."""

from __future__ import annotations

from collections.abc import Iterable

from loki.json_text import Json, JsonObject
from loki.replies import Source
from loki.wire.protocol import as_str, get_in


def read_sources(candidate: JsonObject) -> Iterable[Source]:
    """Yield the pages and documents that a candidate was grounded in, then those that it cites."""
    grounding, citing = candidate.get("groundingMetadata"), candidate.get("citationMetadata")
    if grounding is None and citing is None:
        return  # nearly every one of a stream
    for chunk in list_in(grounding, "groundingChunks"):
        yield from read_chunk(chunk)
    for citation in (*list_in(citing, "citationSources"), *list_in(citing, "citations")):
        url, title = as_str(get_in(citation, "uri")), as_str(get_in(citation, "title"))
        yield from (Source(url, title),) if url or title else ()


def read_chunk(chunk: Json) -> Iterable[Source]:
    """Yield what a chunk says: a page of the web, a place of a map, a document or an image.

    >>> [*read_chunk({"web": {"uri": "https://a.example", "title": "A"}}), *read_chunk({"odd": 1})]
    [Source(url='https://a.example', title='A', quote='')]
    >>> [*read_chunk({"retrievedContext": {"title": "a.pdf", "text": "Hi."}})]
    [Source(url='', title='a.pdf', quote='Hi.')]
    """
    for kind in ("web", "retrievedContext", "maps", "image"):
        place = get_in(chunk, kind)
        url = as_str(get_in(place, "uri") or get_in(place, "sourceUri"))
        title = as_str(get_in(place, "title"))
        if url or title:
            yield Source(url, title, as_str(get_in(place, "text")))


def list_in(value: Json, name: str) -> list[Json]:
    """Return the list under a name, an empty one where there is none.

    >>> list_in({"a": [1]}, "a"), list_in(None, "a"), list_in({"a": "b"}, "a")
    ([1], [], [])
    """
    listed = get_in(value, name)
    return listed if isinstance(listed, list) else []
