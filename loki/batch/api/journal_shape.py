"""A JSON object -> whether it is a line of a journal that we can go by.

A line that is not is never skipped: only the journal knows which rows are paid for already.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from decimal import Decimal, InvalidOperation
from typing import TypeAlias, get_args

from loki.json_text import Json, JsonObject
from loki.records import Task

Check: TypeAlias = Callable[[Json], bool]


def is_text(value: Json) -> bool:
    """Return whether a value is a text."""
    return isinstance(value, str)


def is_flag(value: Json) -> bool:
    """Return whether a value is true or false."""
    return isinstance(value, bool)


def is_count(value: Json) -> bool:
    """Return whether a value is a whole number that is not negative."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def is_moment(value: Json) -> bool:
    """Return whether a value is a number that can be a time, in seconds since the epoch.

    >>> is_moment(1.8e9), is_moment(10**400), is_moment(float("nan")), is_moment(True)
    (True, False, False, False)
    """
    return isinstance(value, int | float) and type(value) is not bool and abs(value) < NEVER


NEVER = 10**12  # seconds: what is so far away is no time


def is_dollars(value: Json) -> bool:
    """Return whether a value is an amount of money as a text.

    >>> is_dollars("0.01"), is_dollars("zz"), is_dollars("NaN"), is_dollars(1)
    (True, False, False, False)
    """
    try:
        return isinstance(value, str) and Decimal(value).is_finite()
    except InvalidOperation:
        return False


def is_item(value: Json) -> bool:
    """Return whether a value is a row of a job.

    >>> is_item(["k", None, 3]), is_item([1, 2, 3]), is_item(["k", None])
    (True, False, False)
    """
    match value:
        case [str(), str() | int() | None, int()]:
            return True
    return False


def optional(check: Check) -> Check:
    """Return a check that null passes too."""
    return lambda value: value is None or check(value)


def listed(check: Check) -> Check:
    """Return a check of every item of a list."""
    return lambda value: isinstance(value, list) and all(map(check, value))


#: The fields that a line of each kind must have; its first is the name of its job.
REQUIRED: dict[str, Mapping[str, Check]] = {
    "plan": {
        **dict.fromkeys(("plan", "kind", "model", "account"), is_text),
        "time": is_moment,
        "n": is_count,
    },
    "uploaded": {"uploaded": is_text, "ref": is_text},
    "intent": {"intent": is_text, "time": is_moment},
    "job": {"job": is_text, "id": is_text},
    "looked": {"looked": is_text, "time": is_moment},
    "seen": {
        **dict.fromkeys(("seen", "id", "state"), is_text),
        "time": is_moment,
        "is_final": is_flag,
    },
    "collected": {"collected": is_text},
    "dropped": {"dropped": is_text, "why": is_text},
    "rows": {"rows": is_text, "items": listed(is_item)},  # last: what is collected counts its rows
}

#: The fields that it may have.
OPTIONAL: dict[str, Mapping[str, Check]] = {
    "plan": {
        **dict.fromkeys(("hours", "bytes"), is_count),
        "task": lambda value: value in get_args(Task),
        "worst": optional(is_dollars),
        "schema": optional(lambda value: isinstance(value, dict)),
        "tag": is_text,
        "keeps": is_flag,
    },
    "seen": {
        **dict.fromkeys(("total", "done", "failed"), optional(is_count)),
        **dict.fromkeys(("problem", "code"), is_text),
        "expires": optional(is_moment),
        "files": listed(is_text),
        "bad_lines": listed(lambda value: isinstance(value, int)),
    },
    "collected": {"cost": is_dollars, "again": listed(is_text)},
}


def is_sound(line: JsonObject, planned: Collection[str]) -> bool:
    """Return whether a line is whole and its job was planned before; a kind unknown here may be.

    >>> is_sound({"rows": "a", "items": []}, ["a"]), is_sound({"rows": "a", "items": []}, [])
    (True, False)
    >>> is_sound({"plan": 5}, []), is_sound({"newer": 5}, [])
    (False, True)
    """
    kind = next((kind for kind in REQUIRED if kind in line), None)
    if kind is None:
        return True
    more = OPTIONAL.get(kind, {})
    return (
        all(name in line and check(line[name]) for name, check in REQUIRED[kind].items())
        and all(check(line[name]) for name, check in more.items() if name in line)
        and (kind == "plan" or line[kind] in planned)
    )
