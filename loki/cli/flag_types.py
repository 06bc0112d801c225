"""A word of the command line -> its value: what flags may say."""

from __future__ import annotations

import argparse

TYPE_CHECKING = False  # neither typing nor decimal is needed to say --help
if TYPE_CHECKING:
    from decimal import Decimal
    from typing import Any


def positive(text: str) -> float:
    """Seconds, or another number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def whole(text: str) -> int:
    """A count, 0 or more."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


def integer(text: str) -> int:
    """Any whole number."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def between(low: float, high: float) -> Any:
    """A number between two bounds."""

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
    """An amount of money."""
    from decimal import Decimal, InvalidOperation

    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount in US dollars")
    return amount


def reasoning(text: str) -> str | int:
    """An effort, or a budget in tokens."""
    if text in ("none", "low", "medium", "high"):
        return text
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(
        f"{text!r} is not none, low, medium, high or a number of tokens"
    )
