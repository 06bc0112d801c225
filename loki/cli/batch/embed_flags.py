"""--embed -> whether the flags beside it are of use: an embedding is no answer."""

from __future__ import annotations

from argparse import Namespace

from returns.result import Result, Success

from loki.problems import Problem, fail

#: Flags of answers, by their names in the Namespace.
OF_ANSWERS = {
    "prompt": "-s",
    "temperature": "-t",
    "top_p": "--top-p",
    "max_tokens": "--max-tokens",
    "stop": "--stop",
    "seed": "--seed",
    "reasoning": "--reasoning",
    "schema": "--schema",
    "tools": "--tools",
    "tool_choice": "--tool-choice",
}


def is_given(value: object) -> bool:
    """Return whether a flag has a value; 0 is one.

    >>> is_given(0.0), is_given(None), is_given([])
    (True, False, False)
    """
    return value is not None and value is not False and value not in ("", [], ())


def check_embed_flags(flags: Namespace) -> Result[None, Problem]:
    """Return nothing; fails with kind usage where an embedding cannot have what is asked for."""
    names = (name for name in OF_ANSWERS if is_given(getattr(flags, name, None)))
    name = next(names, None) if flags.embed else None
    if name is None:
        return Success(None)
    return fail("usage", f"{OF_ANSWERS[name]} and --embed: it is about answers, leave it out")
