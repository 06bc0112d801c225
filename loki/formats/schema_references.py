"""JSON Schema -> references that lead nowhere, to no schema or back; whether it is cheap."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf
from typing import Any
from urllib.parse import unquote

from loki.json_text import Json, JsonObject, compact
from loki.problems import excerpt

#: Keywords whose values are data, in which nothing refers to a schema.
DATA = ("const", "enum", "default", "examples")
#: Keywords whose schemas are all held against the very same value.
AT_ONCE = ("allOf", "anyOf", "oneOf", "not", "if")
#: Schemas of the standard itself, which need not be fetched.
STANDARD = "https://json-schema.org/"


def find_lost_reference(schema: JsonObject) -> str:
    """Return a reference of a schema that leads nowhere, empty if there is none.

    Nothing is fetched: it leads to the schema itself, to a part of it, or to a part with a name.

    >>> find_lost_reference({"$defs": {"a": {}}, "anyOf": [{"$ref": "#/$defs/b"}]})
    '#/$defs/b'
    >>> find_lost_reference({"$ref": "http://a.example/x"}), find_lost_reference({"$ref": "#"})
    ('http://a.example/x', '')
    """
    from referencing import Registry
    from referencing.jsonschema import DRAFT202012

    root: Any = DRAFT202012.create_resource(schema)
    return find_lost_in(schema, Registry().resolver_with_root(root))


def find_lost_in(value: Json, resolver: Any) -> str:
    """Return the same of a part of a schema; ``resolver`` is that of what is around it."""
    from referencing.jsonschema import DRAFT202012

    if isinstance(value, list):
        return next(filter(None, (find_lost_in(each, resolver) for each in value)), "")
    if not isinstance(value, dict):
        return ""
    if isinstance(value.get("$id"), str):
        resolver = resolver.in_subresource(DRAFT202012.create_resource(value))
    for name, inner in value.items():
        if name == "$ref" and isinstance(inner, str):
            lost = "" if can_look_up(inner, resolver) else inner
        else:
            lost = "" if name in DATA else find_lost_in(inner, resolver)
        if lost:
            return lost
    return ""


def can_look_up(reference: str, resolver: Any) -> bool:
    """Return whether a reference leads somewhere."""
    from referencing.exceptions import Unresolvable

    if reference.startswith(STANDARD):
        return True
    try:
        resolver.lookup(reference)
    except (Unresolvable, ValueError):
        return False
    return True


def find_wrong_target(schema: JsonObject) -> str:
    """Return a reference that leads to what is no schema, and why; empty if there is none.

    A reference may lead to where the standard expects no schema, and so has checked none.

    >>> find_wrong_target({"$ref": "#/x", "x": {"type": "text"}})
    "$ref '#/x' leads to no JSON Schema: $.type: 'text' is not valid under any of the given schemas"
    >>> find_wrong_target({"$ref": "#/x", "x": {"type": "string"}})
    ''
    """
    from jsonschema import Draft202012Validator, SchemaError
    from referencing import Registry
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    root: Any = DRAFT202012.create_resource(schema)
    checked: set[int] = set()  # what the metaschema was held against, by identity
    references = [*references_of(schema, Registry().resolver_with_root(root), checked)]
    while references:
        reference, resolver = references.pop()
        try:
            target = resolver.lookup(reference)
            if id(target.contents) not in checked:
                Draft202012Validator.check_schema(target.contents)
                references += references_of(target.contents, target.resolver, checked)
        except SchemaError as error:
            why = excerpt(f"{error.json_path}: {error.message}", 300)
            return f"$ref {excerpt(reference, 100)!r} leads to no JSON Schema: {why}"
        except Unresolvable:
            return f"$ref {excerpt(reference, 100)!r} leads nowhere"
    return ""


def references_of(schema: Any, resolver: Any, checked: set[int]) -> Iterator[tuple[str, Any]]:
    """Yield the references of a schema and of those in it, each with its resolver.

    All of these schemas are added to ``checked``.
    """
    from referencing.jsonschema import DRAFT202012

    checked.add(id(schema))
    if isinstance(schema, bool):
        return
    reference = schema.get("$ref")
    if isinstance(reference, str) and not reference.startswith(STANDARD):
        yield reference, resolver
    for inner in DRAFT202012.subresources_of(schema):
        within = resolver
        if isinstance(inner, dict) and "$id" in inner:
            within = resolver.in_subresource(DRAFT202012.create_resource(inner))
        yield from references_of(inner, within, checked)


def find_circle(schema: JsonObject) -> str:
    """Return a reference that leads back to itself at the same value, empty if there is none.

    No value can be held against such a schema: that would never end.

    >>> find_circle({"$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}]}}})
    '#/$defs/a'
    >>> find_circle({"properties": {"child": {"$ref": "#"}}})
    ''
    """
    if '"$id"' in compact(schema):
        return ""
    finished: set[str] = set()
    references = dict.fromkeys(references_in(schema, lambda keyword: keyword not in DATA))
    return next(
        filter(None, (circle_through(each, schema, (), finished) for each in references)), ""
    )


def circle_through(
    reference: str, root: JsonObject, path: tuple[str, ...], finished: set[str]
) -> str:
    """Return a reference that is met again at the same value; ``path`` led here."""
    if reference in path:
        return reference
    if reference in finished:
        return ""
    onward = references_in(target_of(reference, root), lambda keyword: keyword in AT_ONCE)
    further = (circle_through(each, root, (*path, reference), finished) for each in onward)
    found = next(filter(None, further), "")
    finished.add(reference)
    return found


def references_in(schema: Json, enters: Callable[[str], bool]) -> Iterator[str]:
    """Yield the references of a schema, and those below the keywords that are entered.

    >>> schema = {"anyOf": [{"$ref": "#/x"}], "const": {"$ref": "#/y"}}
    >>> [*references_in(schema, lambda keyword: keyword not in DATA)]
    ['#/x']
    """
    if isinstance(schema, list):
        for each in schema:
            yield from references_in(each, enters)
    for name, value in schema.items() if isinstance(schema, dict) else ():
        if name == "$ref" and isinstance(value, str):
            yield value
        elif enters(name):
            yield from references_in(value, enters)


def target_of(reference: str, root: JsonObject) -> Json:
    """Return the part of a schema to which a JSON pointer leads, None where there is none.

    >>> target_of("#/$defs/a~1b", {"$defs": {"a/b": {"type": "null"}}})
    {'type': 'null'}
    """
    fragment, value = reference.removeprefix("#"), root
    if not reference.startswith("#") or (fragment and not fragment.startswith("/")):
        return None
    for piece in unquote(fragment).split("/")[1:]:
        key = piece.replace("~1", "/").replace("~0", "~")
        inner: Any = value
        if isinstance(inner, list) and key.isdecimal() and int(key) < len(inner):
            value = inner[int(key)]
        elif isinstance(inner, dict) and key in inner:
            value = inner[key]
        else:
            return None
    return value


# ---- what it takes -------------------------------------------------------------------------------

LONGEST = 50_000  # characters of a schema whose check is cheap
LARGEST = 5_000  # parts of it, each reference replaced by what it leads to
#: Words of schemas whose check may take for ever, or the square of a value's size.
DEAR = ('"pattern', '"uniqueItems"', '"unevaluated', '"$dynamic', '"$id"', '"$anchor"')


def is_cheap(schema: JsonObject) -> bool:
    """Return whether to hold a value against a schema surely takes no longer than to read it.

    Without references each part of a schema looks once at each part of a value; with them, as often
    as it is referred to, which grows without bound where references lead to references.

    >>> is_cheap({"properties": {"a": {"pattern": "b"}}}), is_cheap({"type": "string"})
    (False, True)
    """
    try:
        text = compact(schema)
        if len(text) > LONGEST or any(word in text for word in DEAR):
            return False
        return '"$ref"' not in text or unfolded_size(schema, schema, {}) <= LARGEST
    except RecursionError:
        return False


def unfolded_size(value: Json, root: JsonObject, sizes: dict[str, float]) -> float:
    """Return the parts of a schema with each reference replaced by what it leads to.

    ``sizes`` has those of references met so far; one that leads back to itself has no end.

    >>> schema = {"$defs": {"a": {}}, "anyOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/a"}]}
    >>> unfolded_size(schema, schema, {}), unfolded_size({"$ref": "#"}, {"not": {"$ref": "#"}}, {})
    (7, inf)
    """
    if isinstance(value, list):
        return sum(unfolded_size(each, root, sizes) for each in value)
    if not isinstance(value, dict):
        return 0
    size: float = 1
    for name, inner in value.items():
        if name == "$ref" and isinstance(inner, str):
            if inner not in sizes:
                sizes[inner] = inf
                target = target_of(inner, root)
                sizes[inner] = inf if target is None else unfolded_size(target, root, sizes)
            size += sizes[inner]
        elif name not in DATA:
            size += unfolded_size(inner, root, sizes)
    return size
