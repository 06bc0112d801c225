"""The words for reading and writing JSON: what is no count, name or text is never taken for one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki.json_text import DEEPEST
from loki.messages import Media, Text
from loki.problems import Problem
from loki.usage import Usage
from loki.wire.protocol import (
    MAX_COUNT,
    as_count,
    as_index,
    draft_content,
    merge_usage,
    part_drafter,
    schema_name,
    text_events,
)
from loki.wire.provider_json import STRICT, parse_json

ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=6,
)


@given(ANYTHING)
def test_a_count_is_a_whole_number_up_to_the_most(value: Any) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    is_count = is_number and 0 <= value <= MAX_COUNT and value == int(value)
    found = as_count(value)
    assert found == (value if is_count else None) and isinstance(found, int | None)


@pytest.mark.parametrize("value", [MAX_COUNT + 1, 10**30, float(10 * MAX_COUNT), 1e300])
def test_what_is_more_than_any_count_can_be_is_none(value: float) -> None:
    assert as_count(value) is None and as_index(value) is None
    assert as_count(MAX_COUNT) == as_count(float(MAX_COUNT)) == as_index(MAX_COUNT) == MAX_COUNT


@given(ANYTHING)
def test_an_index_is_an_integer_that_is_written_as_one(value: Any) -> None:
    assert as_index(value) == (value if type(value) is int and 0 <= value <= MAX_COUNT else None)


@given(ANYTHING)
def test_a_piece_of_an_answer_is_text_or_nothing_or_a_problem(value: Any) -> None:
    found = text_events(value, "here")
    if isinstance(value, str) and value:
        assert found == (Text(value),)
    elif value is None or value == "":
        assert found == ()
    else:
        (problem,) = found
        assert isinstance(problem, Problem) and problem.kind == "garbled"
        assert problem.message.startswith("the answer's text is not text: here is ")


def nested(levels: int) -> str:
    """Return lists in lists."""
    return "[" * levels + "]" * levels


@pytest.mark.parametrize("encode", [str, str.encode])
def test_json_is_parsed_down_to_the_deepest_level(encode: Any) -> None:
    assert parse_json(encode(nested(DEEPEST))) is not None
    assert len(parse_json(encode("[" + "[],[1]," * 300 + "0]"))) == 601  # wide, but not deep
    with pytest.raises(ValueError, match="nested deeper than 200"):
        parse_json(encode(nested(DEEPEST + 2)))


def test_brackets_in_a_text_are_no_depth() -> None:
    text = json.dumps({"a": "[" * 1000})
    assert parse_json(text) == {"a": "[" * 1000}


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_strict_json_knows_no_such_numbers(word: str) -> None:
    with pytest.raises(ValueError, match=f"{word} is no number of JSON's"):
        parse_json(f"[{word}]", STRICT)


COUNTS = st.builds(Usage, input=st.none() | st.integers(0), output=st.none() | st.integers(0))


@given(COUNTS, COUNTS)
def test_later_counts_replace_earlier_ones_and_null_replaces_nothing(
    old: Usage, new: Usage
) -> None:
    found = merge_usage(old, new)
    assert found.input == (old.input if new.input is None else new.input)
    assert found.output == (old.output if new.output is None else new.output)
    assert merge_usage(old, Usage()) == old and merge_usage(Usage(), new) == new


draft = part_drafter(
    "text",
    {"image": lambda media: {"any": media.name}, "image/gif": lambda media: {"gif": media.name}},
    "this API takes",
)


@pytest.mark.parametrize(
    ("media_type", "drafted"), [("image/png", {"any": "n"}), ("image/gif", {"gif": "n"})]
)
def test_media_are_drafted_by_their_type_or_its_family(media_type: str, drafted: Any) -> None:
    assert draft(Media(media_type, name="n")).unwrap() == drafted


@pytest.mark.parametrize(
    ("media", "shown"),
    [
        (Media("audio/wav", name="a.wav"), "a.wav"),
        (Media("audio/wav", url="http://a/b"), "http://a/b"),
    ],
)
def test_media_of_no_known_kind_are_refused_by_name(media: Media, shown: str) -> None:
    problem = draft(media).failure()
    assert (problem.kind, problem.message) == ("usage", f"this API takes no audio/wav ({shown})")


CONTENTS: list[tuple[tuple[Text | Media, ...], Any]] = [
    ((), ""),
    ((Text("a"),), "a"),
    ((Text("a"), Text("b")), [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]),
    ((Media("image/png", name="n"),), [{"any": "n"}]),
]


@pytest.mark.parametrize(("parts", "content"), CONTENTS)
def test_one_text_is_a_string_and_anything_else_is_parts(
    parts: tuple[Text | Media, ...], content: Any
) -> None:
    assert draft_content(parts, draft).unwrap() == content


@given(st.text())
def test_a_schema_s_name_is_one_that_every_provider_takes(title: str) -> None:
    name = schema_name({"title": title})
    assert 0 < len(name) <= 64
    assert all(c.isascii() and (c.isalnum() or c in "_-") for c in name)
