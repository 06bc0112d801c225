"""The decorator of every value class: ``@record``, a frozen, slotted dataclass that loads fast."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import MISSING, Field, FrozenInstanceError, dataclass, field
from inspect import get_annotations
from itertools import count
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar, dataclass_transform

C = TypeVar("C", bound=type)

#: What __init__ does for one field: its name, its slot's setter, its default, its default factory.
Step = tuple[str, Callable[[Any, Any], None], Any, Callable[[], Any] | None]


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: C) -> C:
    """Make a class a frozen dataclass with slots; ``replace``, ``fields`` and ``match`` work.

    ``dataclass(frozen=True)`` compiles its methods anew for every class, which takes half a
    millisecond each at every start of a command; these are shared by all records, and what only
    ``dataclasses`` wants to know is made when it asks. A class of which MANY were made is worth an
    ``__init__`` of its own: it takes a third of the time.

    A field with ``metadata={"convert": function}`` holds what the function makes of a value;
    ``"type"`` there is how ``help()`` shows what it takes. The signature and the list of fields
    that ``help()`` shows are made when somebody looks.

    >>> @record
    ... class Point:
    ...     x: int
    ...     y: int = 0
    >>> Point(1), Point(1) == Point(x=1, y=0)
    (Point(x=1, y=0), True)
    """
    inherited = getattr(cls, "__fields__", {})
    own = {name: as_field(cls.__dict__.get(name, MISSING)) for name in get_annotations(cls)}
    fields = {**inherited, **own}
    hidden = {"__dict__", "__weakref__", *own}
    made: Any = type(cls)(
        cls.__name__,
        cls.__bases__,
        {
            **SHARED,
            **{name: value for name, value in cls.__dict__.items() if name not in hidden},
            "__doc__": FieldsDoc(cls.__doc__ or ""),
            "__qualname__": cls.__qualname__,
            "__slots__": tuple(name for name in own if name not in inherited),
            "__match_args__": tuple(name for name in fields if fields[name].kw_only is not True),
            "__fields__": fields,
            "__values__": staticmethod(values_of(tuple(fields))),
            "__made__": count(1),
        },
    )
    made.__steps__ = tuple(step(made, name, spec) for name, spec in fields.items())
    made.__setters__ = {name: put for name, put, _, _ in made.__steps__}
    made.__dataclass_fields__ = DataclassFields(cls, made)
    result: C = made
    return result


def as_field(default: Any) -> Any:
    """Return the field with a default, which may be a field already."""
    return default if isinstance(default, Field) else field(default=default)


class DataclassFields:
    """What ``dataclasses`` asks of a record; made when it first does: nothing does at a start."""

    def __init__(self, source: type, made: Any) -> None:
        self.source, self.made = source, made  # the class as it was written, and the record

    def __get__(self, instance: object, owner: type) -> dict[str, Field[Any]]:
        """Return the fields by name, and put them in this place."""
        inside = dict(self.source.__dict__)  # a copy, for other threads may ask too
        for name in ("__dict__", "__weakref__"):
            inside.pop(name, None)
        copy = type(self.source)(self.source.__name__, self.source.__bases__, inside)
        known: Any = dataclass(init=False, repr=False, eq=False)(copy)
        self.made.__dataclass_params__ = known.__dataclass_params__
        self.made.__dataclass_fields__ = known.__dataclass_fields__
        fields: dict[str, Field[Any]] = known.__dataclass_fields__
        return fields


MANY = 64  # instances
FEW = 6  # parameters of a compiled __init__, self and the mark for names among them


def field_names(cls: type) -> tuple[str, ...]:
    """Return the names of a record's fields, in their order."""
    return tuple(cls.__fields__)  # type: ignore[attr-defined]  # of a record


if TYPE_CHECKING:
    from dataclasses import replace as replace  # of which type checkers know the fields
else:

    def replace(value, /, **changes):
        """Return a record with other values: as ``dataclasses.replace``, in a third of its time.

        A call replaces ten records on its way.
        """
        cls = value.__class__
        setters = cls.__setters__
        if not changes.keys() <= setters.keys():
            refuse_fields(value, changes.keys() - setters.keys())
        made = cls.__new__(cls)
        for put, old in zip(setters.values(), cls.__values__(value), strict=True):
            put(made, old)
        for name, new in changes.items():
            setters[name](made, new)
        return made


def values_of(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """Return what gets the values of some fields."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda value: tuple(getattr(value, name) for name in names)


def step(cls: type, name: str, spec: Field[Any]) -> Step:
    """Return how ``__init__`` sets a field."""
    put = converted(getattr(cls, name).__set__, spec.metadata.get("convert"))
    if spec.default_factory is not MISSING:
        return name, put, None, spec.default_factory
    if spec.default is not MISSING:
        return name, put, spec.default, None

    def missing() -> Any:
        raise TypeError(f"{cls.__name__}() needs {name!r}")

    return name, put, None, missing


def converted(
    put: Callable[[Any, Any], None], convert: Callable[[Any], Any] | None
) -> Callable[[Any, Any], None]:
    """Return a slot's setter, which converts what is given where the field says how."""
    if convert is None:
        return put
    return lambda self, value: put(self, convert(value))


class FieldsDoc:
    """The ``__doc__`` of a record, with its fields; read from the source when it is asked for."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __get__(self, instance: object, cls: type) -> str:
        """Return the docstring of a class."""
        from loki.record_help import describe

        return describe(cls, self.text)


class FieldsSignature:
    """The ``__signature__`` of a record, which ``inspect.signature`` reads; made when asked for."""

    __slots__ = ()

    def __get__(self, instance: object, cls: type) -> Any:
        """Return the signature of a class."""
        from loki.record_help import signature_of

        return signature_of(cls)


def initialize(self: Any, *args: Any, **named: Any) -> None:
    """Set every field: from its place, by its name, or to its default."""
    if next(self.__made__) == MANY and type(self).__init__ is initialize:
        type(self).__init__ = compile_init(type(self))
    steps = self.__steps__
    if args:
        if len(args) > len(self.__match_args__):
            raise TypeError(f"{type(self).__name__}() takes {len(self.__match_args__)} values")
        for (_, put, _, _), value in zip(steps, args, strict=False):
            put(self, value)
        steps = steps[len(args) :]
    left = len(named)
    for name, put, default, make in steps:
        if left and name in named:
            put(self, named[name])
            left -= 1
        else:
            put(self, default if make is None else make())
    if left:
        refuse_fields(self, named.keys() - {name for name, *_ in steps})


def refuse_fields(self: Any, names: Iterable[str]) -> None:
    """Raise a TypeError that says what is wrong with a field's name."""
    from loki.record_help import explain_unexpected

    raise TypeError(explain_unexpected(type(self), sorted(names)))


def compile_init(cls: Any) -> Callable[..., None]:
    """Return an ``__init__`` for one class, as ``dataclass`` would write it."""
    known: dict[str, Any] = {"MISSING": MISSING}
    places, names, lines = ["self"], ["*"], []
    for name, put, default, make in cls.__steps__:
        known |= {f"put_{name}": put, f"make_{name}": make}
        known[f"default_{name}"] = MISSING if make else default
        group = names if cls.__fields__[name].kw_only is True else places
        group.append(f"{name}=default_{name}")
        value = f"make_{name}() if {name} is MISSING else {name}" if make else name
        lines.append(f"    put_{name}(self, {value})")
    parameters = places + (names if len(names) > 1 else [])
    if len(places) + len(names) > FEW:  # a small one is made for every token: it stays as fast
        parameters.append("**others")
        lines.append("    if others: refuse(self, others)")
        known["refuse"] = refuse_fields
    exec("\n".join([f"def __init__({', '.join(parameters)}):", *lines]), known)
    init: Callable[..., None] = known["__init__"]
    init.__qualname__ = f"{cls.__name__}.__init__"  # for the TypeErrors of wrong calls
    return init


def refuse_assignment(self: Any, name: str, value: Any = None) -> None:
    """Refuse to change a record; ``dataclasses.replace`` makes another one."""
    raise FrozenInstanceError(f"cannot change {name!r} of a {type(self).__name__}")


def compared(self: Any) -> tuple[Any, ...]:
    """Return the values that make a difference."""
    return tuple(getattr(self, name) for name, spec in self.__fields__.items() if spec.compare)


def is_equal(self: Any, other: object) -> Any:
    """Compare by the fields."""
    if other.__class__ is not self.__class__:
        return NotImplemented
    return compared(self) == compared(other)


def hash_of(self: Any) -> int:
    """Hash by the fields."""
    return hash(compared(self))


def show(self: Any) -> str:
    """Return the fields but those that are not to be shown, such as secrets."""
    fields = self.__fields__.items()
    shown = (f"{name}={getattr(self, name)!r}" for name, spec in fields if spec.repr)
    return f"{self.__class__.__qualname__}({', '.join(shown)})"


def get_state(self: Any) -> tuple[Any, ...]:
    """Return the values for ``pickle`` and ``copy``."""
    values: tuple[Any, ...] = self.__values__(self)
    return values


def set_state(self: Any, values: tuple[Any, ...]) -> None:
    """Set the values that ``get_state`` gave."""
    for (_, put, _, _), value in zip(self.__steps__, values, strict=True):
        put(self, value)


SHARED: dict[str, Any] = {
    "__init__": initialize,
    "__eq__": is_equal,
    "__hash__": hash_of,
    "__repr__": show,
    "__setattr__": refuse_assignment,
    "__delattr__": refuse_assignment,
    "__getstate__": get_state,
    "__setstate__": set_state,
    "__signature__": FieldsSignature(),
}
