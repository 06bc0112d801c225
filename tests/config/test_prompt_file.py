"""Front matter sets what a flag sets and a stranger may; all else is refused, with its place."""

from __future__ import annotations

from typing import Any

import pytest

from loki.cli.commands import COMMANDS
from loki.config.prompt_file import FIELDS, REFUSED, read_prompt_file

WHOLE = """\
#!/usr/bin/env -S loki-pipe -T
---
# a comment
model: openai:gpt-4.1
fallback: [groq:a, groq:b]
system: |
  Be brief.
  {{ not rendered }}
schema:
  type: object
  properties:
    n: {type: integer, maximum: 5, const: '5'}
temperature: 0.5
top-p: 0.9
max-tokens: 50
stop: END OF IT
seed: 7
reasoning: low
code: true
output: json
---
Line 22
"""


def test_all_that_may_be_set_is_read_with_its_line() -> None:
    file = read_prompt_file(WHOLE, "a.md").unwrap()
    assert {name: (value, line) for name, (value, line) in file.settings.items()} == {
        "model": ("openai:gpt-4.1", 4),
        "fallback": (["groq:a", "groq:b"], 5),
        "system": ("Be brief.\n{{ not rendered }}\n", 6),
        "schema": (
            {
                "type": "object",
                "properties": {"n": {"type": "integer", "maximum": 5, "const": "5"}},
            },
            9,
        ),
        "temperature": ("0.5", 13),
        "top-p": ("0.9", 14),
        "max-tokens": ("50", 15),
        "stop": (["END OF IT"], 16),
        "seed": ("7", 17),
        "reasoning": ("low", 18),
        "code": (True, 19),
        "output": ("json", 20),
    }
    assert {*file.settings} == {*FIELDS}
    assert (file.template, file.line) == ("Line 22\n", 22)


@pytest.mark.parametrize(
    ("content", "template", "line"),
    [
        ("Hi", "Hi", 1),
        ("", "", 1),
        ("#!loki-pipe -T\nHi\n", "Hi\n", 2),
        ("---\n---\nHi", "Hi", 3),
        ("---\n# nothing\n\n---\nHi\n---\nHo", "Hi\n---\nHo", 5),
        ("---\r\nmodel: x\r\n---\r\nHi\r\nHo", "Hi\nHo", 4),
        ("---  \nmodel:\n---\t\n", "", 4),
        ("Hi\n---\nmodel: x\n---\n", "Hi\n---\nmodel: x\n---\n", 1),
        ("\n---\nmodel: x\n---\n", "\n---\nmodel: x\n---\n", 1),
    ],
)
def test_the_template_follows_the_front_matter(content: str, template: str, line: int) -> None:
    file = read_prompt_file(content, "a.md").unwrap()
    assert (file.template, file.line) == (template, line)


#: Front matter, and what is said of it after the name of the file.
WRONG: dict[str, str] = {
    "temprature: 1": "2:1: unknown key 'temprature'; did you mean 'temperature'?",
    "model: x\n\nmax_tokens: 5": "4:1: unknown key 'max_tokens'; did you mean 'max-tokens'?",
    "zzz: 1": "2:1: unknown key 'zzz'; known: model, fallback, system,",
    "run-tools: true": "2:1: 'run-tools' is for the command line only: a prompt file runs nothing",
    "tools: t.json": "2:1: 'tools' is for the command line only: a prompt file runs nothing",
    "file: /etc/passwd": "2:1: 'file' is for the command line only: a prompt file reads no other",
    "patch: {url: x}": "2:1: 'patch' is for the command line only: a prompt file sends nothing els",
    "proxy: http://x": "2:1: 'proxy' is for the command line only: a prompt file sends nothing els",
    "config: x": "2:1: 'config' is for the command line only",
    "cache: 1h": "2:1: 'cache' is for the command line only: a prompt file decides nothing about c",
    "max_cost: 1": "2:1: 'max_cost' is for the command line only",
    "param: a=b": "2:1: 'param' is for the command line only",
    "model: [a]": "2:8: expected text, found a list",
    "code: maybe": "2:7: expected true or false, found 'maybe'",
    "schema: /etc/passwd": "2:9: expected the JSON Schema itself; one in a file is for --schema",
    "schema: '[1]'": "2:9: expected the JSON Schema itself",
    "stop: [[a]]": "2:8: expected text, found a list",
    "- a": "2:1: expected settings such as model: NAME, found a list",
    "model: x\nmodel: y": "3:1: ",
    "model: {{NAME}}": "2:8: a {{NAME}} must be quoted",
    "a: &b c\nmodel: *b": "2:",
    "model: 'x": "2:8: ",
}


@pytest.mark.parametrize("lines", WRONG)
def test_what_is_wrong_is_said_with_its_place(lines: str) -> None:
    problem = read_prompt_file(f"---\n{lines}\n---\nHi", "a.md").failure()
    assert problem.kind == "input" and problem.message.startswith(f"a.md:{WRONG[lines]}")
    assert "\n" not in problem.message


def test_front_matter_that_never_ends_is_refused() -> None:
    problem = read_prompt_file("#!x\n---\nmodel: x\nHi", "a.md").failure()
    assert problem.message == "a.md:2: the front matter never ends: no second ---"


def test_front_matter_that_takes_long_to_read_is_refused() -> None:
    long = "---\n" + "a: {" * 20000 + "\n---\nHi"
    assert read_prompt_file(long, "a.md").failure().message == (
        "a.md:1: the front matter is over 64 KiB"
    )
    deep = "---\nschema: " + "[" * 60000 + "\n---\nHi"
    assert read_prompt_file(deep, "a.md").failure().kind == "input"
    assert read_prompt_file(f"---\n---\n{'x' * (1 << 20)}", "a.md").unwrap().line == 3


@pytest.mark.parametrize("key", ["[5]", "[a, b]", "{a: b}", "5", "null", "true"])
def test_a_key_that_is_no_word_is_unknown(key: str) -> None:
    problem = read_prompt_file(f"---\nmodel: x\n{key}: {{type: object}}\n---\nHi", "a.md").failure()
    assert problem.kind == "input" and problem.message.startswith("a.md:3:1: ")


def test_a_schema_may_be_json() -> None:
    file = read_prompt_file('---\nschema: \'{"type": "object"}\'\n---\n', "a.md").unwrap()
    assert file.settings["schema"].value == {"type": "object"}


def long_flags() -> set[str]:
    """The long names of all flags of the commands that answer prompts."""
    rows: list[tuple[str, Any]] = [
        row
        for prog in ("loki-pipe", "loki-batch")
        for group in COMMANDS[prog].groups.values()
        for row in group
    ]
    return {name[2:] for names, _ in rows for name in names.split() if name.startswith("--")}


def test_no_flag_can_be_set_that_was_not_thought_of() -> None:
    """A flag is in FIELDS on purpose only; what runs, reads, sends or spends says why not."""
    refused = {name for names in REFUSED.values() for name in names}
    assert not {*FIELDS} & refused and {*FIELDS} <= long_flags()
    must = {"run-tools", "tools", "patch", "param", "proxy", "config", "file", "cache", "messages"}
    assert must | (long_flags() & {"template", "set", "system-file", "max-cost"}) <= refused
