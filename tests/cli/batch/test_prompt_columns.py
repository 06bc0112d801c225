"""--template: what it names must be there, and what is odd about it is said."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from loki.cli.batch.prompt_columns import check_columns
from loki.edge.batch.input import Source


def check(template: str | None, columns: tuple[str, ...] | None) -> tuple[str, list[str]]:
    """Return the problem with a template, and the warnings."""
    notes: list[str] = []
    flags = Namespace(template=template, template_file=None, csv=False)
    result = check_columns(flags, Source("in.csv", iter(()), columns=columns), notes.append)
    return result.swap().map(lambda problem: problem.message).value_or(""), notes


@pytest.mark.parametrize(
    ("template", "message", "note"),
    [
        ("{text}", "", ""),
        ("{txt}", "'txt', and in.csv has no such column; did you mean 'text'?", ""),
        ('Return {"a": 1} for {text}', "is written twice: {{ }}", ""),
        ('Return {{"a": 1}} for {text}', "", ""),
        ("Translate", "", "names no column, so each row sends the same: {text} is one"),
        ("Translate {text", "", "has no partner and is sent as it is"),
        ("a\0{text}", "", ""),
        (None, "in.csv needs a prompt: make it of columns with --template '{text}'", ""),
    ],
)
def test_a_template_is_checked_against_the_columns(
    template: str | None, message: str, note: str
) -> None:
    found, notes = check(template, ("id", "text"))
    assert message in found and bool(message) == bool(found)
    assert note in "".join(notes) and bool(note) == bool(notes)


def test_a_template_that_is_the_name_of_a_file_draws_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.md").write_text("{text}")
    for columns in (("id", "text"), None):
        found, notes = check("t.md", columns)
        (note,) = notes
        assert not found and note.endswith(
            "is the name of a file, and sent as text: to read it, use -T t.md"
        )
