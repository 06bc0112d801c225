"""Sources of OpenAI's protocols: of annotations in both their forms, and of searches, each once."""

from __future__ import annotations

from typing import Any

import pytest

from loki.replies import Source
from loki.wire.openai.sources import read_annotations, read_search_results

PAGE = {"url": "https://a.example", "title": "A"}
A, B = Source("https://a.example", "A"), Source("https://b.example")

ANNOTATIONS: list[tuple[Any, list[Source]]] = [
    (None, []),
    ("odd", []),
    ([], []),
    ([None, 3, {}, {"type": "file_path", "file_id": "f"}], []),
    ([{"type": "url_citation", **PAGE, "start_index": 0}], [A]),  # Responses
    ([{"type": "url_citation", "url_citation": PAGE}], [A]),  # Chat Completions
    ([{"type": "url_citation", **PAGE, "content": "Hi."}], [Source(A.url, "A", "Hi.")]),
    ([{"type": "file_citation", "file_id": "f", "filename": "a.pdf"}], [Source("", "a.pdf")]),
    ([{"type": "url_citation", "url": 3, "title": None}], []),
]


@pytest.mark.parametrize(("annotations", "sources"), ANNOTATIONS)
def test_annotations_name_pages_and_files(annotations: Any, sources: list[Source]) -> None:
    assert [*read_annotations(annotations)] == sources


SEARCHES: list[tuple[dict[str, Any], list[Source]]] = [
    ({}, []),
    ({"citations": None, "search_results": "odd"}, []),
    ({"citations": [PAGE["url"], 3, "", B.url]}, [Source(A.url), B]),  # xAI
    ({"citations": [A.url, B.url], "search_results": [PAGE, None]}, [A, B]),  # Perplexity
    ({"search_results": [{**PAGE, "snippet": "Hi."}]}, [Source(A.url, "A", "Hi.")]),
    ({"search_results": [{"url": [], "title": ""}]}, []),
    (
        {"web_search": [{"link": A.url, "title": "A", "content": "Hi."}]},
        [Source(A.url, "A", "Hi.")],
    ),
]


@pytest.mark.parametrize(("body", "sources"), SEARCHES)
def test_what_was_searched_is_named_once(body: dict[str, Any], sources: list[Source]) -> None:
    assert [*read_search_results(body)] == sources
