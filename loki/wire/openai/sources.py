"""Sources in OpenAI's protocols: annotations, and the search results of Perplexity and xAI."""

from __future__ import annotations

from collections.abc import Iterable

from loki.records import Json, JsonObject
from loki.replies import Source
from loki.wire.codec import as_str


def read_annotations(annotations: Json) -> Iterable[Source]:
    """Yield the sources among the annotations of a text, flat or under the name of their type.

    >>> url = {"url": "https://a.example", "title": "A"}
    >>> [*read_annotations([{"type": "url_citation", "url_citation": url}])]
    [Source(url='https://a.example', title='A', quote='')]
    >>> [*read_annotations([{"type": "file_citation", "filename": "a.pdf"}, {"type": "odd"}])]
    [Source(url='', title='a.pdf', quote='')]
    """
    for annotation in annotations if isinstance(annotations, list) else ():
        match annotation:
            case {"type": "url_citation", "url_citation": dict(cited)}:
                yield from read_source(cited)
            case {"type": "url_citation" | "file_citation" | "container_file_citation"}:
                yield from read_source(annotation)


def read_source(cited: JsonObject) -> Iterable[Source]:
    """Yield a page, or a file of the user's, unless neither is named."""
    url, title = as_str(cited.get("url")), as_str(cited.get("title") or cited.get("filename"))
    if url or title:
        yield Source(url, title, as_str(cited.get("content")))


def read_search_results(body: JsonObject) -> Iterable[Source]:
    """Yield what was searched for an answer: pages by their address, and those found in full.

    An address that is among the pages found in full is told once.

    >>> body = {"citations": ["https://a.example", "https://b.example"],
    ...         "search_results": [{"url": "https://a.example", "title": "A", "snippet": "a"}]}
    >>> [(source.url, source.title) for source in read_search_results(body)]
    [('https://a.example', 'A'), ('https://b.example', '')]
    """
    results, addresses = body.get("search_results"), body.get("citations")
    if results is None and addresses is None:
        return  # nearly every answer
    listed = results if isinstance(results, list) else []
    found = [page for page in listed if isinstance(page, dict)]
    for page in found:
        url, title = as_str(page.get("url")), as_str(page.get("title"))
        if url or title:
            yield Source(url, title, as_str(page.get("snippet")))
    known = {page.get("url") for page in found if isinstance(page.get("url"), str)}
    for address in addresses if isinstance(addresses, list) else ():
        if isinstance(address, str) and address and address not in known:
            yield Source(address)
