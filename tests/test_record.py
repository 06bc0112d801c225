"""Records: frozen, slotted, as dataclasses are."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError, asdict, field, fields, is_dataclass, replace
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import pytest

import loki
from loki import record as record_module
from loki.record import field_names, record


@record
class Point:
    """A record with everything that a field can be."""

    x: int
    y: int = 0
    secret: str = field(default="hidden", repr=False)
    notes: dict[str, int] = field(default_factory=dict, compare=False)


@record
class Named(Point):
    """A record that extends another."""

    name: str = field(kw_only=True)


@record
class Word:
    """A record of one field."""

    text: str


def test_fields_are_set_from_their_places_their_names_and_their_defaults() -> None:
    assert Point(1, secret="s") == Point(x=1, y=0, secret="s", notes={})
    assert Named(1, name="n").name == "n" and Word(text="a") == Word("a")
    assert Point(1).notes is not Point(1).notes


WRONG: list[tuple[Callable[[], Any], str]] = [
    (lambda: Point(), "Point() needs 'x'"),  # type: ignore[call-arg]
    (lambda: Point(1, 2, "s", {}, 5), "Point() takes 4 values"),  # type: ignore[call-arg]
    (
        lambda: Point(1, secrt="s"),  # type: ignore[call-arg]
        "Point() got an unexpected field 'secrt'; did you mean 'secret'?",
    ),
    (
        lambda: Point(1, z=2),  # type: ignore[call-arg]
        "Point() got an unexpected field 'z'; its fields: x, y, secret, notes",
    ),
    (lambda: Point(1, x=2), "Point() got 'x' twice"),  # type: ignore[misc]
    (lambda: Named(1), "Named() needs 'name'"),  # type: ignore[call-arg]
    (lambda: Word(), "Word() needs 'text'"),  # type: ignore[call-arg]
    (lambda: Word("a", text="b"), "Word() got 'text' twice"),  # type: ignore[misc]
]


def test_the_hundredth_record_is_as_the_first() -> None:
    @record
    class Often:
        """A record with everything that a field can be, made often."""

        x: int
        y: int = 0
        notes: dict[str, int] = field(default_factory=dict)
        name: str = field(default="n", kw_only=True)

    shared = Often.__init__
    made = [Often(1, name="a") for _ in range(100)]
    assert Often.__init__ is not shared
    assert all(each == made[0] for each in made[1:])
    assert made[0].notes is not Often(1).notes is not made[99].notes
    assert replace(made[0], x=3) == Often(x=3, y=0, notes={}, name="a")
    with pytest.raises(TypeError, match=r"Often\(\) needs 'x'"):
        Often()  # type: ignore[call-arg]
    for wrong in ({"z": 1}, {"x": 2}):
        with pytest.raises(TypeError, match=rf"^Often\..*{[*wrong][0]}"):
            Often(1, **wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Often(1, 2, {}, "n")  # type: ignore[call-arg]


def test_a_misspelt_field_of_the_hundredth_record_is_explained_too() -> None:
    @record
    class Large:
        """A record of so many fields that one is easily misspelt."""

        max_cost: int = 0
        b: int = 0
        c: int = 0
        d: int = 0
        e: int = 0

    messages = set()
    for _ in range(100):
        Large()
        with pytest.raises(TypeError) as raised:
            Large(1, max_cots=2)  # type: ignore[call-arg]
        messages.add(str(raised.value))
    assert messages == {"Large() got an unexpected field 'max_cots'; did you mean 'max_cost'?"}


@pytest.mark.parametrize(("make", "message"), WRONG, ids=[message for _, message in WRONG])
def test_a_wrong_call_says_what_is_wrong(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(TypeError) as raised:
        make()
    assert str(raised.value) == message


def test_a_record_cannot_be_changed() -> None:
    point = Point(1)
    with pytest.raises(FrozenInstanceError, match="cannot change 'x' of a Point"):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        del point.x
    with pytest.raises(FrozenInstanceError):
        point.other = 2  # type: ignore[attr-defined]


def test_what_is_not_compared_makes_no_difference() -> None:
    assert Point(1, notes={"a": 1}) == Point(1) and hash(Point(1)) == hash(Point(1, notes={"a": 1}))
    assert Point(1) != Point(2) and Point(1) != Named(1, name="n")


def test_the_standard_library_takes_records_for_dataclasses() -> None:
    point = replace(Point(1, secret="s"), y=2)
    assert repr(point) == "Point(x=1, y=2, notes={})"
    assert asdict(point) == {"x": 1, "y": 2, "secret": "s", "notes": {}}
    assert tuple(each.name for each in fields(point)) == field_names(Point)
    assert pickle.loads(pickle.dumps(point)) == copy.copy(point) == copy.deepcopy(point) == point
    match point:
        case Point(x, y):
            assert (x, y) == (1, 2)


def test_the_standard_library_takes_every_record_of_loki_for_a_dataclass() -> None:
    for module in walk_packages(loki.__path__, "loki."):
        if module.name != "loki.__main__":
            for value in vars(import_module(module.name)).values():
                if isinstance(value, type) and hasattr(value, "__steps__"):
                    assert [each.name for each in fields(value)] == [*field_names(value)]


def test_a_record_is_replaced_as_the_standard_library_does_it() -> None:
    named = Named(1, secret="s", name="n")
    for changes in ({}, {"y": 2}, {"x": 3, "name": "m", "notes": {"a": 1}}):
        made = record_module.replace(named, **changes)
        assert (made, made.notes) == (replace(named, **changes), changes.get("notes", named.notes))
    assert named == Named(1, secret="s", name="n")
    assert record_module.replace(Word("a"), text="b") == Word("b")
    with pytest.raises(TypeError, match="unexpected field 'z'"):
        record_module.replace(Point(1), z=1)  # type: ignore[call-arg]


def test_a_replaced_field_is_converted_as_a_given_one() -> None:
    @record
    class Names:
        """A record that holds a tuple of what is given."""

        names: Any = field(metadata={"convert": tuple})

    assert record_module.replace(Names("ab"), names="cd").names == ("c", "d")


def test_the_standard_library_is_told_of_the_fields_only_when_it_asks() -> None:
    @record
    class Quiet(Point):
        """A record that nobody has asked for its fields."""

        more: int = 0
        names: list[str] = field(default_factory=list, repr=False, metadata={"a": 1})

    value = record_module.replace(Quiet(1), more=3)
    assert repr(value).endswith("Quiet(x=1, y=0, notes={}, more=3)") and value == Quiet(1, more=3)
    assert not isinstance(vars(Quiet)["__dataclass_fields__"], dict)
    with ThreadPoolExecutor(8) as pool:
        shown = [*pool.map(lambda _: fields(Quiet), range(100))]
    found = {each.name: (each.repr, each.compare, dict(each.metadata)) for each in shown[0]}
    assert found == {
        "x": (True, True, {}),
        "y": (True, True, {}),
        "secret": (False, True, {}),
        "notes": (True, False, {}),
        "more": (True, True, {}),
        "names": (False, True, {"a": 1}),
    }
    assert all([each.name for each in one] == [*found] for one in shown)
    assert is_dataclass(Quiet) and isinstance(vars(Quiet)["__dataclass_fields__"], dict)
