"""The fields of a row that say how to ask -> settings of an Ask, held as the flags are."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import inf
from typing import Any, NamedTuple

from returns.result import Result, Success

from loki.config.setting_names import EFFORTS
from loki.json_text import Json, JsonObject
from loki.problems import Problem, fail


class RowSetting(NamedTuple):
    """What a field may hold, and how a message says it."""

    fits: Callable[[Json], bool]
    expected: str


def read_settings(fields: JsonObject) -> Result[dict[str, Any], Problem]:
    """Return the settings of a row; a null is none.

    >>> read_settings({"temperature": 0.5, "seed": None}).unwrap()
    {'temperature': 0.5}
    >>> read_settings({"max_tokens": -1}).failure().message
    'max_tokens: -1 is not a whole number, 0 or more'
    """
    given: dict[str, Any] = {n: fields[n] for n in SETTINGS if fields.get(n) is not None}
    for name, value in given.items():
        if not SETTINGS[name].fits(value):
            shown = json.dumps(value, ensure_ascii=False)[:60]
            return fail("input", f"{name}: {shown} is not {SETTINGS[name].expected}")
    if "stop" in given:
        given["stop"] = tuple(given["stop"])
    return Success(given)


# ---- what may stand there ----------------------------------------------------------------------


def is_text(value: Json) -> bool:
    """Return whether a value is a text that says something."""
    return isinstance(value, str) and bool(value.strip())


def is_number(low: float, high: float) -> Callable[[Json], bool]:
    """Return a check: a number between two bounds, both included; true and false are none."""
    return lambda value: (
        isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
    )


def is_whole(low: float, high: float) -> Callable[[Json], bool]:
    """Return a check: a whole number between two bounds, both included."""
    fits = is_number(low, high)
    return lambda value: isinstance(value, int) and fits(value)


def is_texts(value: Json) -> bool:
    """Return whether a value is a list of texts, none of them empty."""
    return isinstance(value, list) and all(isinstance(each, str) and each for each in value)


def is_effort(value: Json) -> bool:
    """Return whether a value says how much to reason."""
    return value in EFFORTS if isinstance(value, str) else is_whole(1, inf)(value)


#: The settings of a row; their bounds are those of the flags of the same name.
SETTINGS: dict[str, RowSetting] = {
    "model": RowSetting(is_text, "a text"),
    "temperature": RowSetting(is_number(0, 2), "a number from 0 to 2"),
    "top_p": RowSetting(is_number(0, 1), "a number from 0 to 1"),
    "max_tokens": RowSetting(is_whole(0, 10**9), "a whole number, 0 or more"),
    "stop": RowSetting(is_texts, "a list of texts"),
    "seed": RowSetting(is_whole(-(2**63), 2**64), "a whole number of 64 bits"),
    "reasoning": RowSetting(is_effort, f"{', '.join(EFFORTS)} or a number of tokens"),
    "tool_choice": RowSetting(is_text, "a text"),
}
