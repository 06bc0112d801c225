"""7d. Request, Problem -> Problem: a parameter that is refused, with the patch that drops it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from loki.json_text import JsonObject, compact
from loki.problems import Problem
from loki.providers import wire_of
from loki.record import replace
from loki.records import Request

Path = tuple[str, ...]


def suggest_patch(problem: Problem, request: Request) -> Problem:
    """Return the same problem; where a parameter was refused, its message shows ``--patch``."""
    if problem.status not in (400, 422) or problem.kind != "input":
        return problem
    if not UNSUPPORTED.search(problem.message):
        return problem
    kept = {*REQUIRED, *wire_of(request.target).content_keys} - {"tools", "toolConfig"}
    path = refused_path(problem.message, request.draft.body, kept)
    if path is None:
        return problem
    message = problem.message.rstrip(". ")
    patch = compact({"body": drop(path)})
    return replace(problem, message=f"{message}; to leave it out: --patch '{patch}'")


def refused_path(message: str, body: JsonObject, kept: Collection[str]) -> Path | None:
    """Return where the parameter that a message names stands in a body, the longest name first.

    >>> refused_path("'max_tokens' is not supported", {"max_tokens": 5, "tokens": 1}, ())
    ('max_tokens',)
    >>> refused_path("Unsupported parameter: a.b", {"a": {"b": 1, "c": 2}}, ())
    ('a', 'b')
    """
    named = [path for path in paths_in(body, kept) if is_named(path, message)]
    return max(named, key=lambda path: (len(path), len(path[-1])), default=None)


def paths_in(body: JsonObject, kept: Collection[str]) -> Iterator[Path]:
    """Yield where every parameter of a body stands, two levels deep."""
    for name, value in body.items():
        if name in kept:
            continue
        yield (name,)
        if isinstance(value, dict):
            yield from ((name, inner) for inner in value)


def is_named(path: Path, message: str) -> bool:
    """Return whether a message names a parameter, by its path or its last part alone.

    >>> is_named(("top_p",), "`top_p` is deprecated"), is_named(("stop",), "It stopped.")
    (True, False)
    """
    is_telling = len(path[-1]) > SHORT or len(path) == 1
    names = {".".join(path), *([path[-1]] if is_telling else [])}
    return any(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", message) for name in names)


def drop(path: Path) -> JsonObject:
    """Return a merge patch that takes away what stands at a path.

    >>> drop(("generationConfig", "seed"))
    {'generationConfig': {'seed': None}}
    """
    return {path[0]: drop(path[1:]) if path[1:] else None}


SHORT = 3  # letters: an inner name of so few is any word

#: Parameters that no request can do without.
REQUIRED = ("model", "stream")

#: How providers say that they do not take a parameter.
UNSUPPORTED = re.compile(
    r"(?i)unsupported|not supported|does not support|doesn't support|unknown (name|parameter|field)"
    r"|unrecognized|extra (inputs|fields)|not (permitted|allowed)|unexpected|deprecated"
    r"|cannot find field|not compatible|invalid (parameter|argument)|may only be|only the default"
)
