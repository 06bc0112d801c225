"""Argument of a flag -> its value, or argparse.ArgumentTypeError: the types of flags."""

from __future__ import annotations

import argparse

TYPE_CHECKING = False  # neither typing nor decimal is needed to say --help
if TYPE_CHECKING:
    from decimal import Decimal
    from typing import Any


LEAST, MOST = 1e-3, 1e8  # of seconds: three years; beyond that clocks and sockets fail


def positive(text: str) -> float:
    """Return a number above 0, such as seconds, that a clock can count."""
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    if not LEAST <= value <= MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from {LEAST:g} to {MOST:g}")
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
    if not LEAST <= seconds <= MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 90, 30m, 6h or 2d")
    return seconds


def whole(text: str) -> int:
    """Return a whole number, 0 or more."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


def integer(text: str) -> int:
    """Return any whole number."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def between(low: float, high: float) -> Any:
    """Return a type: a number between two bounds, both included."""

    def check(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from {low:g} to {high:g}")
        return value

    return check


def dollars(text: str) -> Decimal:
    """Return an amount in US dollars, 0 or more."""
    from decimal import Decimal, InvalidOperation

    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount in US dollars")
    return amount


def encoding(text: str) -> str:
    """Return the name of a text encoding."""
    try:
        "a".encode(text)
    except (LookupError, ValueError):
        raise argparse.ArgumentTypeError(f"{text!r} is not an encoding: utf-8, latin-1 …") from None
    return text


def reasoning(text: str) -> str | int:
    """Return an effort, or a limit in tokens."""
    if text in ("none", "low", "medium", "high"):
        return text
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(
        f"{text!r} is not none, low, medium, high or a number of tokens"
    )
