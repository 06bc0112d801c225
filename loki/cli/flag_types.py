"""Argument of a flag -> its value, or argparse.ArgumentTypeError: the types of flags."""

from __future__ import annotations

import argparse

TYPE_CHECKING = False  # neither typing nor decimal is needed to say --help
if TYPE_CHECKING:
    from decimal import Decimal
    from typing import Any


MIN_SECONDS, MAX_SECONDS = 1e-3, 1e8  # of seconds: three years; beyond that clocks and sockets fail


MOST_WHOLE = 10**9  # of anything that is counted: tokens, texts, rows
MOST_DIGITS = 20  # of a seed: so many has a number of 64 bits


def shown(text: str) -> str:
    """Return an argument as a message shows it, shortened.

    >>> shown("9" * 5000)
    "'9999999999999999999999999999999999999999…'"
    """
    return repr(text if len(text) <= 40 else f"{text[:40]}…")


def positive(text: str) -> float:
    """Return a number above 0, such as seconds, that a clock can count."""
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{shown(text)} is not a number above 0")
    if not MIN_SECONDS <= value <= MAX_SECONDS:
        bounds = f"{MIN_SECONDS:g} to {MAX_SECONDS:g}"
        raise argparse.ArgumentTypeError(f"{shown(text)} is not a number from {bounds}")
    return value


def duration(text: str) -> float:
    """Return a length of time in seconds, as in 90, 30m, 6h or 2d.

    >>> duration("90"), duration("6h"), duration("2d")
    (90.0, 21600.0, 172800.0)
    """
    factor = {"s": 1, "m": 60, "h": 3600, "d": 86400}.get(text[-1:], 0)
    try:
        seconds = float(text[:-1]) * factor if factor else float(text)
    except ValueError:
        seconds = 0
    if not MIN_SECONDS <= seconds <= MAX_SECONDS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 90, 30m, 6h or 2d")
    return seconds


def whole(text: str) -> int:
    """Return a whole number, 0 or more."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{shown(text)} is not a whole number")
    if len(text.lstrip("0")) > 10 or int(text) > MOST_WHOLE:
        raise argparse.ArgumentTypeError(f"{shown(text)} is over {MOST_WHOLE:,}")
    return int(text)


def at_least_one(text: str) -> int:
    """Return a whole number, 1 or more."""
    if not text.isdecimal() or whole(text) < 1:
        raise argparse.ArgumentTypeError(f"{shown(text)} is not a whole number from 1")
    return int(text)


def integer(text: str) -> int:
    """Return any whole number of 64 bits."""
    try:
        if len(text) > MOST_DIGITS:
            raise ValueError
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{shown(text)} is not a whole number") from None


def between(low: float, high: float) -> Any:
    """Return a type: a number between two bounds, both included."""

    def check(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            bounds = f"{low:g} to {high:g}"
            raise argparse.ArgumentTypeError(f"{shown(text)} is not a number from {bounds}")
        return value

    return check


def age(text: str) -> float:
    """Return an age in seconds: 90s, 30m, 1h, 7d or 2w; any is any age."""
    number, unit = text[:-1], text[-1:]
    if text == "any":
        return float("inf")
    if not (number.isdecimal() and int(number) and unit in AGES):
        raise argparse.ArgumentTypeError(f"{text!r} is not an age: 90s, 30m, 1h, 7d or 2w")
    return float(int(number) * AGES[unit])


#: Seconds, by their units.
AGES = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def dollars(text: str) -> Decimal:
    """Return an amount in US dollars, 0 or more."""
    from decimal import Decimal, InvalidOperation

    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise argparse.ArgumentTypeError(f"{shown(text)} is not an amount in US dollars")
    return amount


def encoding(text: str) -> str:
    """Return the name of a text encoding."""
    try:
        "a".encode(text)
        b"\xff".decode(text, "replace")  # which idna and punycode cannot
    except (LookupError, ValueError):
        message = f"{shown(text)} is not an encoding: utf-8, latin-1 …"
        raise argparse.ArgumentTypeError(message) from None
    return text


def reasoning(text: str) -> str | int:
    """Return an effort, or a limit in tokens."""
    if text in EFFORTS:
        return text
    if text.isdecimal() and whole(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(
        f"{shown(text)} is not {', '.join(EFFORTS)} or a number of tokens"
    )


#: The efforts of --reasoning, the weakest first.
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
