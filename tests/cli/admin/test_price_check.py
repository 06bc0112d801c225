"""loki --check under a budget: it names each model that every call would be refused of."""

from __future__ import annotations

import pytest
from commands import Home

BUDGET = "budget:\n  per_day: 5\n"
OWN = "- type: openai-compatible\n  name: own\n  api_base: http://localhost:9\n"
HOW = (
    "give the model its input_price and output_price (US dollars, 0 where it is free)"
    " under `models` of client 'own', or set budget.allow_unpriced: true"
)

CHECKS: dict[str, tuple[str, list[str]]] = {
    "a model": (
        f"{BUDGET}clients:\n{OWN}  models:\n  - name: a\n    input_price: 1\n    output_price: 2\n"
        "  - name: b\n",
        [f"11:5: own:b has no known price, and a budget is set: {HOW}"],
    ),
    "half a price": (
        f"{BUDGET}clients:\n{OWN}  models:\n  - {{name: a, output_price: 1}}\n",
        [f"8:5: own:a has no known price, and a budget is set: {HOW}"],
    ),
    "the tier of a patch": (
        f"{BUDGET}clients:\n{OWN}  models:\n  - {{name: a, input_price: 1, output_price: 1}}\n"
        "  patch:\n    chat_completions:\n      .*: {body: {service_tier: priority}}\n",
        ["8:5: own:a has no known price at the service tier 'priority' that a patch asks for"],
    ),
    "a client without a list": (
        f"{BUDGET}clients:\n{OWN}",
        ["4:3: client 'own': no known price of its models, and a budget is set: list them"],
    ),
    "the default": (
        f"{BUDGET}model: openai:nobody-knows\nclients:\n- type: openai\n  api_key: k\n",
        ["1:1: openai:nobody-knows has no known price, and a budget is set: give the model"],
    ),
    "the default, listed": (
        f"{BUDGET}model: own:a\nclients:\n{OWN}  models:\n  - name: a\n",
        [f"9:5: own:a has no known price, and a budget is set: {HOW}"],
    ),
    "free models": (
        f"{BUDGET}clients:\n{OWN}  models:\n  - {{name: a, input_price: 0, output_price: 0}}\n"
        "  - {name: e, type: embedding, input_price: 0}\n"
        "  - {name: r, type: reranker, search_price: 0}\n",
        [],
    ),
    "the catalogue's": (f"{BUDGET}clients:\n- {{type: openai, api_key: k}}\n", []),
    "none that matters": (f"{BUDGET}  allow_unpriced: true\nclients:\n{OWN}", []),
    "no budget": (f"clients:\n{OWN}", []),
}


@pytest.mark.parametrize("name", CHECKS)
def test_a_model_without_a_price_is_named_under_a_budget(home: Home, name: str) -> None:
    text, expected = CHECKS[name]
    path = home.configure(text)
    done = home.call("--check", prog="loki")
    assert done.code == (78 if expected else 0), done.err
    lines = [line for line in done.err.splitlines() if not line.startswith("note: ")]
    for line, words in zip(lines, expected, strict=True):
        assert line.startswith(f"{path}:{words}")


def test_what_it_says_is_what_a_call_says(home: Home) -> None:
    home.configure(f"{BUDGET}clients:\n{OWN}  models:\n  - name: a\n")
    refused = home.call("-m", "own:a", "Hi")
    said = home.call("--check", prog="loki").err.partition(":8:5: ")[2]
    assert refused.code == 80 and said and said.strip() in refused.err
