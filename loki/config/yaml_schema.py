"""1a. YAML nodes -> plain values and complaints, each with its place: the rules of a grammar."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from loki.config.patterns import find_pattern_fault
from loki.config.setting_names import EFFORTS
from loki.problems import suggest_nearest
from loki.urls import mask_keys

Position = tuple[int, int]  # line and column, from 1


class Complaint(NamedTuple):
    """What is wrong, and where."""

    position: Position
    message: str


Report = Callable[[Position, str], None]
#: A grammar rule: a node and its position -> its plain value; what is wrong goes to the third.
Rule = Callable[[Any, Position, Report], Any]

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


def key_position(node: Any, key: Any) -> Position:
    """Return the position of a key of a mapping."""
    line, column = node.lc.key(key)
    return line + 1, column + 1


def position_of(node: Any, key: Any, position: Position) -> Position:
    """Return the position of a value of a mapping or sequence."""
    if isinstance(node, dict) and node[key] in (None, ""):
        return key_position(node, key)  # nothing stands there: ruamel names the next thing
    find = getattr(node.lc, "value" if isinstance(node, dict) else "item")
    try:
        line, column = find(key)
    except (KeyError, TypeError):  # strictyaml keeps no place for some empty values
        return position
    return line + 1, column + 1


def mapping(
    fields: Mapping[str, Rule],
    required: tuple[str, ...] = (),
    ignored: frozenset[str] = frozenset(),
    foreign: frozenset[str] = frozenset(),
) -> Rule:
    """Return a rule for known keys only; null leaves a key out, ignored ones are left alone.

    ``foreign``: those of the fields that are not proposed, for they are another program's.
    """
    own = [name for name in fields if name not in foreign]
    others = sorted(ignored | foreign)

    def rule(node: Any, position: Position, report: Report) -> dict[str, Any]:
        if not isinstance(node, dict):
            report(position, f"expected {', '.join(own[:3])} …, found {show_node(node)}")
            return {}
        for key in (key for key in node if key not in fields and key not in ignored):
            hint = suggest_nearest(str(key), own, others)
            report(key_position(node, key), f"unknown key {mask_key(str(key))!r}{hint}")
        for key in required:
            if is_null(node.get(key)):
                report(position, f"{key!r} is missing")
        return {
            str(key): fields[key](value, position_of(node, key, position), report)
            for key, value in node.items()
            if key in fields and not is_null(value)
        }

    return rule


def mask_key(key: str) -> str:
    """Return a key to show; one with digits and letters may be a secret in a wrong place.

    >>> mask_key("modle"), mask_key("sk-0123456789")
    ('modle', '***')
    """
    mixed = re.search(r"\d", key) and re.search(r"[^\W\d]", key)
    return "***" if mixed and len(key) >= 8 else key


def sequence(item: Rule) -> Rule:
    """Return a rule for a list of one kind of item."""

    def rule(node: Any, position: Position, report: Report) -> list[Any]:
        if not isinstance(node, list):
            report(position, f"expected a list, found {show_node(node)}")
            return []
        return [item(value, position_of(node, i, position), report) for i, value in enumerate(node)]

    return rule


def text_list(node: Any, position: Position, report: Report) -> list[Any]:
    """Return words given in a list, or in one text with spaces between them."""
    if isinstance(node, list):
        return list(sequence(text)(node, position, report))
    return text(node, position, report).split()


def by_pattern(item: Rule) -> Rule:
    """Return a rule for a mapping with regular expressions as keys, read as pairs in order."""

    def rule(node: Any, position: Position, report: Report) -> list[list[Any]]:
        if not isinstance(node, dict):
            report(position, f"expected patterns, found {show_node(node)}")
            return []
        pairs = []
        for key, value in node.items():
            if reason := find_pattern_fault(str(key)):
                report(key_position(node, key), reason)
            pairs.append([str(key), item(value, position_of(node, key, position), report)])
        return pairs

    return rule


def text(node: Any, position: Position, report: Report) -> str:
    """Return any scalar, as it is written."""
    if isinstance(node, (dict, list)):
        report(position, f"expected text, found {show_node(node)}")
        return ""
    return str(node)


def number(low: float = 0, high: float = math.inf) -> Rule:
    """Return a rule for a number between two bounds."""

    def rule(node: Any, position: Position, report: Report) -> float:
        value = float(node) if isinstance(node, str) and FLOAT.fullmatch(node.strip()) else math.nan
        if not low <= value <= high:
            bounds = f"from {low:g} to {high:g}" if high < math.inf else f"of {low:g} or more"
            report(position, f"expected a number {bounds}, found {show_node(node)}")
        return value

    return rule


def whole_number(node: Any, position: Position, report: Report) -> int:
    """Return a count, 0 or more; underscores may group its digits."""
    digits = node.replace("_", "") if isinstance(node, str) else ""
    if not digits.isdecimal() or len(digits) > 18:
        report(position, f"expected a whole number, found {show_node(node)}")
        return 0
    return int(digits)


def price(node: Any, position: Position, report: Report) -> str:
    """Return US dollars a million tokens, as decimal text."""
    try:
        amount = Decimal(str(node))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        report(position, f"expected a price in US dollars, found {show_node(node)}")
    return str(node)


def flag(node: Any, position: Position, report: Report) -> bool:
    """Return true or false."""
    text = node.lower() if isinstance(node, str) else ""
    if text not in FLAGS:
        report(position, f"expected true or false, found {show_node(node)}")
    return FLAGS.get(text, False)


def one_of(*words: str, aliases: tuple[str, ...] = ()) -> Rule:
    """Return a rule for one of several words, or other names for them that messages leave out."""

    def rule(node: Any, position: Position, report: Report) -> str:
        if node not in (*words, *aliases):
            is_near = "did you mean" in suggest_nearest(str(node), list(words))
            found = repr(node) if is_near else show_node(node)  # a misspelt word is no key
            report(position, f"expected one of {', '.join(words)}; found {found}")
        return str(node)

    return rule


def effort(node: Any, position: Position, report: Report) -> str | int:
    """Return how much a model shall reason: a word, or a limit in tokens."""
    text = str(node).strip()
    if text not in EFFORTS and not text.isdecimal():
        words = ", ".join(EFFORTS)
        report(position, f"expected one of {words} or a number of tokens; found {show_node(node)}")
    return int(text) if text.isdecimal() and len(text) < 10 else text


def any_json(node: Any, position: Position, report: Report) -> Any:
    """Return any JSON: plain scalars typed as in YAML 1.2's core schema, quoted ones text."""
    match node:
        case dict():
            return {
                str(k): any_json(v, position_of(node, k, position), report) for k, v in node.items()
            }
        case list():
            return [any_json(v, position_of(node, i, position), report) for i, v in enumerate(node)]
        case str() if type(node) is str:
            value = typed(node)
            if isinstance(value, float) and not math.isfinite(value):
                report(position, f"{show_node(node)} is no number that JSON knows; quote it")
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


def json_object(node: Any, position: Position, report: Report) -> dict[str, Any]:
    """Return any JSON object."""
    if not isinstance(node, dict):
        report(position, f"expected keys and values, found {show_node(node)}")
        return {}
    return {str(k): any_json(v, position_of(node, k, position), report) for k, v in node.items()}


def headers(node: Any, position: Position, report: Report) -> dict[str, str | None]:
    """Return headers by name; null removes a header."""
    if not isinstance(node, dict):
        report(position, f"expected headers, found {show_node(node)}")
        return {}
    return {
        str(name): None
        if is_null(value)
        else text(value, position_of(node, name, position), report)
        for name, value in node.items()
    }


def show_node(node: Any) -> str:
    """Return a node as a message shows it, without what may be a key in a wrong place.

    >>> show_node("half an hour"), show_node("sk-0123456789"), show_node([1])
    ("'half an hour'", "'***'", 'a list')
    """
    if isinstance(node, dict):
        return "keys and values"
    if isinstance(node, list):
        return "a list"
    text = mask_keys(str(node))
    return repr(text[:40] + ("…" if len(text) > 40 else ""))
