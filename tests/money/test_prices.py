"""What a call costs: its counts, the prices that hold for it, and where they come from."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.result import Result, Success
from support import ROOT

from loki.config.build_config import build_config
from loki.config.catalogue import Catalogue, build_catalogued, parse_section
from loki.config.parse_config import parse_config
from loki.messages import Message
from loki.money.prices import cost, cost_upper_bound, find_price
from loki.price import Price
from loki.problems import Problem
from loki.records import Ask, Client, Model, Setting, Target, Task
from loki.stages import resolve
from loki.stages.check_max_cost import check_max_cost
from loki.usage import Usage

SHIPPED = (ROOT / "loki" / "data" / "models.json").read_text("utf-8")


def price(words: str, variants: Any = None) -> Price:
    """A price from ``kind=dollars`` words."""
    result: Any = {
        kind: Decimal(each) for kind, each in (word.split("=") for word in words.split())
    }
    return Price(**result, variants=variants or {})


def usage(words: str) -> Usage:
    """Usage from ``count=number`` words; a tier is a word."""
    pairs = (word.split("=") for word in words.split())
    result: Any = {name: int(each) if each.isdigit() else each for name, each in pairs}
    return Usage(**result)


CLAUDE = "input=3 output=15 cache_read=0.3 cache_write=3.75 cache_write_1h=6"
SOL = "input=2 output=10 cache_read=0.1 cache_write=2.5 cache_write_12h=5 search=0.01"
LONG = {">1000": {"input": 4, "output": 15, "cache_read": Decimal("0.2")}, "flex": Decimal("0.5")}
FLASH = "input=0.3 output=2.5 cache_read=0.03 audio_input=1 audio_cache_read=0.1 audio_output=12"

#: US dollars a million times what each call cost, as a sum; "" where nobody can know.
COSTS = [
    (CLAUDE, "input=1000 output=10", "1000*3 + 10*15"),
    (CLAUDE, "input=1000 cache_read=900 output=10", "100*3 + 900*0.3 + 10*15"),
    (CLAUDE, "input=1000 cache_write=900 output=10", "100*3 + 900*3.75 + 10*15"),
    (
        CLAUDE,
        "input=1000 cache_write=900 cache_write_1h=400 output=10",
        "100*3 + 500*3.75 + 400*6 + 10*15",
    ),
    (
        CLAUDE,
        "input=1000 cache_read=50 cache_write=900 cache_write_1h=900 output=0",
        "50*3 + 50*0.3 + 900*6",
    ),
    (
        SOL,
        "input=100 cache_write=80 cache_write_12h=30 output=1",
        "20*2 + 50*2.5 + 30*5 + 1*10",
    ),
    # thoughts are a part of the output, and nothing beside it
    (CLAUDE, "input=10 output=100 reasoning=90", "10*3 + 100*15"),
    # sound is dearer than words, from a cache too
    (FLASH, "input=100 audio_input=60 output=5", "40*0.3 + 60*1 + 5*2.5"),
    (
        FLASH,
        "input=100 cache_read=50 audio_input=60 audio_cache_read=30 output=9 audio_output=4",
        "20*0.3 + 20*0.03 + 30*1 + 30*0.1 + 5*2.5 + 4*12",
    ),
    # a search is paid apart
    (SOL, "input=10 output=1 searches=3", "10*2 + 1*10 + 3*10000"),
    (CLAUDE, "input=10 output=1 searches=3", ""),
    (CLAUDE, "input=10 output=1 searches=0", "10*3 + 1*15"),
    # every call of a model that always searches
    ("input=1 output=2 request=0.025", "input=10 output=1", "10*1 + 1*2 + 1*25000"),
    # what is billed goes before what was counted
    ("input=1 output=2", "input=500 output=30 billed_input=7 billed_output=5", "7*1 + 5*2"),
    ("input=1 output=2", "input=500 output=30 billed_input=7", "500*1 + 30*2"),
    # embedders have no output, rerankers bill searches or tokens
    ("input=0.02", "input=7 output=0", "7*0.02"),
    ("search=0.002", "searches=3", "3*2000"),
    ("search=0.002", "input=50 output=0 searches=1", "1*2000"),
    ("search=0.002", "input=50 output=0", ""),
    ("search=0.01", "input=50 output=5 searches=1", ""),
    ("input=0.05", "input=43 output=0", "43*0.05"),
    # free is a price, unknown is none
    ("input=0 output=0", "input=10 output=10", "0*1"),
    ("input=3", "input=10 output=10", ""),
    ("output=3", "input=10 output=10", ""),
    ("input=3", "input=10 output=0", "10*3"),
    ("", "input=10 output=10", ""),
    ("", "input=0 output=0", "0*1"),
    ("input=3 output=15", "input=10 cache_read=1 output=1", ""),
    ("input=3 output=15", "input=10 cache_write=1 output=1", ""),
    ("input=3 output=15 cache_write=4", "input=9 cache_write=1 cache_write_1h=1 output=1", ""),
    ("input=3 output=15", "input=10 audio_input=1 output=1", ""),
    # counts that are missing or contradict each other
    (CLAUDE, "input=10", ""),
    (CLAUDE, "output=10", ""),
    (CLAUDE, "", ""),
    (CLAUDE, "input=29 cache_read=157 output=6", ""),
    (CLAUDE, "input=29 cache_write=9 cache_write_1h=10 output=6", ""),
]


def worked_out(words: str) -> Decimal | None:
    """The sum of ``number*price`` terms, in US dollars."""
    terms = (term.split("*") for term in words.split("+")) if words else ()
    known = [int(number) * Decimal(each.strip()) for number, each in terms]
    return sum(known, Decimal(0)) / 1_000_000 if known else None


@pytest.mark.parametrize(("prices", "counts", "expected"), COSTS)
def test_each_part_costs_its_own_price(prices: str, counts: str, expected: str) -> None:
    assert cost(usage(counts), price(prices)) == worked_out(expected)


TIERS = [
    ("", 10, "2"),
    ("default", 1000, "2"),
    ("standard", 1001, "4"),
    ("AUTO", 10, "2"),
    ("on_demand", 10, "2"),
    ("ON_DEMAND", 10, "2"),
    ("flex", 10, "1"),
    ("flex", 1001, "2"),
    ("ON_DEMAND_FLEX", 1001, "2"),
    ("priority", 10, "7"),
    ("ON_DEMAND_PRIORITY", 10, "7"),
    ("priority", 1001, None),
    ("batch", 1001, "3"),
    ("batches", 10, "1.5"),
    ("scale", 10, None),
    ("PROVISIONED_THROUGHPUT", 10, None),
    ("batch-fast", 10, None),
]


@pytest.mark.parametrize(("tier", "size", "expected"), TIERS)
def test_prices_are_those_of_the_tier_and_the_size(
    tier: str, size: int, expected: str | None
) -> None:
    more = {"priority": {"input": 7}, "batch": {"input": 1.5}, "batch>1000": {"input": 3}}
    found = find_price(price("input=2 search=0.01", {**LONG, **more}), tier or None, size)
    assert (None if found is None else found.input) == (expected and Decimal(expected))
    assert found is None or found.search == Decimal("0.01")


def test_of_several_steps_the_highest_below_the_size_holds() -> None:
    steps = price("input=1", {">32000": {"input": 2}, ">128000": {"input": 3}})
    sizes = (32_000, 32_001, 128_000, 128_001, 9_999_999)
    found = [find_price(steps, None, size) for size in sizes]
    assert [each and each.input for each in found] == [1, 2, 2, 3, 3]


def test_all_of_a_long_prompt_costs_more_its_cached_part_too() -> None:
    counted = usage("input=2000 cache_read=500 output=10 tier=flex")
    expected = worked_out("1500*2 + 500*0.1 + 10*7.5")
    assert cost(counted, price("input=2 output=10 cache_read=0.1", LONG)) == expected


def test_a_price_that_was_set_goes_before_the_answer_and_that_before_the_catalogue() -> None:
    counted = Usage(input=10, output=1, told_cost=Decimal("0.5"))
    known = price("input=3 output=15")
    assert cost(replace(counted, told_cost=None), known) == worked_out("10*3 + 1*15")
    assert cost(counted, known) == Decimal("0.5")
    assert cost(counted, replace(known, is_configured=True)) == worked_out("10*3 + 1*15")
    assert cost(counted, replace(price("input=3"), is_configured=True)) == Decimal("0.5")
    assert cost(Usage(told_cost=Decimal("0.5")), known) == Decimal("0.5")


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.decimals(0, 1000, places=6))
def test_sums_are_exact(fresh: int, output: int, each: Decimal) -> None:
    found = cost(Usage(input=fresh, output=output), Price(input=each, output=each))
    assert found is not None and found * 1_000_000 == (fresh + output) * each


def test_a_cost_is_a_decimal_and_never_a_float() -> None:
    assert isinstance(cost(usage("input=1 output=1"), price("input=0.1 output=0.2", LONG)), Decimal)


# ---- the worst case ----------------------------------------------------------------------------

WORST = [
    ("input=3 output=15", "1000*3 + 10*15"),
    (CLAUDE, "1000*3.75 + 10*15"),
    (FLASH, "1000*1 + 10*12"),
    ("input=0 output=0", "0*1"),
    ("output=15", ""),
]


@pytest.mark.parametrize(("prices", "expected"), WORST)
def test_the_worst_case_takes_the_dearest_that_may_hold(prices: str, expected: str) -> None:
    assert cost_upper_bound(usage("input=1000 output=10"), price(prices)) == worked_out(expected)


def test_the_worst_case_of_a_long_prompt_is_that_of_long_prompts() -> None:
    known_price = price("input=2 output=10 cache_write=2.5", {">1000": {"input": 4, "output": 15}})
    assert cost_upper_bound(usage("input=1001 output=10"), known_price) == worked_out(
        "1001*4 + 10*15"
    )


SETTINGS: dict[str, Any] = {
    "plain": {},
    "priority": {"patch": {"chat_completions": [[".*", {"body": {"service_tier": "priority"}}]]}},
    "flex": {"patch": {"chat_completions": [[".*", {"body": {"service_tier": "flex"}}]]}},
    "unheard of": {"patch": {"chat_completions": [[".*", {"body": {"service_tier": "gold"}}]]}},
}
#: A client's settings, what is asked, and the worst case; "and " is a token.
ASKED: list[tuple[str, Task, Ask, str]] = [
    ("plain", "chat", Ask(model="openai:m", max_tokens=10), "100*2.5 + 10*10"),
    ("flex", "chat", Ask(model="openai:m", max_tokens=10), "112*2.5 + 10*10"),  # or it is not had
    ("priority", "chat", Ask(model="openai:m", max_tokens=10), "113*5 + 10*20"),  # the patch too
    ("unheard of", "chat", Ask(model="openai:m", max_tokens=10), ""),
    ("plain", "embedding", Ask(model="openai:e", texts=("and " * 30, "and " * 70)), "100*0.02"),
    ("plain", "reranker", Ask(model="cohere:r", query="abcd", texts=("abcd",) * 100), "1*2000"),
    ("plain", "reranker", Ask(model="cohere:r", query="abcd", texts=("abcd",) * 101), "2*2000"),
    ("plain", "reranker", Ask(model="cohere:r", query="a", texts=("and " * 500,) * 60), "2*2000"),
    ("plain", "reranker", Ask(model="cohere:t", query="abcd", texts=("and " * 9,) * 5), "50*0.05"),
]


@pytest.mark.parametrize(("client", "task", "ask", "expected"), ASKED)
def test_what_could_cost_too_much_is_not_sent(
    client: str, task: Task, ask: Ask, expected: str
) -> None:
    clients = [{"type": "openai", **SETTINGS[client]}, {"type": "cohere"}]
    found = build_config({"clients": clients}, "c.yaml", {}, CATALOGUE).unwrap()
    whole = replace(ask, messages=(Message("user", "and " * 100),)) if task == "chat" else ask
    worst = worked_out(expected)

    def checked(ask: Ask) -> Result[Target, Problem]:
        return resolve(found, task)(ask).bind(check_max_cost())

    if worst is None:
        refused = checked(replace(whole, max_cost=Decimal(9))).failure()
        assert "nobody knows" in refused.message
        return
    assert isinstance(checked(replace(whole, max_cost=worst)), Success)
    refused = checked(replace(whole, max_cost=worst - Decimal("1e-9"))).failure()
    assert refused.kind == "budget" and f"${worst.normalize():f}" in refused.message


# ---- where prices come from --------------------------------------------------------------------

CATALOGUE = """{
"date": "2026-11-22",
"clients": {
"openai": {
"m": {"type": "chat", "input_price": 2, "output_price": 10, "cache_read_price": 0.2, \
"cache_write_price": 2.5, "search_price": 0.01, \
"variants": {">1000": {"input": 4, "output": 15, "cache_read": 0.4}, "flex": 0.5, "priority": 2}},
"e": {"type": "embedding", "input_price": 0.02},
"free": {"type": "chat", "input_price": 0, "output_price": 0},
"r": {"type": "reranker", "search_price": 0.002}
},
"cohere": {
"r": {"type": "reranker", "search_price": 0.002},
"t": {"type": "reranker", "input_price": 0.05}
},
"claude": {
"claude-x": {"type": "chat", "input_price": 3, "output_price": 15, "cache_read_price": 0.3}
}
}
}
"""


def configured(model: str, kind: str = "openai", name: str = "", base: str = "") -> Price:
    """The price of the first model of a client."""
    settings = f"name: {name}\n    " if name else ""
    known = {"api_base": Setting(base)} if base else {}
    text = f"clients:\n  - type: {kind}\n    {settings}models:\n      - {model}\n"
    plain = parse_config(text, "c.yaml").unwrap()["clients"][0]
    client = Client(name or kind, kind, known, tuple(plain["models"]))
    return Catalogue(CATALOGUE).models(client)[0].price


def test_without_prices_of_their_own_models_have_the_catalogue_s() -> None:
    found = configured("{name: mine, real_name: m}")
    assert (
        found
        == configured("{name: m}")
        == build_catalogued(parse_section(CATALOGUE, "openai"), "openai")[0].price
    )
    assert found == price("input=2 output=10 cache_read=0.2 cache_write=2.5 search=0.01")


OVER = [
    # the catalogue's prices written out by hand change nothing
    ("input_price: 2, output_price: 10", "input=2 output=10 cache_read=0.2 cache_write=2.5"),
    # a discount holds for what has no price of its own
    ("input_price: 1, output_price: 10", "input=1 output=10 cache_read=0.1 cache_write=1.25"),
    ("output_price: 5", "input=2 output=5 cache_read=0.2 cache_write=2.5"),
    ("input_price: 1, cache_read_price: 0.3", "input=1 output=10 cache_read=0.3 cache_write=1.25"),
    ("cache_write_price: 0", "input=2 output=10 cache_read=0.2 cache_write=0"),
    ("input_price: 0, output_price: 0", "input=0 output=0 cache_read=0 cache_write=0"),
]


@pytest.mark.parametrize(("settings", "expected"), OVER)
def test_configured_prices_go_before_and_the_rest_keeps_its_proportion(
    settings: str, expected: str
) -> None:
    assert configured(f"{{name: m, {settings}}}") == price(f"{expected} search=0.01")


def test_a_discount_holds_for_long_prompts_and_other_tiers() -> None:
    half = configured("{name: m, input_price: 1, output_price: 5, cache_read_price: 0.05}")
    counted = usage("input=2000 cache_read=1000 output=10 tier=flex")
    assert cost(counted, half) == worked_out("1000*1 + 1000*0.05 + 10*3.75")


def test_search_prices_are_kept_as_they_are_and_can_be_set() -> None:
    assert configured("{name: m, input_price: 1}").search == Decimal("0.01")
    ranker = configured("{name: r, type: reranker, search_price: 0.001}")
    assert cost(Usage(searches=2), ranker) == Decimal("0.002")


OWN = [("openai-compatible", "mine", ""), ("openai", "", "http://a.example"), ("claude", "", "x")]


@pytest.mark.parametrize(("kind", "name", "base"), OWN)
def test_a_server_of_one_s_own_has_one_price_for_input_and_one_for_output(
    kind: str, name: str, base: str
) -> None:
    mine = configured("{name: o, input_price: 1, output_price: 2}", kind, name, base)
    counted = usage("input=100 cache_read=50 audio_input=20 output=10 audio_output=5 tier=turbo")
    assert cost(counted, mine) == worked_out("100*1 + 10*2")


def test_a_gateway_before_a_known_model_has_that_model_s_discounts() -> None:
    found = configured("{name: m, input_price: 1, output_price: 5}", base="http://a.example")
    assert cost(usage("input=10 cache_read=10 output=0"), found) == worked_out("10*0.1")


def test_what_is_free_is_free_from_a_cache_too() -> None:
    counted = usage("input=100 cache_read=50 output=10")
    assert cost(counted, configured("{name: free}")) == 0
    assert cost(counted, configured("{name: new, input_price: 0, output_price: 0}")) == 0


def test_a_new_model_of_a_provider_that_discounts_has_an_unknown_price_for_its_cache() -> None:
    new = configured("{name: new, input_price: 1, output_price: 2}")
    assert cost(usage("input=10 output=1 tier=flex"), new) == worked_out("10*1 + 1*2")
    assert cost(usage("input=10 cache_read=1 output=1"), new) is None


def test_anthropic_s_multiples_for_writing_hold_for_models_to_come() -> None:
    new = configured("{name: claude-next, input_price: 10, output_price: 50}", "claude")
    assert new == price("input=10 output=50 cache_write=12.5 cache_write_1h=20")
    known = configured("{name: claude-x}", "claude")
    assert known == price(CLAUDE)


PLACES = [
    ("global", 1, 1),
    ("", 1, 1),
    ("europe-west1", Decimal("1.1"), 1),
    ("us", Decimal("1.1"), 1),
]


@pytest.mark.parametrize(("place", "factor", "own"), PLACES)
def test_vertex_models_away_from_the_global_endpoint_cost_a_tenth_more(
    place: str, factor: Decimal, own: int
) -> None:
    settings = {"location": Setting(place)} if place else {}
    client = Client("vertexai", "vertexai", settings)
    counted = usage("input=1000 cache_read=500 output=10")
    expected = worked_out("500*1.5 + 500*0.15 + 10*9")
    found = {each.name: each.price for each in Catalogue(SHIPPED).models(client)}[
        "gemini-3.5-flash"
    ]
    assert expected is not None and cost(counted, found) == expected * factor
    listed = ({"name": "gemini-3.5-flash"}, {"name": "gemini-3.5-flash", "input_price": own})
    here, mine = Catalogue(SHIPPED).models(Client("vertexai", "vertexai", settings, listed))
    assert cost(counted, here.price) == expected * factor
    assert mine.price.input == own


# ---- the shipped catalogue ---------------------------------------------------------------------

PUBLIC = [
    # OpenAI: a long prompt costs twice the input and one and a half times the output
    ("openai:gpt-6.1-sol", "input=272000 output=100", "272000*2 + 100*10"),
    ("openai:gpt-6.1-sol", "input=272001 output=100", "272001*4 + 100*15"),
    ("openai:gpt-6.1-sol", "input=1000 output=100 tier=flex", "1000*1 + 100*5"),
    ("openai:gpt-6.1-sol", "input=1000 output=100 tier=priority", "1000*4 + 100*20"),
    ("openai:gpt-6.1-sol", "input=9 cache_write=9 cache_write_12h=4 output=0", "5*2.5 + 4*5"),
    ("openai:gpt-5-pro", "input=9 cache_read=5 output=0", "9*15"),
    ("openai:gpt-4o-mini-search-preview", "input=0 output=0", "1*25000"),
    # Anthropic: half in a batch, a tenth more in the United States
    ("claude:claude-opus-5-5", "input=100 output=10 tier=fast", "100*8 + 10*40"),
    ("claude:claude-opus-5-5", "input=100 output=10 tier=us", "100*4.4 + 10*22"),
    ("claude:claude-opus-5-5", "input=100 cache_read=50 output=0 tier=batch", "50*2 + 50*0.1"),
    # in a batch Google takes half for what is fresh, OpenAI's lists have no cached input
    (
        "gemini:gemini-3.5-flash",
        "input=9 cache_read=4 output=1 tier=batch",
        "5*0.75 + 4*0.15 + 1*4.5",
    ),
    ("openai:gpt-4.1", "input=9 cache_read=4 output=1 tier=batch", "9*1 + 1*4"),
    ("gemini:gemini-2.5-flash", "input=9 output=1 tier=SERVICE_TIER_STANDARD", "9*0.3 + 1*2.5"),
    ("mistral:mistral-large-4", "input=9 output=1", "9*0.7 + 1*2.1"),
    ("claude:claude-opus-5-5", "input=100 output=10 searches=2", "100*4 + 10*20 + 2*10000"),
    ("claude:claude-opus-5-5", "input=9 cache_write=9 cache_write_1h=9 output=0", "9*8"),
    ("claude:claude-haiku-5-5", "input=100001 output=1", "100001*0.5 + 1*2.5"),
    ("claude:claude-opus-5-5", "input=100 output=10 tier=priority", ""),
    # Gemini: sound is dearer, searches have a free allowance that nobody here can count
    ("gemini:gemini-2.5-flash", "input=100 audio_input=60 output=1", "40*0.3 + 60*1 + 1*2.5"),
    ("gemini:gemini-2.5-pro", "input=200001 output=1", "200001*2.5 + 1*15"),
    ("gemini:gemini-2.5-pro", "input=100 audio_input=60 output=1", "100*1.25 + 1*10"),
    ("gemini:gemini-2.5-flash", "input=9 output=1 searches=1", ""),
    ("vertexai:gemini-3.5-flash", "input=9 output=1 tier=ON_DEMAND_PRIORITY", "9*2.7 + 1*16.2"),
    ("vertexai:gemini-3.5-flash", "input=9 output=1 tier=PROVISIONED_THROUGHPUT", ""),
    ("bedrock:us.amazon.nova-2-lite-v1:0", "input=9 output=1 tier=flex", "9*0.165 + 1*1.375"),
    ("bedrock:us.amazon.nova-2-lite-v1:0", "input=9 output=1 tier=reserved", ""),
    ("qianwen:qwen3-max", "input=32001 output=1", "32001*2.4 + 1*12"),
    ("xai:grok-4.3", "input=200001 output=1", "200001*2.5 + 1*5"),
    ("cohere:rerank-v3.5", "searches=2 output=0", "2*2000"),
    ("openai:text-embedding-3-small", "input=7 output=0", "7*0.02"),
    ("voyageai:rerank-2-lite", "input=43 output=0", "43*0.02"),
]


@cache
def catalogued(name: str) -> tuple[Model, ...]:
    return build_catalogued(parse_section(SHIPPED, name), name)


@pytest.mark.parametrize(("model", "counts", "expected"), PUBLIC)
def test_the_shipped_prices_come_to_the_public_ones(model: str, counts: str, expected: str) -> None:
    client, _, name = model.partition(":")
    found = {each.name: each.price for each in catalogued(client)}[name]
    assert cost(usage(counts), found) == worked_out(expected)


def test_nearly_every_chat_model_has_both_prices() -> None:
    entries = [e for c in json.loads(SHIPPED)["clients"].values() for e in c.values()]
    chats = [each for each in entries if each["type"] == "chat"]
    priced = [each for each in chats if "input_price" in each and "output_price" in each]
    assert len(priced) > 0.98 * len(chats)
