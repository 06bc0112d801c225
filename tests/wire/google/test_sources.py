"""Sources of generateContent: what a candidate was grounded in, and what it cites."""

from __future__ import annotations

from typing import Any

import pytest

from loki.replies import Source
from loki.wire.google.sources import read_sources

A = Source("https://a.example", "A")

DOCUMENT = {"retrievedContext": {"title": "a", "text": "t"}}
PLACE = {"maps": {"uri": "https://m.example", "title": "M"}}
PAGE = {"web": {"uri": A.url, "title": "A"}}

CHUNKS: list[tuple[Any, list[Source]]] = [
    ("odd", []),
    ([None, {}, {"web": {}}, {"web": {"uri": 3}}], []),
    ([PAGE, PAGE], [A, A]),  # which is kept once, later
    ([DOCUMENT], [Source("", "a", "t")]),
    ([PLACE], [Source("https://m.example", "M")]),
]


@pytest.mark.parametrize(("chunks", "sources"), CHUNKS)
def test_chunks_are_pages_documents_and_places(chunks: Any, sources: list[Source]) -> None:
    assert [*read_sources({"groundingMetadata": {"groundingChunks": chunks}})] == sources


CANDIDATES: list[tuple[dict[str, Any], list[Source]]] = [
    ({}, []),
    ({"groundingMetadata": None, "citationMetadata": 3}, []),
    ({"citationMetadata": {"citationSources": [{"uri": A.url}, {}]}}, [Source(A.url)]),  # Gemini
    ({"citationMetadata": {"citations": [{"uri": A.url, "title": "A"}]}}, [A]),  # Vertex AI
]


@pytest.mark.parametrize(("candidate", "sources"), CANDIDATES)
def test_citations_name_sources(candidate: dict[str, Any], sources: list[Source]) -> None:
    assert [*read_sources(candidate)] == sources
