"""1d. A model's name and what is told of it -> Abilities: what it can do, by its family if need be.

Of a model these speak, each over the one before: a guess that it is like the newest of its kind
(for a name that no row knows), its entry in the catalogue, its family's row, its settings in the
configuration.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from loki.abilities import Abilities, ReasoningSupport
from loki.config.setting_names import ABILITY_SETTINGS
from loki.json_text import JsonObject
from loki.record import replace

#: The rows of data/families.json, by the name of the family.
Families = Mapping[str, JsonObject]

NO_ROW: JsonObject = {}


def family_rows_of(families: Families, section: str) -> tuple[JsonObject, ...]:
    """Return the rows for the models of a section of the catalogue, in order.

    >>> family_rows_of({"a": {"clients": ["x"]}, "b": {"clients": []}}, "y")
    ({'clients': []},)
    """
    return tuple(
        row for row in families.values() if not row["clients"] or section in row["clients"]
    )


def find_family_row(rows: Iterable[JsonObject], name: str, guess: bool) -> JsonObject:
    """Return the first row that names a model: a row that knows it, or one that guesses.

    >>> find_family_row([{"models": ["^b"]}, {"models": ["b"]}], "ab", guess=False)
    {'models': ['b']}
    """
    return next(
        (
            row
            for row in rows
            if row.get("guess", False) is guess
            and any(matches_part(part, name) for part in row["models"])
        ),
        NO_ROW,
    )


def matches_part(part: str, name: str) -> bool:
    """Return whether a part is in a name; ``^`` is the beginning of the name."""
    return name.startswith(part[1:]) if part[:1] == "^" else part in name


def abilities_of(
    rows: Sequence[JsonObject],
    name: str,
    entry: Mapping[str, object],
    settings: Mapping[str, object] = NO_ROW,
) -> Abilities:
    """Return what a model can do.

    Who says of some ability that it is there says of the usual ones that they are not; a model
    that the configuration lists and nobody knows has neither.
    """
    known = find_family_row(rows, name, guess=False)
    guess = NO_ROW if known else find_family_row(rows, name, guess=True)
    denied = DENIED if settings and not entry else NO_ROW
    is_described = any(key.startswith("supports_") for key in entry) or USUAL & settings.keys()
    result = {**(DENIED if is_described else NO_ROW), **ability_settings(entry)}
    flags = {**denied, **flags_in(guess), **result, **flags_in(known)}
    reasoning = apply_reasoning_settings(
        ReasoningSupport(**expand_reasoning(guess.get("reasoning", {}))), entry
    )
    if "reasoning" in known:
        reasoning = ReasoningSupport(**expand_reasoning(known["reasoning"]))
    reasoning = apply_reasoning_settings(reasoning, settings)
    return Abilities(**{**flags, **ability_settings(settings)}, reasoning=reasoning)


def ability_settings(settings: Mapping[str, object]) -> JsonObject:
    """Return the abilities that a catalogue's entry or the configuration tells.

    >>> ability_settings({"type": "chat", "supports_function_calling": True})
    {'tools': True}
    """
    return {field: settings[key] for key, field in ABILITY_SETTINGS.items() if key in settings}


def flags_in(row: JsonObject) -> JsonObject:
    """Return the abilities that a family's row tells, but for how its models are asked to think."""
    return {field: row[field] for field in ABILITY_SETTINGS.values() if field in row}


def expand_reasoning(reasoning: JsonObject) -> JsonObject:
    """Return the fields of ReasoningSupport, its efforts as a tuple, as records have them."""
    efforts = reasoning.get("efforts")
    return {**reasoning, "efforts": tuple(efforts)} if efforts else reasoning


def apply_reasoning_settings(
    reasoning: ReasoningSupport, settings: Mapping[str, object]
) -> ReasoningSupport:
    """Return how a model reasons, by its own entry or settings.

    >>> apply_reasoning_settings(ReasoningSupport(), {"reasoning_levels": ["none", "high"]}).efforts
    ('high',)
    >>> apply_reasoning_settings(ReasoningSupport(), {"reasoning_levels": ["high"]}).off is None
    True
    """
    if settings.get("supports_reasoning") is False:
        return replace(reasoning, by="none")
    if settings.get("supports_adaptive_thinking") is True and reasoning.by == "budget":
        reasoning = replace(reasoning, by="adaptive")
    match settings.get("reasoning_levels"):
        case [*levels] if efforts := tuple(str(level) for level in levels if level != "none"):
            off = reasoning.off if "none" in levels else None
            if "none" in levels and off is None:
                off = "none"
            return replace(reasoning, efforts=efforts, off=off)
        case _:
            return reasoning


#: The abilities that nobody leaves out of a description, and how the configuration calls them.
DENIED: JsonObject = {"vision": False, "tools": False}
USUAL = {"supports_vision", "supports_function_calling"}
