"""Matches as lines: the texts, or JSON that says where each came from."""

from __future__ import annotations

from argparse import Namespace

import pytest

from loki import Match, Passage
from loki.cli.search.output import Answer, format_matches, format_time, format_value

ANSWER = Answer(
    "q", (Match(0.5, Passage("one", 7, "a.txt", 3)), Match(0.25, Passage("two\nlines")))
)


@pytest.mark.parametrize(
    ("output", "null", "with_query", "expected"),
    [
        ("text", False, True, "one\ntwo\nlines\n"),
        ("text", True, False, "one\0two\nlines\0"),
        (
            "json",
            False,
            False,
            '{"score":0.5,"id":7,"source":"a.txt","line":3,"text":"one"}\n'
            '{"score":0.25,"id":null,"source":null,"line":null,"text":"two\\nlines"}\n',
        ),
    ],
)
def test_matches_come_out_as_lines(
    output: str, null: bool, with_query: bool, expected: str
) -> None:
    assert format_matches(ANSWER, Namespace(output=output, null=null), with_query) == expected


def test_of_many_queries_each_line_says_which_it_answers() -> None:
    lines = format_matches(ANSWER, Namespace(output="json", null=False), True).splitlines()
    assert [line.startswith('{"query":"q","score":') for line in lines] == [True, True]


def test_facts_are_words() -> None:
    assert [format_value(value) for value in (True, False, None, 0, "x")] == [
        "yes",
        "no",
        "",
        "0",
        "x",
    ]
    assert format_time(1e9) == "2001-09-09T01:46:40Z"
