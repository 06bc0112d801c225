"""3b. Target, body -> body: with the provider's own tools, and its web search if wanted."""

from __future__ import annotations

from functools import reduce

from returns.result import Result, Success

from loki.json_text import Json, JsonObject
from loki.problems import Problem, fail
from loki.providers import wire_name
from loki.records import Target
from loki.wire import chat_wire


def add_server_tools(target: Target, body: JsonObject) -> Result[JsonObject, Problem]:
    """Return a body with the tools that its provider runs itself, behind those of ours."""
    protocol, ask = chat_wire(wire_name(target)), target.ask
    search = protocol.search(target) if ask.search else {}
    if search is None:
        name = target.model.name
        return fail("usage", f"{target.client.name} has no web search of its own for {name}")
    own = nest(protocol.tools_path, list(ask.server_tools)) if ask.server_tools else {}
    return Success(reduce(join, (own, search), body))


def nest(path: tuple[str, ...], value: Json) -> JsonObject:
    """Return an object with a value at a path.

    >>> nest(("a", "b"), 1)
    {'a': {'b': 1}}
    """
    return {path[0]: nest(path[1:], value) if path[1:] else value}


def join(one: Json, other: Json) -> Json:
    """Return two JSON values as one: objects are merged, lists follow each other.

    >>> join({"a": [1], "b": {"c": 2}}, {"a": [3], "b": {"d": 4}})
    {'a': [1, 3], 'b': {'c': 2, 'd': 4}}
    """
    match one, other:
        case dict(), dict():
            return {**one, **{k: join(one[k], v) if k in one else v for k, v in other.items()}}
        case list(), list():
            return [*one, *other]
        case _:
            return other
