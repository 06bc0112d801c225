"""Explain a record to a person: its signature, its fields with their comments, a wrong field."""

from __future__ import annotations

import re
from dataclasses import MISSING, Field
from inspect import Parameter, Signature, cleandoc, getsource
from typing import Any


class Words(str):
    """Source text that ``help()`` shows as it is, without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Return the text itself."""
        return str(self)


def signature_of(cls: Any) -> Signature:
    """Return how a record is called: its fields with their types and defaults."""
    parameters = [parameter_of(each) for each in cls.__dataclass_fields__.values()]
    return Signature(sorted(parameters, key=lambda each: each.kind))  # keyword-only ones last


def parameter_of(spec: Field[Any]) -> Parameter:
    """Return the parameter that sets a field."""
    kind = Parameter.KEYWORD_ONLY if spec.kw_only else Parameter.POSITIONAL_OR_KEYWORD
    hint = Words(spec.metadata.get("type", spec.type))
    return Parameter(spec.name, kind, default=default_of(spec), annotation=hint)


def default_of(spec: Field[Any]) -> Any:
    """Return the default of a field: of a record, the call that makes it; of a function, its name.

    A record that is a default is one of defaults, as ``Limits()``.
    """
    default = spec.default
    if spec.default_factory is not MISSING:
        return Words(f"{getattr(spec.default_factory, '__name__', '…')}()")
    if hasattr(default, "__dataclass_fields__"):
        return Words(f"{type(default).__name__}()")
    if callable(default):
        return Words(default.__name__)
    return Parameter.empty if default is MISSING else default


def describe(cls: Any, text: str) -> str:
    """Return a record's docstring and a list of its fields: type, default, and what they are."""
    comments = comments_of(cls)
    lines = (
        f"    {parameter}{f'  # {comments[name]}' if name in comments else ''}"
        for name, parameter in signature_of(cls).parameters.items()
    )
    return "\n".join([cleandoc(text), "", "Fields::", "", *lines])


def comments_of(cls: type) -> dict[str, str]:
    """Return the comments beside the fields of a record, by the names of the fields."""
    comments: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if "__dataclass_fields__" in base.__dict__:
            comments |= read_comments(source_of(base))
    return comments


def read_comments(source: str) -> dict[str, str]:
    """Return the comments beside the fields in the source of a class.

    >>> read_comments("    seed: int  # for chance\\n    x: Any  # type: ignore[a]\\n    y: int\\n")
    {'seed': 'for chance'}
    """
    source = re.sub(r"  # type: ignore\S*", "", source)
    return dict(re.findall(COMMENTED_FIELD, source, re.MULTILINE))


#: A field on one line, or in brackets over several, and its comment.
COMMENTED_FIELD = r"^    (\w+): (?:.*[(\[]\n(?: {8}.*\n)+    [)\]])?.*  # (.+)$"


def source_of(cls: type) -> str:
    """Return the source of a class, empty where Python has none."""
    try:
        return getsource(cls)
    except (OSError, TypeError):
        return ""


def explain_unexpected(cls: Any, names: list[str]) -> str:
    """Return what is wrong with a call that names fields that are not, or are set already."""
    from difflib import get_close_matches

    name, fields = names[0], list(cls.__dataclass_fields__)
    if name in fields:
        return f"{cls.__name__}() got {name!r} twice"
    close = get_close_matches(name, fields, 1)
    hint = f"did you mean {close[0]!r}?" if close else f"its fields: {', '.join(fields)}"
    return f"{cls.__name__}() got an unexpected field {name!r}; {hint}"
