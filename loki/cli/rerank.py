"""loki-rerank: a query, documents on stdin -> the documents, best first, on stdout -> exit code.

Documents come back byte for byte. Empty ones are left out, for no provider takes them. More than
one request takes are sent in several, and put together by score: each is of one document alone.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import replace
from math import inf

from returns.pipeline import flow
from returns.result import Result, Success

from loki import pipeline
from loki.cli import console
from loki.cli.embed.input import Record, text_of
from loki.cli.startup import env_of, environment, failed, limits_of, today
from loki.edge.auth.credentials import masked
from loki.edge.files import reason
from loki.edge.stdin import LATE, read_stdin
from loki.formats.openai_messages import read_json
from loki.pipeline import Env, each, prepare
from loki.problems import Problem, fail
from loki.railway import bind, gather, map_
from loki.record import record
from loki.records import Ask, Json, Request
from loki.replies import Ranking
from loki.stages.batching import split
from loki.stages.resolve import resolve


@record
class Document:
    """A document; ``index`` counts the lines of stdin from 0, empty ones among them."""

    index: int
    text: str  # as it is sent
    raw: bytes  # as it came, and goes out again
    id: Json = None


def rerank(prog: str, flags: Namespace) -> int:
    """Rank what stdin has by what the flags say; the exit code."""
    environ = environment(flags)
    ready = query_of(flags).bind(
        lambda query: env_of(flags, environ, prog).bind(
            lambda env: documents_in_time(env, flags).map(
                lambda found: (env, found[1], ask_of(flags, query, *found))
            )
        )
    )
    if not isinstance(ready, Success):
        return failed(prog, ready.failure(), flags.output)
    env, documents, ask = ready.unwrap()
    if flags.explain:
        from loki.cli.explain import explain

        explain(env, ask, environ, "reranker")
    if flags.dry_run:
        return dry_run(prog, env, ask, flags)
    ranking = pipeline.rerank(env, ask)
    if not isinstance(ranking, Success):
        return failed(prog, ranking.failure(), flags.output)
    return tell(prog, documents, ranking.unwrap(), flags)


# ---- asking ------------------------------------------------------------------------------------


def query_of(flags: Namespace) -> Result[str, Problem]:
    """QUERY, in UTF-8 whatever the locale; and stdin is there to be read."""
    query = os.fsencode(" ".join(flags.text)).decode("utf-8", "surrogateescape")
    if not query.strip():
        return fail("usage", "no query: say what the documents are to be ranked by")
    if flags.jsonl and flags.null:
        return fail("usage", "--jsonl and -0 contradict each other")
    if flags.top == 0:
        return fail("usage", "--top 0 would leave nothing: give 1 or more")
    if sys.stdin is None or sys.stdin.isatty():
        return fail("usage", "no documents: pipe them in, one a line")
    return Success(query)


def documents_in_time(
    env: Env, flags: Namespace
) -> Result[tuple[float | None, tuple[Document, ...]], Problem]:
    """Return when all is to be over, None where nobody gave a limit, and the documents."""
    end = flags.timeout and env.clock() + flags.timeout
    return documents_of(flags, inf if end is None else end).map(lambda found: (end, found))


def ask_of(flags: Namespace, query: str, end: float | None, documents: Sequence[Document]) -> Ask:
    """Return what the flags and the documents ask."""
    return Ask(
        model=flags.model,
        query=query,
        texts=tuple(document.text for document in documents),
        top=flags.top,
        max_cost=flags.max_cost,
        limits=replace(limits_of(flags), end=end),
        tag=flags.tag,
    )


def documents_of(flags: Namespace, end: float) -> Result[tuple[Document, ...], Problem]:
    """Return the documents on stdin; none at all is a problem, and none until ``end``."""
    try:
        data = read_stdin(end)
    except TimeoutError:
        return fail("offline", LATE)
    except OSError as error:
        return fail("input", f"cannot read stdin: {reason(error)}")
    found = lines(data, flags.null).bind(rows if flags.jsonl else Success)
    return found.bind(
        lambda documents: (
            Success(documents) if documents else fail("input", "stdin has no documents")
        )
    )


def lines(data: bytes, null: bool) -> Result[tuple[Document, ...], Problem]:
    r"""A document a line, or up to each NUL; what is white space alone is none.

    >>> [document.text for document in lines(b"a\r\n\nb", False).unwrap()]
    ['a', 'b']
    """
    pieces = data.split(b"\0" if null else b"\n")
    return gather(read_document(index, piece, null) for index, piece in enumerate(pieces)).map(
        spoken
    )


def read_document(index: int, raw: bytes, null: bool) -> Result[Document, Problem]:
    r"""One of them; the end of a line in DOS's way, and a byte order mark, are not sent.

    >>> read_document(2, b"ab\xff", False).failure().message
    'line 3 is not UTF-8 text: byte 2 is 0xff'
    """
    place = f"{'document' if null else 'line'} {index + 1}"
    return text_of(Record(index, place, raw), null).map(lambda text: Document(index, text, raw))


def rows(documents: Sequence[Document]) -> Result[tuple[Document, ...], Problem]:
    """The documents that lines of JSON name."""
    return gather(map(row, documents)).map(spoken)


def row(document: Document) -> Result[Document, Problem]:
    """The document in a line ``{"id", "text"}``; the id may be missing.

    >>> row(Document(1, '{"id": 7, "text": "a"}', b"")).unwrap()
    Document(index=1, text='a', raw=b'a', id=7)
    >>> row(Document(1, '{"id": 7}', b"")).failure().message
    'line 2 is not {"id": …, "text": "…"}'
    """
    place = f"line {document.index + 1}"

    def named(told: Json) -> Result[Document, Problem]:
        match told:
            case {"text": str(text)}:
                raw = text.encode("utf-8", "surrogatepass")  # half a pair is found when it is sent
                return Success(Document(document.index, text, raw, told.get("id")))
            case _:
                return fail("input", f'{place} is not {{"id": …, "text": "…"}}')

    return read_json(document.text, place).bind(named)


def spoken(documents: Sequence[Document]) -> tuple[Document, ...]:
    """Those that say anything."""
    return tuple(document for document in documents if document.text.strip())


# ---- looking -----------------------------------------------------------------------------------


def dry_run(prog: str, env: Env, ask: Ask, flags: Namespace) -> int:
    """Print every request as it would be sent; nothing is looked up and nothing is sent."""
    from loki.cli.explain import FORMS

    def one(part: Ask) -> Result[Request, Problem]:
        return prepare(replace(env, authorize=masked), part, "reranker")

    requests = flow(ask, resolve(env.config, "reranker"), map_(split), bind(each(one)))
    if not isinstance(requests, Success):
        return failed(prog, requests.failure(), "text")
    for request in requests.unwrap():
        console.out(FORMS[flags.dry_run](request) + "\n")
    return 0


# ---- telling -----------------------------------------------------------------------------------


def tell(prog: str, documents: Sequence[Document], ranking: Ranking, flags: Namespace) -> int:
    """The documents, best first; the exit code."""
    console.put(TELLERS[flags.output](documents, ranking, flags))
    if flags.verbose:
        console.talk(f"{prog}: {summary(ranking, '' if flags.no_ledger else today())}")
    return 0


def as_text(documents: Sequence[Document], ranking: Ranking, flags: Namespace) -> bytes:
    """The documents as they came, each with its end."""
    end = b"\0" if flags.null else b"\n"
    return b"".join(documents[place].raw + end for place, _ in ranking.scores)


def as_json(documents: Sequence[Document], ranking: Ranking, flags: Namespace) -> bytes:
    """A JSON line for each."""
    ranked = ((documents[place], score) for place, score in ranking.scores)
    told = (
        {"index": document.index, "id": document.id, "score": score, "document": document.text}
        for document, score in ranked
    )
    return "".join(console.compact(each) + "\n" for each in told).encode("utf-8", "replace")


def summary(ranking: Ranking, today: str) -> str:
    """One line for ``-v``; ``today`` is what was spent."""
    usage, searches = ranking.usage, ranking.usage.searches
    parts = (
        ranking.model,
        f"{len(ranking.scores):,} documents",
        "" if usage.input is None else f"{usage.input:,} tokens",
        "" if searches is None else f"{searches:,} search unit{'' if searches == 1 else 's'}",
        "cost unknown" if ranking.cost is None else f"${ranking.cost.normalize():f}",
        "" if ranking.seconds is None else f"{ranking.seconds:.1f} s",
        today,
    )
    return " · ".join(filter(None, parts))


TELLERS: dict[str, Callable[[Sequence[Document], Ranking, Namespace], bytes]] = {
    "text": as_text,
    "json": as_json,
}
