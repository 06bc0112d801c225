"""loki-rerank: a query, documents on stdin -> the documents, best first, on stdout -> exit code.

Documents are printed byte for byte. Empty ones are left out: no provider takes them. Documents
that do not fit one request are sent in several, and merged by score.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from math import inf

from returns.pipeline import flow
from returns.result import Result, Success

from loki import pipeline
from loki.cli.console import Console
from loki.cli.embed.input import text_of
from loki.cli.embed.pieces import Record
from loki.cli.startup import describe_spent_today, environment, limits_of, open_env
from loki.edge.auth.credentials import mask_draft
from loki.edge.decode import find_encoding, recode
from loki.edge.files import describe_os_error
from loki.edge.stdin import LATE, TooLargeError, read_stdin
from loki.formats.openai_messages import read_json
from loki.json_text import Json, compact
from loki.pipeline import Env, map_each, prepare
from loki.problems import Problem, count_of, fail
from loki.railway import bind, gather, map_
from loki.record import record, replace
from loki.records import Ask, Request
from loki.replies import Ranking
from loki.stages.batching import split_texts
from loki.stages.resolve import resolve


@record
class Document:
    """A document; ``index`` is its line in stdin from 0, empty lines included."""

    index: int
    text: str  # as it is sent
    raw: bytes  # as it was read, and is printed
    id: Json = None


def rerank(flags: Namespace, console: Console) -> int:
    """Rank the documents on stdin and print them; return the exit code."""
    environ = environment(flags)
    ready = Result.do(
        (env, documents, ask_of(flags, query, deadline, documents))
        for query in query_of(flags)
        for env in open_env(flags, environ, console)
        for deadline in Success(flags.timeout and env.clock() + flags.timeout)
        for documents in documents_of(flags, inf if deadline is None else deadline, console.warn)
    )
    if not isinstance(ready, Success):
        return console.report(ready.failure(), flags.output)
    env, documents, ask = ready.unwrap()
    if flags.explain:
        from loki.cli.explain import explain

        explain(env, ask, environ, console, "reranker")
    if flags.dry_run:
        return dry_run(env, ask, flags, console)
    ranking = pipeline.rerank(env, ask)
    if not isinstance(ranking, Success):
        return console.report(ranking.failure(), flags.output)
    return print_ranking(documents, ranking.unwrap(), flags, console)


# ---- asking --------------------------------------------------------------------------------------


def query_of(flags: Namespace) -> Result[str, Problem]:
    """Return QUERY, in UTF-8 whatever the locale, if the flags agree and stdin can be read."""
    query = os.fsencode(" ".join(flags.text)).decode("utf-8", "surrogateescape")
    if not query.strip():
        return fail("usage", "no query: give the text that the documents are ranked by")
    if flags.jsonl and flags.null:
        return fail("usage", "--jsonl and -0 contradict each other")
    if flags.top == 0:
        return fail("usage", "--top 0 would leave nothing: give 1 or more")
    if sys.stdin is None or sys.stdin.isatty():
        return fail("usage", "no documents: pipe them in, one a line")
    return Success(query)


def ask_of(
    flags: Namespace, query: str, deadline: float | None, documents: Sequence[Document]
) -> Ask:
    """Return what the flags and the documents ask."""
    return Ask(
        model=flags.model,
        query=query,
        texts=tuple(document.text for document in documents),
        top=flags.top,
        max_cost=flags.max_cost,
        limits=replace(limits_of(flags), deadline=deadline),
        tag=flags.tag,
    )


def documents_of(
    flags: Namespace, deadline: float, warn: Callable[[str], None]
) -> Result[tuple[Document, ...], Problem]:
    """Return the documents on stdin; fail if there are none, or if time is up."""
    try:
        data = read_stdin(deadline)
    except TimeoutError:
        return fail("offline", LATE)
    except TooLargeError as error:
        return fail("input", f"stdin {error}")
    except OSError as error:
        return fail("input", f"cannot read stdin: {describe_os_error(error)}")
    text = b"".join(filter(None, recode([data], "stdin", flags.encoding, warn)))
    raw = data if find_encoding(data, flags.encoding)[1] == "utf-8" else text
    documents = lines(text, raw, flags.null).bind(read_json_lines if flags.jsonl else Success)
    return documents.bind(
        lambda some: Success(some) if some else fail("input", "stdin has no documents")
    )


def lines(text: bytes, raw: bytes, null: bool) -> Result[tuple[Document, ...], Problem]:
    r"""Return a document for each line, or up to each NUL; blank ones are left out.

    ``raw`` is what is printed: the bytes as they came, unless their lines end otherwise.

    >>> [document.text for document in lines(b"a\r\n\nb", b"a\r\n\nb", False).unwrap()]
    ['a', 'b']
    """
    end = b"\0" if null else b"\n"
    pairs = zip(text.split(end), raw.split(end), strict=True)
    documents = gather(read_document(index, *pair, null) for index, pair in enumerate(pairs))
    return documents.map(non_blank)


def read_document(index: int, text: bytes, raw: bytes, null: bool) -> Result[Document, Problem]:
    r"""Return a document; a carriage return at its end is not sent.

    >>> read_document(2, b"a\0b", b"a\0b", False).failure().message
    'line 3 has a NUL byte: texts that end with NUL need -0'
    """
    place = f"{'document' if null else 'line'} {index + 1}"
    found = text_of(Record(index, place, text), null)
    return found.map(lambda text: Document(index, text, raw))


def read_json_lines(documents: Sequence[Document]) -> Result[tuple[Document, ...], Problem]:
    """Return the documents in lines of JSON."""
    return gather(map(read_json_line, documents)).map(non_blank)


def read_json_line(document: Document) -> Result[Document, Problem]:
    """Return the document in a line ``{"id", "text"}``; the id may be missing.

    >>> read_json_line(Document(1, '{"id": 7, "text": "a"}', b"")).unwrap()
    Document(index=1, text='a', raw=b'a', id=7)
    >>> read_json_line(Document(1, '{"id": 7}', b"")).failure().message
    'line 2 is not {"id": …, "text": "…"}'
    """
    place = f"line {document.index + 1}"

    def read(line: Json) -> Result[Document, Problem]:
        match line:
            case {"text": str(text)}:
                raw = text.encode("utf-8", "surrogatepass")  # half a pair is found when it is sent
                return Success(Document(document.index, text, raw, line.get("id")))
            case _:
                return fail("input", f'{place} is not {{"id": …, "text": "…"}}')

    return read_json(document.text, place).bind(read)


def non_blank(documents: Sequence[Document]) -> tuple[Document, ...]:
    """Return the documents with more than white space."""
    return tuple(document for document in documents if document.text.strip())


# ---- dry run -------------------------------------------------------------------------------------


def dry_run(env: Env, ask: Ask, flags: Namespace, console: Console) -> int:
    """Print every request as it would be sent; read no secret and send nothing."""
    from loki.cli.show_request import format_request

    def prepared(part: Ask) -> Result[Request, Problem]:
        return prepare(replace(env, authorize=mask_draft), part, "reranker")

    requests = flow(
        ask, resolve(env.config, "reranker"), map_(split_texts), bind(map_each(prepared))
    )
    if not isinstance(requests, Success):
        return console.report(requests.failure())
    for request in requests.unwrap():
        console.write(format_request(request, flags.dry_run, console.redactor, env.patches) + "\n")
    return 0


# ---- printing ------------------------------------------------------------------------------------


def print_ranking(
    documents: Sequence[Document], ranking: Ranking, flags: Namespace, console: Console
) -> int:
    """Print the documents, best first; return the exit code."""
    console.write_bytes(FORMATS[flags.output](documents, ranking, flags))
    if flags.verbose:
        console.note(format_summary(ranking, "" if flags.no_ledger else describe_spent_today()))
    return 0


def as_text(documents: Sequence[Document], ranking: Ranking, flags: Namespace) -> bytes:
    """Return the documents as they were read, each with its end."""
    end = b"\0" if flags.null else b"\n"
    return b"".join(documents[place].raw + end for place, _ in ranking.scores)


def as_json(documents: Sequence[Document], ranking: Ranking, flags: Namespace) -> bytes:
    """Return a JSON line for each document."""
    ranked = ((documents[place], score) for place, score in ranking.scores)
    lines = (
        {"index": document.index, "id": document.id, "score": score, "document": document.text}
        for document, score in ranked
    )
    return "".join(compact(line) + "\n" for line in lines).encode("utf-8", "replace")


def format_summary(ranking: Ranking, today: str) -> str:
    """Return the line of ``-v``; ``today`` is what was spent."""
    usage, searches = ranking.usage, ranking.usage.searches
    parts = (
        ranking.model,
        count_of(len(ranking.scores), "document"),
        "" if usage.input is None else count_of(usage.input, "token"),
        "" if searches is None else f"{searches:,} search unit{'' if searches == 1 else 's'}",
        "cost unknown" if ranking.cost is None else f"${ranking.cost.normalize():f}",
        "" if ranking.seconds is None else f"{ranking.seconds:.1f} s",
        today,
    )
    return " · ".join(filter(None, parts))


FORMATS: dict[str, Callable[[Sequence[Document], Ranking, Namespace], bytes]] = {
    "text": as_text,
    "json": as_json,
}
