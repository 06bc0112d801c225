"""The original's list of models, in YAML: what of it goes into our catalogue."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from loki.config.catalogue_update import SyncedCatalogue
from loki.config.models_yaml import is_models_yaml, parse_models_yaml

OURS = SyncedCatalogue(
    "2030-01-01",
    {"hand": "1"},
    {
        "openai": {
            "known": {
                "type": "chat",
                "input_price": Decimal("2.5"),
                "output_price": 10,
                "cache_read_price": Decimal("1.25"),
                "variants": {"flex": Decimal("0.5")},
                "max_input_tokens": 99,
            }
        },
        "claude": {"other": {"type": "chat"}},
    },
)


def parsed(*lines: str, today: str = "2031-02-03") -> SyncedCatalogue:
    """Return our catalogue with a list of one provider's models added."""
    text = "- provider: openai\n  models:\n" + "".join(f"  {line}\n" for line in lines)
    return parse_models_yaml(text.encode(), OURS, today).unwrap()


def test_a_model_that_is_new_is_added_and_no_other_is_lost() -> None:
    found = parsed("- name: new", "  type: chat", "  input_price: 0.10", "  supports_vision: true")
    assert found.clients["openai"]["new"] == {
        "type": "chat",
        "input_price": Decimal("0.1"),
        "supports_vision": True,
    }
    assert found.clients["openai"]["known"] == OURS.clients["openai"]["known"]
    assert found.clients["claude"] == OURS.clients["claude"]
    assert (found.date, found.sources) == ("2031-02-03", OURS.sources)


def test_a_known_model_at_the_same_price_only_gets_what_it_lacks() -> None:
    found = parsed(
        *("- name: known", "  type: chat", "  input_price: 2.5", "  output_price: 10.0"),
        *("  cache_read_price: 0.0", "  max_input_tokens: 5", "  max_output_tokens: 7"),
    )
    entry = found.clients["openai"]["known"]
    assert entry == {**OURS.clients["openai"]["known"], "max_output_tokens": 7}


def test_a_known_model_at_another_price_has_the_prices_of_the_list_alone() -> None:
    found = parsed("- name: known", "  type: chat", "  input_price: 3", "  output_price: 10")
    entry = found.clients["openai"]["known"]
    assert entry == {"type": "chat", "input_price": 3, "output_price": 10, "max_input_tokens": 99}


def test_an_alias_and_what_is_empty_or_unknown_stay_away() -> None:
    found = parsed(
        *("- name: known-high", "  type: chat", "  real_name: known"),
        *("- name: new", "  type: chat", "  max_output_tokens: null", "  patch: {body: {a: 1}}"),
        *("  reasoning_levels:", "  - low"),
    )
    assert "known-high" not in found.clients["openai"]
    assert found.clients["openai"]["new"] == {"type": "chat", "reasoning_levels": ["low"]}


def test_the_date_never_goes_back() -> None:
    assert parsed("- {name: new, type: chat}", today="2029-01-01").date == "2030-01-01"


WRONG: list[tuple[str, str]] = [
    ("- provider: openai\n", "1:3: 'models' is missing"),
    ("- provider: openai\n  models: none\n", "2:11: expected a list, found 'none'"),
    ("- provider: openai\n  models:\n  - name: m\n", "openai:m has no type that is chat"),
    (
        "- provider: openai\n  models:\n  - {name: m, type: chat, input_price: -1}\n",
        "openai:m input_price is '-1'",
    ),
    ("- provider: a\n  models: [\n", "never ends"),
]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_a_list_that_is_wrong_is_refused_with_its_place(text: str, message: str) -> None:
    problem = parse_models_yaml(text.encode(), OURS, "2031-01-01").failure()
    assert problem.kind == "garbled" and problem.message.startswith("the list of models is wrong: ")
    assert message in problem.message


@pytest.mark.parametrize(
    ("data", "is_list"),
    [
        (b"- provider: a\n", True),
        (b"---\n# x\n\n# y\n- provider: a\n", True),
        (b'{"date": "2031-01-01"}', False),
        (b"<html>- provider: a", False),
        (b"- name: a\n", False),
        (b"", False),
    ],
)
def test_a_list_is_known_by_its_beginning(data: bytes, is_list: Any) -> None:
    assert is_models_yaml(data) == is_list
