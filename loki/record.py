"""What records have in common -> one piece of code: it saves every start of a pipe some 4 ms."""

from __future__ import annotations

from dataclasses import Field
from typing import Any, ClassVar


class Record:
    """Equality, hash and repr by the fields; dataclass would compile them anew for each record."""

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return self.compared() == other.compared()

    def __hash__(self) -> int:
        return hash(self.compared())

    def __repr__(self) -> str:
        fields = self.__dataclass_fields__.values()
        shown = (f"{each.name}={getattr(self, each.name)!r}" for each in fields if each.repr)
        return f"{self.__class__.__qualname__}({', '.join(shown)})"

    def compared(self) -> tuple[Any, ...]:
        """The values that make a difference."""
        fields = self.__dataclass_fields__.values()
        return tuple(getattr(self, each.name) for each in fields if each.compare)
