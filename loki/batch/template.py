"""A --template and a row's fields -> its prompt."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from returns.result import Result, Success

from loki.json_text import Json
from loki.problems import Problem, fail, suggest_nearest


def fill_template(template: str, fields: Mapping[str, Json]) -> Result[str, Problem]:
    """Return a template with the fields it names filled in; ``{{`` and ``}}`` are braces.

    >>> fill_template("Translate to {lang}: {{{text}}}", {"lang": "fr", "text": "Hi"}).unwrap()
    'Translate to fr: {Hi}'
    >>> fill_template("{txt}", {"text": "Hi"}).failure().message
    "the template names 'txt', which this row has not; did you mean 'text'?"
    """
    names = template_names(template)
    missing = next((name for name in names if fields.get(name) is None), None)
    if missing in fields:
        return fail("input", f"the template names {missing!r}, which is null in this row")
    if missing is not None:
        hint = suggest_field(missing, list(fields))
        return fail("input", f"the template names {missing!r}, which this row has not{hint}")

    def put(match: re.Match[str]) -> str:
        if not match[1]:
            return match[0][0]
        value = fields[match[1]]
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    return Success(BRACED.sub(put, template))


def suggest_field(name: str, known: list[str]) -> str:
    """Return the end of a message about a field that is not there: what may have been meant.

    >>> suggest_field('"a": 1', ["text"])
    '; a brace that is text is written twice: {{ }}'
    """
    if re.search(r"[\"':,\n]", name):
        return "; a brace that is text is written twice: {{ }}"
    return suggest_nearest(name, known)


def template_names(template: str) -> list[str]:
    """Return the fields that a template names.

    >>> template_names("{a} {{b}} {c}")
    ['a', 'c']
    """
    return [name for name in BRACED.findall(template) if name]


def lone_brace(template: str) -> str:
    """Return a template from its first brace without a partner on; empty if each has one.

    >>> lone_brace("Translate {text to {lang}"), lone_brace("{a} {{b}}")
    ('{text to {lang}', '')
    """
    rest = BRACED.sub(lambda match: " " * len(match[0]), template)
    found = re.search("[{}]", rest)
    return template[found.start() :] if found else ""


BRACED = re.compile(r"\{\{|\}\}|\{([^{}]+)\}")
