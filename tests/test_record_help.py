"""What a person is shown of a record: its signature, its fields, what is wrong with a call."""

from __future__ import annotations

from dataclasses import field
from inspect import signature

from loki.record import record
from loki.record_help import Words, explain_unexpected


@record
class Place:
    """Somewhere.

    >>> Place("Rome").city
    'Rome'
    """

    city: str
    zone: int | None = None  # hours from Greenwich
    labels: dict[str, str] = field(default_factory=dict)  # whatever else is known
    where: Words = field(  # type: ignore[assignment]
        default=None, metadata={"type": "str | None"}
    )  # on a map
    shown: type[str] = str
    notes: str = field(default="", kw_only=True)  # for a reader

    def name(self) -> str:
        """Return its name."""
        city: str = self.city  # no field
        return city


@record
class Home(Place):
    """Somewhere that is lived in."""

    place: Place = Place("Rome")
    street: str = ""  # and number


def test_the_signature_has_types_and_defaults_as_they_are_written() -> None:
    assert str(signature(Place)) == (
        "(city: str, zone: int | None = None, labels: dict[str, str] = dict(),"
        " where: str | None = None, shown: type[str] = str, *, notes: str = '')"
    )


def test_the_docstring_ends_with_the_fields_and_their_comments() -> None:
    text, fields = (Place.__doc__ or "").split("\n\nFields::\n\n")
    assert text == "Somewhere.\n\n>>> Place(\"Rome\").city\n'Rome'"
    assert fields.splitlines() == [
        "    city: str",
        "    zone: int | None = None  # hours from Greenwich",
        "    labels: dict[str, str] = dict()  # whatever else is known",
        "    where: str | None = None  # on a map",
        "    shown: type[str] = str",
        "    notes: str = ''  # for a reader",
    ]


def test_a_record_that_extends_another_has_the_comments_of_both() -> None:
    shown = Home.__doc__ or ""
    assert shown.startswith("Somewhere that is lived in.\n")
    assert "zone: int | None = None  # hours from Greenwich" in shown
    assert "place: Place = Place()" in shown and "street: str = ''  # and number" in shown


def test_a_record_without_a_source_is_shown_without_comments() -> None:
    source, known = {"__name__": __name__}, dict[str, type]()
    exec("class Made:\n    '''One.'''\n    x: int = 0  # a number", source, known)
    assert record(known["Made"]).__doc__ == "One.\n\nFields::\n\n    x: int = 0"


def test_an_unexpected_field_is_explained() -> None:
    assert explain_unexpected(Place, ["zon"]).endswith("field 'zon'; did you mean 'zone'?")
    assert explain_unexpected(Place, ["q"]).endswith(
        "field 'q'; its fields: city, zone, labels, where, shown, notes"
    )
    assert explain_unexpected(Place, ["city"]) == "Place() got 'city' twice"
