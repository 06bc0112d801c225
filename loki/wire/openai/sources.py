"""Sources in OpenAI's protocols: annotations, and the search results of Perplexity and xAI."""

from __future__ import annotations

from collections.abc import Iterable

from loki.json_text import Json, JsonObject
from loki.replies import Source
from loki.wire.protocol import as_str, get_in


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


def read_pages(pages: Json) -> Iterable[Source]:
    """Yield the pages of a list that name an address or a title.

    >>> [*read_pages([{"link": "https://a.example", "title": "A", "content": "Hi."}, {}, None])]
    [Source(url='https://a.example', title='A', quote='Hi.')]
    """
    for page in pages if isinstance(pages, list) else ():
        if isinstance(page, dict):
            url, title = as_str(page.get("url") or page.get("link")), as_str(page.get("title"))
            quote = as_str(page.get("snippet") or page.get("content"))
            yield from (Source(url, title, quote),) if url or title else ()


def read_executed_tools(tools: Json) -> Iterable[Source]:
    """Yield what Groq's own tools have found.

    >>> found = {"search_results": {"results": [{"url": "https://a.example"}]}}
    >>> [*read_executed_tools([found, {"type": "python"}])]
    [Source(url='https://a.example', title='', quote='')]
    """
    for tool in tools if isinstance(tools, list) else ():
        yield from read_pages(get_in(tool, "search_results", "results"))


def read_search_results(body: JsonObject) -> Iterable[Source]:
    """Yield what was searched for an answer: pages by their address, and those found in full.

    An address that is among the pages found in full is told once.

    >>> body = {"citations": ["https://a.example", "https://b.example"],
    ...         "search_results": [{"url": "https://a.example", "title": "A", "snippet": "a"}]}
    >>> [(source.url, source.title) for source in read_search_results(body)]
    [('https://a.example', 'A'), ('https://b.example', '')]
    """
    lists = [body.get(name) for name in ("search_results", "web_search")]  # the second: Zhipu
    addresses = body.get("citations")
    if addresses is None and lists == [None, None]:
        return  # nearly every answer
    found = [source for pages in lists for source in read_pages(pages)]
    yield from found
    known = {source.url for source in found}
    for address in addresses if isinstance(addresses, list) else ():
        if isinstance(address, str) and address and address not in known:
            yield Source(address)
