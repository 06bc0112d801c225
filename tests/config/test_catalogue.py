"""The catalogue's text and a client's own models -> models with their prices."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from support import config

from loki.config.build_config import build_config
from loki.config.catalogue import (
    Catalogue,
    base_names,
    build_unlisted,
    catalogue_facts,
    parse_section,
)
from loki.records import Client, Model

ENTRIES: dict[str, dict[str, Any]] = {
    "openai": {
        "big": {
            "type": "chat",
            "input_price": 2,
            "output_price": 8,
            "cache_read_price": 0.5,
            "max_input_tokens": 1000,
            "supports_vision": True,
            "variants": {"flex": 0.5},
        },
        "vectors": {"type": "embedding", "input_price": 0.02},
        "gift": {"type": "chat", "input_price": 0, "output_price": 0, "cache_read_price": 0.5},
    },
    "claude": {"claude-x": {"type": "chat", "input_price": 3, "output_price": 15}},
    "vertexai": {
        "gem": {"type": "chat", "input_price": 1, "output_price": 2, "variants": {"regional": 1.1}}
    },
}
HEAD = '{\n"date": "2026-11-20",\n"sources": {},\n"clients": {\n'


def text_of(entries: dict[str, dict[str, Any]] = ENTRIES) -> str:
    """Return a catalogue, a model a line."""
    sections = [
        f"{json.dumps(client)}: {{\n"
        + ",\n".join(f"{json.dumps(name)}: {json.dumps(each)}" for name, each in models.items())
        + "\n}"
        for client, models in entries.items()
    ]
    return HEAD + ",\n".join(sections) + "\n}\n}\n"


TEXT = text_of()


def models(**client: Any) -> dict[str, Model]:
    """Return the models of a configured client, by name."""
    (known,) = config(client).clients
    return {each.name: each for each in Catalogue(TEXT).models(known)}


@pytest.mark.parametrize("name", ["nobody", "", "big", "date"])
def test_a_section_that_is_not_there_is_empty(name: str) -> None:
    assert parse_section(TEXT, name) == {}


def test_prices_are_exactly_as_written() -> None:
    assert parse_section(TEXT, "openai")["vectors"]["input_price"] == Decimal("0.02")


def test_a_catalogue_says_its_date() -> None:
    assert catalogue_facts(TEXT)["date"] == "2026-11-20" and catalogue_facts("") == {}


def test_a_client_without_models_has_the_catalogue_s() -> None:
    found = models(type="openai")
    assert list(found) == ["big", "vectors", "gift"] and found["vectors"].type == "embedding"
    assert found["big"].origin == "catalogue" and found["big"].supports_vision is True
    assert found["big"].supports_function_calling is False  # others are told of, this is not


def test_a_client_that_lists_its_models_has_only_those() -> None:
    listed = [{"name": "big"}, {"name": "mine"}]
    found = models(type="openai", models=listed)
    assert list(found) == ["big", "mine"]
    assert found["big"].price.input == 2 and found["mine"].price.input is None
    assert found["big"].origin == "models of client openai and catalogue"
    assert found["mine"].origin == "models of client openai"


def test_an_alias_has_what_is_known_of_its_model() -> None:
    found = models(type="openai", models=[{"name": "b", "real_name": "big"}])["b"]
    assert (found.real_name, found.max_input_tokens) == ("big", 1000)
    assert found.price.input == 2


CONFIGURED: list[tuple[dict[str, Any], dict[str, str | None]]] = [
    ({"input_price": "1"}, {"input": "1", "cache_read": "0.25", "output": "8"}),
    ({"output_price": "4"}, {"input": "2", "cache_read": "0.5", "output": "4"}),
    ({"input_price": "1", "cache_read_price": "0.1"}, {"input": "1", "cache_read": "0.1"}),
    ({"max_output_tokens": "9"}, {"input": "2", "cache_read": "0.5", "output": "8"}),
]


@pytest.mark.parametrize(("wanted", "expected"), CONFIGURED)
def test_a_price_that_is_set_scales_those_that_go_with_it(
    wanted: dict[str, Any], expected: dict[str, str]
) -> None:
    price = models(type="openai", models=[{"name": "big", **wanted}])["big"].price
    found = {kind: getattr(price, kind) for kind in expected}
    assert found == {kind: Decimal(value) for kind, value in expected.items()}
    assert price.is_configured is any(name.endswith("_price") for name in wanted)


def test_a_price_of_zero_leaves_nothing_that_costs() -> None:
    message = {"name": "big", "input_price": "0", "output_price": "0"}
    price = models(type="openai", models=[message])["big"].price
    assert price.input == 0 and price.output == 0 and price.cache_read == 0


def test_a_price_of_zero_in_the_catalogue_says_nothing_of_those_that_go_with_it() -> None:
    price = models(type="openai", models=[{"name": "gift", "input_price": "1"}])["gift"].price
    assert price.input == 1 and price.cache_read is None


def test_a_model_of_ones_own_costs_what_is_said_at_every_tier() -> None:
    message = {"name": "mine", "input_price": "1"}
    assert models(type="openai", models=[message])["mine"].price.variants == {"*": 1}


def test_claude_s_cache_costs_what_its_maker_documents() -> None:
    price = models(type="claude")["claude-x"].price
    assert (price.cache_write, price.cache_write_1h) == (Decimal("3.75"), Decimal(6))


@pytest.mark.parametrize(("place", "price"), [("global", "1"), ("", "1"), ("europe-west1", "1.1")])
def test_a_place_of_one_s_own_choice_has_its_price(place: str, price: str) -> None:
    found = models(type="vertexai", project_id="p", location=place)
    assert found["gem"].price.input == Decimal(price)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("big", ("big", "big")),
        ("big-20300102", ("big-20300102", "big")),
        ("big@20300102", ("big@20300102", "big")),
        ("big-2030-01-02", ("big-2030-01-02", "big")),
        ("big-203001", ("big-203001", "big-203001")),
        ("ft:big:org::id", ("big", "big")),
        ("ft:big", ("ft:big", "ft:big")),
    ],
)
def test_a_model_is_named_after_its_base(name: str, expected: tuple[str, str]) -> None:
    assert base_names(name) == expected


@pytest.mark.parametrize("name", ["ft:big:org::id", "big-2030-01-02"])
def test_a_model_that_is_not_listed_is_as_able_as_its_base_at_no_known_price(name: str) -> None:
    found = build_unlisted(name, "chat", Catalogue(TEXT).models(OPENAI))
    assert (found.name, found.real_name, found.max_input_tokens) == (name, name, 1000)
    assert found.supports_vision and found.price.input is None
    assert found.origin == "as given, like big"


def test_a_model_that_nobody_knows_is_denied_nothing() -> None:
    found = build_unlisted("new", "embedding", Catalogue(TEXT).models(OPENAI))
    assert (found.type, found.origin, found.supports_vision) == ("embedding", "as given", None)


def test_the_base_has_to_do_the_task() -> None:
    assert (
        build_unlisted("big-20300102", "reranker", Catalogue(TEXT).models(OPENAI)).origin
        == "as given"
    )


# ---- built once ----------------------------------------------------------------------------------

DAMAGED = """{
"clients": {
"openai": {
"gpt-9": {"type": "chat", "input_price": 0.10}
},
"claude": {
this is not JSON
}
}
}
"""
OPENAI = Client("openai", "openai", {})


def test_only_the_sections_that_are_asked_for_are_parsed() -> None:
    catalogue = Catalogue(DAMAGED)  # whose section of claude is damaged
    assert [model.name for model in catalogue.models(OPENAI)] == ["gpt-9"]
    assert catalogue.entries(Client("mine", "openai-compatible", {})) == {}


def test_models_are_made_once_for_a_client() -> None:
    catalogue = Catalogue(DAMAGED)
    assert catalogue.models(OPENAI) is catalogue.models(OPENAI)
    assert catalogue.entries(OPENAI) is catalogue.entries(OPENAI)


def test_a_changed_copy_of_a_client_has_the_models_of_its_own() -> None:
    catalogue = Catalogue(DAMAGED)
    first = catalogue.models(OPENAI)
    changed = replace(OPENAI, models=({"name": "own"},))
    assert [model.name for model in catalogue.models(changed)] == ["own"]
    assert catalogue.models(OPENAI) == first


def test_a_configuration_has_the_models_of_its_catalogue() -> None:
    plain = {"clients": [{"type": "openai", "api_key": "k"}]}
    config = build_config(plain, "config.yaml", {}, DAMAGED).unwrap()
    assert config.models(config.clients[0]) is config.catalogue.models(config.clients[0])
    assert config.catalogue.entries(config.clients[0]).keys() == {"gpt-9"}
