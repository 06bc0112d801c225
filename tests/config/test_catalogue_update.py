"""A catalogue from elsewhere: only the right shape gets in, and it is kept as it was."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki.config.catalogue import catalogue_facts, parse_section
from loki.config.catalogue_update import (
    SyncedCatalogue,
    describe_changes,
    format_catalogue,
    parse_catalogue,
)

ENTRY = {"type": "chat", "input_price": 0.15, "max_input_tokens": 1000, "supports_vision": True}


def document(entry: Any = ENTRY, **top: Any) -> bytes:
    """Return a catalogue with one model."""
    result = {"date": "2026-11-20", "clients": {"x": {"m": entry}}, **top}
    return json.dumps(result).encode()


def test_a_good_catalogue_is_taken_with_exact_prices() -> None:
    catalogue = parse_catalogue(document(sources={"x": "https://a.example"})).unwrap()
    assert catalogue.date == "2026-11-20" and catalogue.sources == {"x": "https://a.example"}
    assert catalogue.clients["x"]["m"]["input_price"] == Decimal("0.15")


def test_what_we_do_not_read_is_left_out() -> None:
    entry = {**ENTRY, "patch": {"url": "http://evil.example"}, "api_base": "http://evil.example"}
    catalogue = parse_catalogue(document(entry)).unwrap()
    assert set(catalogue.clients["x"]["m"]) == set(ENTRY)


WRONG: list[tuple[bytes, str]] = [
    (b"{", "is not JSON"),
    (b"[]", "it needs a date, and models by name under clients by name"),
    (b'{"date": "2026-11-20"}', "it needs a date"),
    (b'{"date": "2026-11-20", "clients": {}}', "it needs a date"),
    (document(date="20.11.2026"), "its date is '20.11.2026', not YYYY-MM-DD"),
    (document(date="2026-13-01"), "its date is '2026-13-01'"),
    (document(clients={"x": []}), "x has no models by name"),
    (document(clients={"x": {"m": 1}}), "x:m has no type that is chat, embedding or reranker"),
    (document({}), "x:m has no type"),
    (document({"type": "video"}), "x:m has no type"),
    (document({**ENTRY, "input_price": -1}), "x:m input_price is '-1'"),
    (document({**ENTRY, "input_price": "1"}), "x:m input_price is '1'"),
    (document({**ENTRY, "input_price": True}), "x:m input_price is 'True'"),
    (document({**ENTRY, "input_price": float("nan")}), "x:m input_price is 'NaN'"),
    (document({**ENTRY, "input_price": 10**6}), "x:m input_price is '1000000'"),
    (document({**ENTRY, "max_input_tokens": 0}), "x:m max_input_tokens is '0'"),
    (document({**ENTRY, "max_input_tokens": 1.5}), "x:m max_input_tokens is '1.5'"),
    (document({**ENTRY, "supports_vision": "yes"}), "x:m supports_vision is 'yes'"),
    (document({**ENTRY, "endpoint": "completions"}), "x:m endpoint is 'completions'"),
    (document({**ENTRY, "variants": {"flex": -1}}), "x:m variants is "),
    (document({**ENTRY, "variants": {"flex": {"video": 1}}}), "x:m variants is "),
    (document({**ENTRY, "variants": {">x": 1}}), "x:m variants is "),
]


@pytest.mark.parametrize(("data", "message"), WRONG)
def test_a_wrong_catalogue_is_refused_with_the_place(data: bytes, message: str) -> None:
    problem = parse_catalogue(data).failure()
    assert problem.kind == "garbled" and message in problem.message


PRICES = st.decimals(0, 999, places=4).map(lambda price: price.normalize() + 0)
ENTRIES = st.fixed_dictionaries(
    {"type": st.sampled_from(["chat", "embedding", "reranker"])},
    optional={
        "input_price": PRICES,
        "cache_read_price": PRICES,
        "max_output_tokens": st.integers(1, 10**6),
        "supports_reasoning": st.booleans(),
        "variants": st.dictionaries(st.sampled_from(["flex", ">272000", "*"]), PRICES),
    },
)
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\n"), min_size=1, max_size=8)


@given(st.dictionaries(NAMES, st.dictionaries(NAMES, ENTRIES, min_size=1), min_size=1))
def test_what_is_written_reads_as_it_was(clients: Any) -> None:
    catalogue = SyncedCatalogue("2026-11-20", {"x": "y"}, clients)
    text = format_catalogue(catalogue)
    assert parse_catalogue(text.encode()).unwrap() == catalogue
    assert catalogue_facts(text) == {"date": "2026-11-20", "sources": {"x": "y"}}


def test_a_section_of_what_is_written_is_found_by_its_lines() -> None:
    clients = {"x": {"m": {"type": "chat"}}, "y": {"n": {"type": "reranker"}}}
    text = format_catalogue(SyncedCatalogue("2026-11-20", {}, clients))
    assert [parse_section(text, name) for name in ("x", "y", "z", "")] == [
        *clients.values(),
        {},
        {},
    ]


NEWS: list[tuple[Any, Any, str]] = [
    ({}, {"x": {"a": {}}}, "1 models, 1 new, 0 gone, 0 with other prices"),
    ({"x": {"a": {}}}, {"y": {"a": {}}}, "1 models, 1 new, 1 gone, 0 with other prices"),
    (
        {"x": {"a": {"variants": {}}}},
        {"x": {"a": {"variants": {"flex": 1}}}},
        "1 models, 0 new, 0 gone, 1 with other prices",
    ),
    (
        {"x": {"a": {"max_input_tokens": 1}}},
        {"x": {"a": {"max_input_tokens": 2}}},
        "1 models, 0 new, 0 gone, 0 with other prices",
    ),
]


@pytest.mark.parametrize(("before", "after", "words"), NEWS)
def test_what_is_new_is_counted(before: Any, after: Any, words: str) -> None:
    assert describe_changes(before, after) == words
