"""The catalogue of one configuration: each section parsed once, each client's models made once."""

from __future__ import annotations

from dataclasses import replace

from loki.config.catalogue import Catalogue
from loki.config.read import configure
from loki.records import Client

TEXT = """{
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
    catalogue = Catalogue(TEXT)  # whose section of claude is damaged
    assert [model.name for model in catalogue.models(OPENAI)] == ["gpt-9"]
    assert catalogue.entries(Client("mine", "openai-compatible", {})) == {}


def test_models_are_made_once_for_a_client() -> None:
    catalogue = Catalogue(TEXT)
    assert catalogue.models(OPENAI) is catalogue.models(OPENAI)
    assert catalogue.entries(OPENAI) is catalogue.entries(OPENAI)


def test_a_changed_copy_of_a_client_has_the_models_of_its_own() -> None:
    catalogue = Catalogue(TEXT)
    first = catalogue.models(OPENAI)
    changed = replace(OPENAI, models=({"name": "own"},))
    assert [model.name for model in catalogue.models(changed)] == ["own"]
    assert catalogue.models(OPENAI) == first


def test_a_configuration_has_the_models_of_its_catalogue() -> None:
    plain = {"clients": [{"type": "openai", "api_key": "k"}]}
    config = configure(plain, "config.yaml", {}, TEXT).unwrap()
    assert config.models(config.clients[0]) is config.catalogue.models(config.clients[0])
    assert config.catalogue.entries(config.clients[0]).keys() == {"gpt-9"}
