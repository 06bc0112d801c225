"""1a. YAML text, a rule -> plain values and complaints, each with its line and column."""

from __future__ import annotations

import re
from typing import Any

from loki.config.yaml_schema import Complaint, Position, Rule
from loki.json_text import DEEPEST


def read_yaml(text: str, rule: Rule) -> tuple[Any, tuple[Complaint, ...]]:
    """Parse a document by a rule: its value, and every complaint or the one of strictyaml."""
    from strictyaml import parser, ruamel
    from strictyaml.ruamel.error import MarkedYAMLError, YAMLError
    from strictyaml.ruamel.reader import ReaderError

    if (deep := find_deep_bracket(text)) is not None:
        return {}, (Complaint(position_at(text, deep), "too deeply nested"),)
    traits = {"label": "config", "allow_flow_style": True, "flatten_mapping": refuse_merge_keys}
    loader = type("Loader", (parser.StrictYAMLLoader,), traits)
    try:
        document = ruamel.load(text, Loader=loader, preserve_quotes=True)
    except MarkedYAMLError as error:
        return {}, (to_complaint(error, text),)
    except ReaderError as error:
        what = f"a character that YAML does not allow: U+{error.character:04X}"
        return {}, (Complaint(position_at(text, error.position), what),)
    except RecursionError:
        return {}, (Complaint((1, 1), "too deeply nested"),)
    except (YAMLError, *OTHER_ERRORS) as error:
        odd = re.search(r"^\s*\?\s+", text, re.MULTILINE)  # a key that is more than a word
        message = f"not YAML that can be read: {error}".split("\n")[0]
        return {}, (Complaint(position_at(text, odd.end() if odd else 0), message),)
    complaints: list[Complaint] = []
    first = re.search(r"^\s*(?!#)\S", text, re.MULTILINE)
    start = position_at(text, first.end() - 1 if first else 0)
    try:
        value = rule(document, start, lambda *complaint: complaints.append(Complaint(*complaint)))
    except RecursionError:
        return {}, (Complaint(start, "too deeply nested"),)
    return value, tuple(sorted(complaints))


def find_deep_bracket(text: str) -> int | None:
    """Return where more brackets are open than DEEPEST, None if nowhere; texts in quotes count too.

    The time that ruamel takes grows with the square of their number: 3000 of them are a minute.

    >>> find_deep_bracket("a: " + "[" * 201), find_deep_bracket("a: " + "[]" * 201)
    (203, None)
    """
    depth = 0
    for bracket in re.finditer(r"[\[\]{}]", text):
        depth = depth + 1 if bracket[0] in "[{" else max(0, depth - 1)
        if depth > DEEPEST:
            return bracket.start()
    return None


def position_at(text: str, index: int) -> Position:
    """Return the line and column of a character.

    >>> position_at("ab\\ncd", 4)
    (2, 2)
    """
    before = text[:index].replace("\r\n", "\n").replace("\r", "\n")
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


#: What ruamel raises over a few texts that are not YAML, beside its own errors.
OTHER_ERRORS = (TypeError, ValueError, KeyError, AttributeError, IndexError, NotImplementedError)


def refuse_merge_keys(loader: Any, node: Any) -> list[Any]:
    """Refuse ``<<``, in place of ruamel's merging: YAML 1.1's merge keys change values unseen."""
    from strictyaml.ruamel.constructor import ConstructorError

    for key, _ in node.value:
        if key.value == "<<":
            raise ConstructorError(
                None, None, "unknown key '<<'; there are no merge keys", key.start_mark
            )
    return []


def to_complaint(error: Any, text: str) -> Complaint:
    """Return an error of strictyaml's as a complaint, at its place, in one line."""
    marks = [mark for mark in (error.context_mark, error.problem_mark) if mark]
    message = " ".join(str(error.problem or error.context or "not YAML").split())
    early = "Disallowed" in type(error).__name__
    if any(phrase in message for phrase in ("end of stream", "stream end")):
        message, early = f"{error.context}: it never ends", True
    message = next((meaning for odd, meaning in PLAIN_MESSAGES.items() if odd in message), message)
    mark = (min(marks, key=lambda m: m.index) if early else marks[-1]) if marks else None
    position = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    lines = text.splitlines()
    for number in {position[0], position[0] - 1} & set(range(1, len(lines) + 1)):
        bare = re.sub(r"'[^']*'|\"[^\"]*\"|#.*", lambda m: " " * len(m[0]), lines[number - 1])
        if "{{" in bare:
            return Complaint(
                (number, bare.index("{{") + 1), "a {{NAME}} must be quoted: '{{NAME}}'"
            )
    return Complaint(position, message[:1].lower() + message[1:])


#: Words of ruamel's that say little, and what they mean.
PLAIN_MESSAGES = {
    "undefined alias": "a value that begins with * must be quoted",
    "'\\t'": "a tab cannot indent; use spaces",
    "another document": "another document begins here, or the indentation does not fit",
    "expected <block end>": "the indentation does not fit what stands above",
}
