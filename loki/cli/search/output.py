"""Matches -> lines of text or of JSON; a store -> what --info says of it."""

from __future__ import annotations

from argparse import Namespace
from datetime import UTC, datetime
from typing import NamedTuple

from loki.edge.retrieval.table import Store, size_of
from loki.json_text import JsonObject, compact
from loki.retrieval.passages import Match, match_json


class Answer(NamedTuple):
    """A query, and the matches for it, best first."""

    query: str
    matches: tuple[Match, ...]


def format_matches(answer: Answer, flags: Namespace, with_query: bool) -> str:
    r"""Return the matches of a query, each with its end; JSON says which of many it answers.

    >>> from loki.retrieval.passages import Passage
    >>> found = Answer("q", (Match(0.5, Passage("Hi")),))
    >>> format_matches(found, Namespace(output="text", null=False), True)
    'Hi\n'
    """
    if flags.output == "text":
        end = "\0" if flags.null else "\n"
        return "".join(match.text + end for match in answer.matches)
    query = {"query": answer.query} if with_query else {}
    return "".join(compact({**query, **match_json(match)}) + "\n" for match in answer.matches)


def describe_store(store: Store, output: str) -> str:
    """Return the facts of a store: name, spaces, value, a line each; or one JSON object."""
    facts = store_facts(store)
    if output == "json":
        return compact(facts) + "\n"
    return "".join(
        f"{name:<14}{format_value(value)}".rstrip() + "\n" for name, value in facts.items()
    )


def store_facts(store: Store) -> JsonObject:
    """Return what there is to know of a store; times in ISO 8601."""
    rows, size, changed = size_of(store)
    signature = store.header.settings
    return {
        "store": store.path,
        "model": store.header.model,
        "dimensions": store.dimensions,
        "task": signature.purpose,
        "patched": bool(signature.patch),
        "texts": rows,
        "bytes": size,
        "made": format_time(store.header.made),
        "changed": format_time(changed),
    }


def format_time(seconds: float) -> str:
    """Return a time, given in seconds since the epoch.

    >>> format_time(0)
    '1970-01-01T00:00:00Z'
    """
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_value(value: object) -> str:
    """Return a value as people read it.

    >>> format_value(True), format_value(None), format_value(1)
    ('yes', '', '1')
    """
    return {"True": "yes", "False": "no", "None": ""}.get(str(value), str(value))
