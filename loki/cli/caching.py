"""--cache and LOKI_CACHE: flags -> an Env that answers again what was answered before."""

from __future__ import annotations

from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable, Mapping
from math import inf

from returns.result import Result, Success

from loki.cli.flag_types import age
from loki.edge.answer_cache import cached
from loki.edge.answer_files import cache_folder
from loki.formats.structured_output import code_block
from loki.pipeline import Env
from loki.problems import Problem, fail
from loki.replies import Reply


def with_answer_cache(
    env: Env, flags: Namespace, environ: Mapping[str, str], warn: Callable[[str], None]
) -> Result[Env, Problem]:
    """Return the Env with a cache of answers, or as it is where none is to be used."""

    def use(seconds: float | None) -> Env:
        if seconds is None:
            return env
        limit = None if seconds == inf else seconds
        return cached(env, limit, cache_folder(environ), warn, make_reply_check(flags))

    return cache_age(flags, environ).map(use)


def cache_age(flags: Namespace, environ: Mapping[str, str]) -> Result[float | None, Problem]:
    """Return how old an answer may be, in seconds; None where no cache is to be used.

    LOKI_CACHE is the AGE of a flag without one, and where there is no flag. What runs tools or
    searches the web is another thing each time: there the flag itself is needed.
    """
    given: float | None = flags.cache
    changes = getattr(flags, "run_tools", False) or getattr(flags, "search", False)
    text = environ.get("LOKI_CACHE", "")
    if not text or (given is None and changes) or given not in (None, inf):
        return Success(given)
    return read_default_age(environ)


def read_default_age(environ: Mapping[str, str]) -> Result[float | None, Problem]:
    """Return the age in LOKI_CACHE, in seconds; None where there is none.

    >>> read_default_age({"LOKI_CACHE": "2m"}).unwrap(), read_default_age({}).unwrap()
    (120.0, None)
    >>> read_default_age({"LOKI_CACHE": "abc"}).failure().message
    "LOKI_CACHE: 'abc' is not an age: 90s, 30m, 1h, 7d or 2w"
    """
    text = environ.get("LOKI_CACHE", "")
    try:
        return Success(age(text) if text else None)
    except ArgumentTypeError as error:
        return fail("config", f"LOKI_CACHE: {error}")


def make_reply_check(flags: Namespace) -> Callable[[Reply], bool]:
    """Return what says whether an answer is one that the flags can print."""
    if not getattr(flags, "code", False):
        return lambda reply: True
    return lambda reply: bool(
        reply.tool_calls
        or reply.request.target.ask.schema is not None
        or code_block(reply.text) != reply.text
    )
