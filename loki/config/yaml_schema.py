"""1a. YAML nodes -> plain values and complaints, each with its place: the rules of a grammar."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from loki.config.patterns import bad_pattern
from loki.problems import nearest

Spot = tuple[int, int]  # line and column, from 1


class Complaint(NamedTuple):
    """What is wrong, and where."""

    spot: Spot
    message: str


Complain = Callable[[Spot, str], None]
#: A grammar rule: a node and its spot -> its plain value; what is wrong goes to the third.
Check = Callable[[Any, Spot, Complain], Any]

INT = re.compile(r"[-+]?[0-9]+")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
TYPED: dict[str, Any] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
FLAGS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


def is_null(node: Any) -> bool:
    """Return whether a node is a plain ``null``, ``~`` or empty; a quoted one is text."""
    return node is None or (type(node) is str and node in TYPED and TYPED[node] is None)


def spot_of(node: Any, key: Any) -> Spot:
    """Return the position of a key of a mapping."""
    line, column = node.lc.key(key)
    return line + 1, column + 1


def place(node: Any, key: Any, spot: Spot) -> Spot:
    """Return the position of a value of a mapping or sequence."""
    if isinstance(node, dict) and node[key] in (None, ""):
        return spot_of(node, key)  # nothing stands there: ruamel names the next thing
    find = getattr(node.lc, "value" if isinstance(node, dict) else "item")
    try:
        line, column = find(key)
    except (KeyError, TypeError):  # strictyaml keeps no place for some empty values
        return spot
    return line + 1, column + 1


def mapping(
    fields: Mapping[str, Check],
    required: tuple[str, ...] = (),
    ignored: frozenset[str] = frozenset(),
) -> Check:
    """Return a rule for known keys only; null leaves a key out, ignored ones are left alone."""

    def rule(node: Any, spot: Spot, complain: Complain) -> dict[str, Any]:
        if not isinstance(node, dict):
            complain(spot, f"expected {', '.join(list(fields)[:3])} …, found {shown(node)}")
            return {}
        for key in (key for key in node if key not in fields and key not in ignored):
            hint = nearest(str(key), [*fields], sorted(ignored))
            complain(spot_of(node, key), f"unknown key {str(key)!r}{hint}")
        for key in required:
            if is_null(node.get(key)):
                complain(spot, f"{key!r} is missing")
        return {
            str(key): fields[key](value, place(node, key, spot), complain)
            for key, value in node.items()
            if key in fields and not is_null(value)
        }

    return rule


def sequence(item: Check) -> Check:
    """Return a rule for a list of one kind of item."""

    def rule(node: Any, spot: Spot, complain: Complain) -> list[Any]:
        if not isinstance(node, list):
            complain(spot, f"expected a list, found {shown(node)}")
            return []
        return [item(value, place(node, i, spot), complain) for i, value in enumerate(node)]

    return rule


def words(node: Any, spot: Spot, complain: Complain) -> list[Any]:
    """Return words given in a list, or in one text with spaces between them."""
    if isinstance(node, list):
        return list(sequence(text)(node, spot, complain))
    return text(node, spot, complain).split()


def by_pattern(item: Check) -> Check:
    """Return a rule for a mapping with regular expressions as keys, read as pairs in order."""

    def rule(node: Any, spot: Spot, complain: Complain) -> list[list[Any]]:
        if not isinstance(node, dict):
            complain(spot, f"expected patterns, found {shown(node)}")
            return []
        pairs = []
        for key, value in node.items():
            if reason := bad_pattern(str(key)):
                complain(spot_of(node, key), reason)
            pairs.append([str(key), item(value, place(node, key, spot), complain)])
        return pairs

    return rule


def text(node: Any, spot: Spot, complain: Complain) -> str:
    """Return any scalar, as it is written."""
    if isinstance(node, (dict, list)):
        complain(spot, f"expected text, found {shown(node)}")
        return ""
    return str(node)


def number(low: float = 0, high: float = math.inf) -> Check:
    """Return a rule for a number between two bounds."""

    def rule(node: Any, spot: Spot, complain: Complain) -> float:
        value = float(node) if isinstance(node, str) and FLOAT.fullmatch(node.strip()) else math.nan
        if not low <= value <= high:
            bounds = f"from {low:g} to {high:g}" if high < math.inf else f"of {low:g} or more"
            complain(spot, f"expected a number {bounds}, found {shown(node)}")
        return value

    return rule


def whole(node: Any, spot: Spot, complain: Complain) -> int:
    """Return a count, 0 or more; underscores may group its digits."""
    digits = node.replace("_", "") if isinstance(node, str) else ""
    if not digits.isdecimal() or len(digits) > 18:
        complain(spot, f"expected a whole number, found {shown(node)}")
        return 0
    return int(digits)


def price(node: Any, spot: Spot, complain: Complain) -> str:
    """Return US dollars a million tokens, as decimal text."""
    try:
        amount = Decimal(str(node))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        complain(spot, f"expected a price in US dollars, found {shown(node)}")
    return str(node)


def flag(node: Any, spot: Spot, complain: Complain) -> bool:
    """Return true or false."""
    text = node.lower() if isinstance(node, str) else ""
    if text not in FLAGS:
        complain(spot, f"expected true or false, found {shown(node)}")
    return FLAGS.get(text, False)


def one_of(*words: str) -> Check:
    """Return a rule for one of several words."""

    def rule(node: Any, spot: Spot, complain: Complain) -> str:
        if node not in words:
            complain(spot, f"expected one of {', '.join(words)}; found {shown(node)}")
        return str(node)

    return rule


def free(node: Any, spot: Spot, complain: Complain) -> Any:
    """Return any JSON: plain scalars typed as in YAML 1.2's core schema, quoted ones text."""
    match node:
        case dict():
            return {str(k): free(v, place(node, k, spot), complain) for k, v in node.items()}
        case list():
            return [free(v, place(node, i, spot), complain) for i, v in enumerate(node)]
        case str() if type(node) is str:
            value = typed(node)
            if isinstance(value, float) and not math.isfinite(value):
                complain(spot, f"{shown(node)} is no number that JSON knows; quote it")
            return value
        case _:
            return None if node is None else str(node)


def typed(scalar: str) -> Any:
    """Return the value of a plain scalar.

    >>> [typed(word) for word in ("null", "true", "1", "0.5", "1e3", "0x1F", "12:30", "yes")]
    [None, True, 1, 0.5, 1000.0, 31, '12:30', 'yes']
    """
    if scalar in TYPED:
        return TYPED[scalar]
    if INT.fullmatch(scalar) and len(scalar) < 400:
        return int(scalar)
    if re.fullmatch(r"0o[0-7]+|0x[0-9a-fA-F]+", scalar):
        return int(scalar, 0)
    return float(scalar) if FLOAT.fullmatch(scalar) else scalar


def free_object(node: Any, spot: Spot, complain: Complain) -> dict[str, Any]:
    """Return any JSON object."""
    if not isinstance(node, dict):
        complain(spot, f"expected keys and values, found {shown(node)}")
        return {}
    return {str(k): free(v, place(node, k, spot), complain) for k, v in node.items()}


def headers(node: Any, spot: Spot, complain: Complain) -> dict[str, str | None]:
    """Return headers by name; null removes a header."""
    if not isinstance(node, dict):
        complain(spot, f"expected headers, found {shown(node)}")
        return {}
    return {
        str(name): None if is_null(value) else text(value, place(node, name, spot), complain)
        for name, value in node.items()
    }


def shown(node: Any) -> str:
    """Return a node as a message shows it.

    >>> shown("x" * 50), shown([1])
    ("'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…'", 'a list')
    """
    if isinstance(node, dict):
        return "keys and values"
    if isinstance(node, list):
        return "a list"
    text = str(node)
    return repr(text[:40] + ("…" if len(text) > 40 else ""))
