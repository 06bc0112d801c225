"""1. text -> PromptFile: a prompt as a file, with settings in front of it (YAML front matter)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from returns.result import Result, Success

from loki.config.yaml_reader import read_yaml
from loki.config.yaml_schema import (
    Position,
    Report,
    Rule,
    flag,
    is_null,
    json_object,
    key_position,
    position_of,
    show_node,
    text,
)
from loki.json_text import parse_strict
from loki.problems import Problem, fail, suggest_nearest
from loki.record import record

LONGEST = 64 << 10  # characters of front matter: to read much more takes long


class FrontSetting(NamedTuple):
    """A setting of the front matter, by the name of a long flag; ``line`` counts from 1."""

    value: Any  # a text, a list of texts, true or false, or a JSON Schema
    line: int


@record
class PromptFile:
    """A prompt as a file: what is set in front of it, and the template that follows."""

    name: str  # for messages
    settings: Mapping[str, FrontSetting]
    template: str
    line: int  # where the template begins, from 1


def read_prompt_file(content: str, name: str) -> Result[PromptFile, Problem]:
    """Return a prompt file; fail with the place of the first complaint about its front matter.

    >>> read_prompt_file("---\\ntemprature: 1\\n---\\nHi", "a.md").failure().message
    "a.md:2:1: unknown key 'temprature'; did you mean 'temperature'?"
    >>> file = read_prompt_file("#!loki-pipe -T\\n---\\nmodel: x\\n---\\nHi", "a.md").unwrap()
    >>> file.settings, file.template, file.line
    ({'model': FrontSetting(value='x', line=3)}, 'Hi', 5)
    """
    lines = content.replace("\r\n", "\n").split("\n")
    start = int(lines[0].startswith("#!"))
    if [line.rstrip() for line in lines[start : start + 1]] != ["---"]:
        return Success(PromptFile(name, {}, "\n".join(lines[start:]), start + 1))
    rest = [line.rstrip() for line in lines[start + 1 :]]
    if "---" not in rest:
        return fail("input", f"{name}:{start + 1}: the front matter never ends: no second ---")
    end = start + 1 + rest.index("---")
    if sum(map(len, rest[: end - start - 1])) > LONGEST:
        return fail("input", f"{name}:{start + 1}: the front matter is over {LONGEST >> 10} KiB")
    settings = read_front_matter(lines[start + 1 : end], name, start + 1)
    template = "\n".join(lines[end + 1 :])
    return settings.map(lambda known: PromptFile(name, known, template, end + 2))


def read_front_matter(
    lines: list[str], name: str, before: int
) -> Result[dict[str, FrontSetting], Problem]:
    """Return the settings in some lines, which stand after ``before`` others."""
    if all(not line.strip() or line.lstrip().startswith("#") for line in lines):
        return Success({})
    settings, complaints = read_yaml("\n".join(lines) + "\n", front_matter)
    if complaints:
        (line, column), message = complaints[0]
        return fail("input", f"{name}:{line + before}:{column}: {message}")
    return Success({key: FrontSetting(value, line + before) for key, value, line in settings})


# ---- rules ---------------------------------------------------------------------------------------


def front_matter(node: Any, position: Position, report: Report) -> list[tuple[str, Any, int]]:
    """Return the settings: name, value and line of each."""
    if not isinstance(node, dict):
        report(position, f"expected settings such as model: NAME, found {show_node(node)}")
        return []
    found = []
    for key in node:
        name, place = str(key), key_position(node, key)
        if name not in FIELDS:
            report(place, explain_key(name))
        elif not is_null(node[key]):
            value = FIELDS[name](node[key], position_of(node, key, position), report)
            found.append((name, value, place[0]))
    return found


def explain_key(key: str) -> str:
    """Return why a key cannot stand in front matter.

    >>> explain_key("run-tools")
    "'run-tools' is for the command line only: a prompt file runs nothing"
    >>> explain_key("max_tokens")
    "unknown key 'max_tokens'; did you mean 'max-tokens'?"
    """
    name = key.replace("_", "-")
    reason = next((why for why, names in REFUSED.items() if name in names), "")
    if reason:
        return f"{key!r} is for the command line only: a prompt file {reason}"
    return f"unknown key {key!r}{suggest_nearest(key, [*FIELDS])}"


#: Why flags are refused in front matter, which a stranger may have written.
REFUSED = {
    "runs nothing": ("run-tools", "max-steps", "tools", "tool-choice"),
    "reads no other file": (
        *("file", "messages", "conversation", "template", "template-file", "system-file"),
        *("set", "encoding", "no-stdin", "if-input"),
    ),
    "sends nothing elsewhere or otherwise": ("patch", "param", "proxy", "search", "config"),
    "decides nothing about costs, time and records": (
        *("max-cost", "cache", "retries", "max-wait", "timeout", "connect-timeout"),
        *("idle-timeout", "tag", "no-ledger", "fail-on", "in-flight", "batch-api"),
    ),
    "decides nothing about messages": (
        *("quiet", "verbose", "dry-run", "explain", "no-stream", "show-reasoning"),
    ),
}


def texts(node: Any, position: Position, report: Report) -> list[str]:
    """Return texts given in a list, or the only one."""
    if isinstance(node, list):
        return [text(each, position_of(node, i, position), report) for i, each in enumerate(node)]
    return [text(node, position, report)]


def schema(node: Any, position: Position, report: Report) -> dict[str, Any]:
    """Return a JSON Schema, given as keys and values or as JSON."""
    if isinstance(node, dict):
        return json_object(node, position, report)
    try:
        value = parse_strict(node) if isinstance(node, str) else None
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        report(position, "expected the JSON Schema itself; one in a file is for --schema FILE")
        return {}
    return value


#: What front matter may set, by the names of long flags. Numbers are checked as flags are.
FIELDS: dict[str, Rule] = {
    "model": text,
    "fallback": texts,
    "system": text,
    "schema": schema,
    "temperature": text,
    "top-p": text,
    "max-tokens": text,
    "stop": texts,
    "seed": text,
    "reasoning": text,
    "code": flag,
    "output": text,
}
