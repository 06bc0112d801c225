"""Load a module when something in it is first needed: one place, or a table of places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, TypeVar

A = TypeVar("A")


def load(place: str) -> Any:
    """Return what a place names, as ``module:name``; its module is loaded if it is not yet.

    >>> load("math:pi")
    3.141592653589793
    """
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


class LazyTable(Mapping[str, A]):
    """A table whose rows stand in modules of their own, each loaded when its row is read.

    >>> table = LazyTable({"pi": "math:pi", "dumps": "json:dumps"})
    >>> list(table), table["pi"]
    (['pi', 'dumps'], 3.141592653589793)
    """

    def __init__(self, places: Mapping[str, str]) -> None:
        self.places = places

    def __getitem__(self, name: str) -> A:
        """Return a row."""
        row: A = load(self.places[name])
        return row

    def __contains__(self, name: object) -> bool:
        """Return whether there is such a row; its module is not loaded."""
        return name in self.places

    def __iter__(self) -> Iterator[str]:
        """Return the names of the rows; no module is loaded."""
        return iter(self.places)

    def __len__(self) -> int:
        """Return how many rows there are."""
        return len(self.places)
