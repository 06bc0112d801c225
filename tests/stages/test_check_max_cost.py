"""--max-cost: what a call can cost at most, patches included, against what it may."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from returns.result import Result, Success

from loki.config.build_config import build_config
from loki.config.parse_config import find_complaints
from loki.messages import Media, Message, Text, Tool
from loki.problems import Problem
from loki.records import Ask, Config, Patch, Target
from loki.stages import resolve
from loki.stages.check_max_cost import check_max_cost

CONFIGS = Path(__file__).parent.parent / "config" / "files"
HI = (Message("user", "Hi"),)


def config() -> Config:
    """Return the configuration on disk that has models with prices and without."""
    plain, complaints = find_complaints((CONFIGS / "resolve.yaml").read_text())
    assert complaints == ()
    catalogue = (CONFIGS / "catalogue.json").read_text()
    return build_config(plain, "c.yaml", {}, catalogue).unwrap()


def checked(config: Config, ask: Ask, *patches: Patch) -> Result[Target, Problem]:
    """Return the target of an ask, if it cannot cost more than it may."""
    return resolve(config)(ask).bind(check_max_cost(patches))


#: "Hi" is one token in, $3 a million; out it is $15 a million.
@pytest.mark.parametrize(
    ("name", "most", "allowed", "message"),
    [
        ("tuned:priced", None, "0.015003", ""),
        ("tuned:priced", 10, "0.000153", ""),
        ("tuned:free", None, "0", ""),
        ("tuned:endless", 10, "1", ""),
        (
            "tuned:priced",
            None,
            "0.015002",
            "tuned:priced could cost $0.015003, over --max-cost $0.015002"
            " (about 1 token in, at most 1,000 out)",
        ),
        (
            "tuned:priced",
            100_000,
            "1.00",
            "tuned:priced could cost $1.500003, over --max-cost $1.00"
            " (about 1 token in, at most 100,000 out)",
        ),
        (
            "tuned:unpriced",
            None,
            "1",
            "--max-cost: nobody knows tuned:unpriced's worst case, for want of its price"
            " (set input_price and output_price)",
        ),
        (
            "tuned:endless",
            None,
            "1",
            "--max-cost: nobody knows tuned:endless's worst case, for want of"
            " its longest answer: give --max-tokens",
        ),
        (
            "tuned:plain",
            None,
            "1",
            "--max-cost: nobody knows tuned:plain's worst case, for want of its price"
            " (set input_price and output_price) and"
            " its longest answer: give --max-tokens",
        ),
    ],
)
def test_what_could_cost_too_much_is_not_sent(
    name: str, most: int | None, allowed: str, message: str
) -> None:
    ask = Ask(HI, model=name, max_tokens=most, max_cost=Decimal(allowed))
    result = checked(config(), ask)
    if not message:
        assert result.unwrap().name == name
        return
    assert (result.failure().kind, result.failure().message) == ("budget", message)


LARGE = "x" * 400_000


@pytest.mark.parametrize(
    "more",
    [
        {"messages": (Message("user", LARGE),)},
        {"tools": (Tool("f", LARGE, {}),)},
        {"schema": {"description": LARGE}},
        {"messages": (Message("user", (Text("Hi"), Media("image/png", LARGE.encode()))),)},
    ],
)
def test_everything_that_is_sent_counts_for_the_worst_case(more: dict[str, Any]) -> None:
    models = [{"name": "m", "input_price": 3, "output_price": 15, "max_output_tokens": 10}]
    abilities = {"supports_vision": True, "supports_function_calling": True}
    plain = {"clients": [{"type": "openai", "models": [{**models[0], **abilities}]}]}
    ask = replace(Ask(HI, max_cost=Decimal("0.001")), **more)
    assert checked(build_config(plain, "c.yaml", {}).unwrap(), ask).failure().kind == "budget"


def test_the_prefix_counts_for_the_worst_case() -> None:
    model = {"name": "m", "input_price": 3, "output_price": 15, "max_output_tokens": 10}
    plain = {"clients": [{"type": "openai", "models": [{**model, "system_prompt_prefix": LARGE}]}]}
    ask = Ask(HI, max_cost=Decimal("0.001"))
    assert checked(build_config(plain, "c.yaml", {}).unwrap(), ask).failure().kind == "budget"


#: A change to a request whose longest answer is 1,000 tokens, and its worst case then: $15 a
#: million out, $3 in, of "Hi" and of the change itself.
CHANGES: list[tuple[dict[str, Any], str]] = [
    ({"temperature": 0}, "0.015033"),
    ({"max_tokens": 100}, "0.001542"),
    ({"max_tokens": 2000}, "0.030045"),
    ({"max_completion_tokens": 2000}, "0.030054"),
    ({"n": 3}, "0.045027"),
    ({"n": "3"}, "0.04503"),
    ({"n": 3.0}, "0.045033"),
    ({"n": 2, "best_of": 3}, "0.045051"),
    ({"n": None}, "0.015024"),
    ({"max_tokens": "2000"}, "0.030048"),
    ({"max_tokens": 2e3}, "0.030051"),
    ({"max_tokens": -1}, "0.015036"),
    ({"enable_search": False, "plugins": []}, "0.01506"),
    ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "0.015105"),
    ({"messages": [{"role": "user", "content": "and " * 1000}]}, "0.018084"),
]


@pytest.mark.parametrize(("change", "worst"), CHANGES)
def test_the_worst_case_is_of_what_patches_ask_for(change: dict[str, Any], worst: str) -> None:
    ask = Ask(HI, model="tuned:priced", max_cost=Decimal(worst))
    assert isinstance(checked(config(), ask, Patch(body=change)), Success)
    less = replace(ask, max_cost=Decimal(worst) - Decimal("0.000001"))
    assert checked(config(), less, Patch(body=change)).failure().kind == "budget"


SEARCH = (
    "--max-cost: nobody knows tuned:priced's worst case: what a search or another tool of the"
    " provider's finds is billed too, so ask without it"
)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"web_search_options": {}}, SEARCH),
        ({"enable_search": True}, SEARCH),
        ({"plugins": [{"id": "web"}]}, SEARCH),
        ({"search_parameters": {"mode": "on"}}, SEARCH),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, SEARCH),
        ({"tools": [{"functionDeclarations": [], "googleSearch": {}}]}, SEARCH),
        ({"toolConfig": {"tools": [{"systemTool": {"name": "nova_grounding"}}]}}, SEARCH),
        ({"n": "many"}, "for want of how many answers a patch asks for"),
        ({"n": [3]}, "for want of how many answers a patch asks for"),
        ({"max_tokens": "long"}, "for want of its longest answer: give --max-tokens"),
    ],
)
def test_what_nobody_can_count_is_refused(change: dict[str, Any], message: str) -> None:
    ask = Ask(HI, model="tuned:priced", max_cost=Decimal(100))
    problem = checked(config(), ask, Patch(body=change)).failure()
    assert problem.kind == "budget" and problem.message.endswith(message)


def test_a_search_is_named_as_what_nobody_can_count() -> None:
    ask = Ask(HI, model="tuned:priced", max_cost=Decimal(100), search=True)
    assert checked(config(), ask).failure().message == SEARCH


def test_a_patch_that_takes_the_limit_away_leaves_that_of_the_model() -> None:
    ask = Ask(HI, model="tuned:priced", max_tokens=10, max_cost=Decimal("0.001"))
    assert isinstance(checked(config(), ask), Success)
    assert checked(config(), ask, Patch(body={"max_tokens": None})).failure().kind == "budget"


def test_of_two_patches_the_later_counts() -> None:
    ask = Ask(HI, model="tuned:priced", max_cost=Decimal("0.02"))
    longer, shorter = Patch(body={"max_tokens": 5000}), Patch(body={"max_tokens": 10})
    assert isinstance(checked(config(), ask, longer, shorter), Success)
    assert checked(config(), ask, shorter, longer).failure().kind == "budget"
