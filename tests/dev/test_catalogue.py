"""The built-in catalogue: how it is made, and what the shipped file promises its reader."""

import importlib.util
import json
import re
import sys
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from loki.config.catalogue_update import are_levels, are_variants

ROOT = Path(__file__).parents[2]
SHIPPED = (ROOT / "loki" / "data" / "models.json").read_text("utf-8")
TODAY = "2026-11-22"


def load(path: Path) -> ModuleType:
    """A script as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


sys.path.insert(0, str(ROOT / "scripts" / "dev"))  # where its tables are
cat = load(ROOT / "scripts" / "dev" / "catalogue.py")


def raw(text: str) -> Any:
    """A litellm record as the script reads it; a chat model unless the text says otherwise."""
    return {"mode": "chat", **json.loads(text, parse_float=Decimal)}


def genai(models: str) -> Any:
    """The models of one genai-prices provider, from the text of its data module."""
    return cat.read_genai(f"providers: list = [Provider(id='p', models=[{models}])]")["p"]


def sliced(client: str, text: str = SHIPPED) -> Any:
    """One client's section as a reader cuts it out of the text, by lines alone."""
    lines = text.splitlines()
    start = lines.index(f'"{client}": {{')
    end = next(i for i in range(start, len(lines)) if lines[i] in ("}", "},"))
    return json.loads("{" + "\n".join(lines[start + 1 : end]) + "}")


# --- from the sources' records to ours

PER_MILLION = [
    ("2.5e-07", "0.25"),
    ("1.5e-05", "15"),
    ("0.00001", "10"),
    ("0.0001", "100"),
    ("1.4e-06", "1.4"),
    ("4e-09", "0.004"),
    ("3.75e-08", "0.0375"),
    ("4.0000000000000003e-07", "0.4"),
    ("9.499999999999999e-07", "0.95"),
    ("1.5625e-05", "15.625"),
    ("0.0", "0"),
    ("0", "0"),
]


@pytest.mark.parametrize(("source", "written"), PER_MILLION)
def test_prices_become_exact_decimals_a_million_tokens(source: str, written: str) -> None:
    found = cat.entry(raw(f'{{"input_cost_per_token": {source}}}'))
    assert cat.line(found) == f'{{"type": "chat", "input_price": {written}}}'


ENTRIES = [
    ('{"mode": "chat"}', {"type": "chat"}),
    ('{"mode": "responses"}', {"type": "chat", "endpoint": "responses"}),
    (
        '{"supported_endpoints": ["/v1/batch", "/v1/responses"]}',
        {"type": "chat", "endpoint": "responses"},
    ),
    ('{"supported_endpoints": ["/v1/chat/completions", "/v1/responses"]}', {"type": "chat"}),
    (
        """{"mode": "embedding", "output_vector_size": 1536.0, "max_input_tokens": 8191,
            "max_output_tokens": 9, "input_cost_per_token": 2e-8, "output_cost_per_token": 0.0}""",
        {
            "type": "embedding",
            "max_input_tokens": 8191,
            "dimensions": 1536,
            "max_tokens_per_chunk": 8191,
            "input_price": Decimal("0.02"),
        },
    ),
    (
        '{"mode": "rerank", "input_cost_per_query": 0.002, "input_cost_per_token": 0.0}',
        {"type": "reranker", "search_price": Decimal("0.002")},
    ),
    (
        '{"mode": "rerank", "input_cost_per_token": 5e-08, "output_cost_per_token": 0.0}',
        {"type": "reranker", "input_price": Decimal("0.05")},
    ),
    (
        """{"cache_read_input_token_cost": 1e-7, "cache_creation_input_token_cost": 2.5e-6,
            "cache_creation_input_token_cost_above_1hr": 4e-6}""",
        {
            "type": "chat",
            "cache_read_price": Decimal("0.1"),
            "cache_write_price": Decimal("2.5"),
            "cache_write_1h_price": Decimal(4),
        },
    ),
    # zero: free both ways is a price; a free cache, or free input beside paid output, is a blank
    (
        '{"input_cost_per_token": 0, "output_cost_per_token": 0.0}',
        {"type": "chat", "input_price": Decimal(0), "output_price": Decimal(0)},
    ),
    (
        '{"input_cost_per_token": 0.0, "output_cost_per_token": 1e-6}',
        {"type": "chat", "output_price": Decimal(1)},
    ),
    ('{"cache_creation_input_token_cost": 0.0}', {"type": "chat"}),
    # where output has two prices by the way of thinking, nobody can tell
    (
        '{"output_cost_per_token": 1e-6, "output_cost_per_reasoning_token": 4e-6}',
        {"type": "chat"},
    ),
    (
        '{"output_cost_per_token": 1e-6, "output_cost_per_reasoning_token": 1e-6}',
        {"type": "chat", "output_price": Decimal(1)},
    ),
    # other tiers and long prompts: a factor where all change alike, else the prices
    (
        """{"tiered_pricing": [{"input_cost_per_token": 5e-8, "range": [0, 32000.0]},
            {"input_cost_per_token": 9e-8, "range": [32000.0, 128000.0]}]}""",
        {
            "type": "chat",
            "input_price": Decimal("0.05"),
            "variants": {">32000": {"input": Decimal("0.09")}},
        },
    ),
    (
        """{"input_cost_per_token": 2e-6, "output_cost_per_token": 1e-5,
            "input_cost_per_token_flex": 1e-6, "output_cost_per_token_flex": 5e-6,
            "input_cost_per_token_batches": 1e-6, "output_cost_per_token_batches": 6e-6,
            "input_cost_per_token_priority": 4e-6}""",
        {
            "type": "chat",
            "input_price": Decimal(2),
            "output_price": Decimal(10),
            "variants": {
                "batch": {"input": Decimal(1), "output": Decimal(6)},
                "flex": Decimal("0.5"),
                "priority": {"input": Decimal(4)},
            },
        },
    ),
    (
        """{"input_cost_per_token": 2e-6, "input_cost_per_token_above_272k_tokens": 4e-6,
            "input_cost_per_token_flex": 1e-6, "input_cost_per_token_above_272k_tokens_flex": 2e-6,
            "input_cost_per_token_batches": 1e-6}""",
        {
            "type": "chat",
            "input_price": Decimal(2),
            "variants": {
                ">272000": {"input": Decimal(4)},
                "batch": {"input": Decimal(1)},  # nobody says how much for long prompts
                "flex": Decimal("0.5"),
            },
        },
    ),
    (
        """{"cache_creation_input_token_cost_above_12hr": 5e-6, "input_cost_per_token": 2e-6,
            "cache_creation_input_token_cost_above_1hr_above_200k_tokens": 8e-6}""",
        {
            "type": "chat",
            "input_price": Decimal(2),
            "cache_write_12h_price": Decimal(5),
            "variants": {">200000": {"cache_write_1h": Decimal(8)}},
        },
    ),
    (
        '{"input_cost_per_token": 1e-6, "provider_specific_entry": {"us": 1.1, "other": 2}}',
        {"type": "chat", "input_price": Decimal(1), "variants": {"us": Decimal("1.1")}},
    ),
    (
        """{"input_cost_per_audio_token": 1e-6, "output_cost_per_audio_token": 2e-6,
            "cache_read_input_audio_token_cost": 1e-7}""",
        {
            "type": "chat",
            "audio_input_price": Decimal(1),
            "audio_cache_read_price": Decimal("0.1"),
            "audio_output_price": Decimal(2),
        },
    ),
    (
        """{"supports_vision": true, "supports_pdf_input": true, "supports_audio_input": true,
            "supports_response_schema": true, "supports_reasoning": false}""",
        {
            "type": "chat",
            "supports_vision": True,
            "supports_pdf": True,
            "supports_audio": True,
            "supports_schema": True,
        },
    ),
    ('{"supports_sampling_params": false}', {"type": "chat", "supports_sampling_params": False}),
    ('{"supports_sampling_params": true}', {"type": "chat"}),
    (
        """{"supports_reasoning": true, "supports_xhigh_reasoning_effort": true,
            "supports_none_reasoning_effort": false}""",
        {
            "type": "chat",
            "supports_reasoning": True,
            "reasoning_levels": ["low", "medium", "high", "xhigh"],
        },
    ),
    (
        '{"supports_reasoning": true, "reasoning_effort_levels": ["high", "none"]}',
        {"type": "chat", "supports_reasoning": True, "reasoning_levels": ["none", "high"]},
    ),
    ('{"supports_minimal_reasoning_effort": true}', {"type": "chat"}),
]


@pytest.mark.parametrize(("record", "expected"), ENTRIES)
def test_records_are_read_without_what_is_unknown(record: str, expected: Any) -> None:
    assert cat.entry(raw(record)) == expected


#: A model of a client, its usual and its batch's cached tokens -> those of its batch.
CACHED = [
    ("openai", "m", None, 0.5),
    ("openai", "m", 0.3, 0.3),
    ("gemini", "m", None, 0.2),
    ("gemini", "m", 0.1, 0.2),
    ("vertexai", "claude-m", None, 0.1),
    ("mistral", "m", None, None),
]


@pytest.mark.parametrize(("client", "model", "listed", "expected"), CACHED)
def test_cached_tokens_of_a_batch_cost_what_the_provider_bills(
    client: str, model: str, listed: float | None, expected: float | None
) -> None:
    result = {"input": 0.5, **({} if listed is None else {"cache_read": listed})}
    table = {("", 0): {"input": 1, "cache_read": 0.2}, ("batch", 0): result}
    exact = json.loads(json.dumps([*table.values()]), parse_float=Decimal, parse_int=Decimal)
    found = cat.cached(dict(zip(table, exact, strict=True)), cat.CLIENTS[client], model)
    cached = found["batch", 0].get("cache_read")
    assert cached == (None if expected is None else Decimal(str(expected)))
    assert found["", 0] == exact[0]


WANTED = [
    ("gpt-5-mini", "", True),
    ("gpt-5-mini", '"deprecation_date": "2026-11-22"', True),
    ("gpt-5-mini", '"deprecation_date": "2026-11-21"', False),
    ("deep", '"mode": "responses"', True),
    ("embed", '"mode": "embedding"', True),
    ("amazon.titan-embed-image-v1", '"mode": "embedding"', True),
    ("rerank-v3.5", '"mode": "rerank"', True),
    ("old", '"mode": "completion"', False),
    ("paint", '"mode": "image_generation"', False),
    ("sample_spec", '"mode": "one of: chat, embedding"', False),
    ("ft:gpt-4o", "", False),
    ("gpt-audio-mini", "", False),
    ("gpt-4o-realtime-preview", "", False),
    ("gemini-2.5-pro-preview-tts", "", False),
    ("gemini-2.5-flash-image", "", False),
    ("gpt-4-turbo-vision-preview", "", True),
    ("olive-2", "", True),
    ("lyre", '"supported_output_modalities": ["audio"]', False),
    ("gpt-5.1", '"supported_output_modalities": ["text", "image"]', True),
    ("film", '"supported_endpoints": ["/v1beta/interactions"]', False),
    ("both", '"supported_endpoints": ["/v1/batch", "/v1/responses"]', True),
    ("container", '"max_input_tokens": null, "supports_vision": true', False),
]


@pytest.mark.parametrize(("model", "more", "kept"), WANTED)
def test_only_models_in_service_that_loki_can_use_are_kept(
    model: str, more: str, kept: bool
) -> None:
    record = {**raw('{"max_input_tokens": 9}'), **json.loads("{" + more + "}")}
    assert cat.wanted(model, record, TODAY) is kept


KEYS = [
    ("openai", "openai", "gpt-4o", "gpt-4o"),
    ("openai", "openai", "openai/container", None),
    ("openai", "azure", "azure/gpt-4o", None),
    ("azure-openai", "azure", "azure/gpt-4o", "gpt-4o"),
    ("azure-openai", "azure", "azure/eu/gpt-4o", None),
    ("azure-openai", "azure", "azure/global-standard/gpt-4o", None),
    ("cohere", "cohere", "cohere/embed-v4.0", "embed-v4.0"),
    ("cohere", "cohere_chat", "command-a-03-2025", "command-a-03-2025"),
    ("gemini", "gemini", "gemini/gemini-2.5-pro", "gemini-2.5-pro"),
    ("vertexai", "vertex_ai-anthropic_models", "vertex_ai/claude-opus-5", "claude-opus-5"),
    ("vertexai", "vertex_ai-language-models", "gemini-2.5-pro", "gemini-2.5-pro"),
    ("vertexai", "vertex_ai-mistral_models", "vertex_ai/mistralai/codestral-2", None),
    ("bedrock", "bedrock", "amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"),
    ("bedrock", "bedrock_converse", "us.zai.glm-5", "us.zai.glm-5"),
    ("bedrock", "bedrock", "global.cohere.embed-v4:0", "global.cohere.embed-v4:0"),
    ("bedrock", "bedrock", "bedrock/us-east-1/anthropic.claude-v1", None),
    ("bedrock", "bedrock", "jp.anthropic.claude-opus-5", None),
    ("bedrock", "bedrock", "us-gov.xai.grok-4.6", None),
    ("bedrock", "bedrock", "claude-sonnet-4-5-20250929-v1:0", None),
    ("perplexity", "perplexity", "perplexity/perplexity/sonar", "perplexity/sonar"),
    ("cloudflare", "cloudflare", "cloudflare/@cf/qwen/qwq-32b", "@cf/qwen/qwq-32b"),
    ("qianwen", "dashscope", "dashscope/qwen-plus", "qwen-plus"),
    ("zhipuai", "zai", "zai/glm-5", "glm-5"),
]


@pytest.mark.parametrize(("client", "provider", "key", "model"), KEYS)
def test_keys_lose_the_provider_and_regional_variants_go(
    client: str, provider: str, key: str, model: str | None
) -> None:
    found = cat.named(cat.CLIENTS[client], {key: {"litellm_provider": provider}})
    assert list(found) == ([model] if model else [])


def test_the_prefixed_key_wins_over_the_bare_one() -> None:
    bare = {"litellm_provider": "gemini", "note": "bare"}
    both = {"gemini/m": {**bare, "note": "prefixed"}, "m": bare}
    source = cat.CLIENTS["gemini"]
    assert cat.named(source, both)["m"]["note"] == "prefixed"
    assert cat.named(source, dict(reversed(both.items())))["m"]["note"] == "prefixed"


# --- genai-prices

MODEL = (
    "ModelInfo(id='m-1', match=ClauseOr(or_=[ClauseEquals(equals='m-1'),"
    " ClauseRegex(regex='^m-'), ClauseEquals(equals='M-one')]), context_window=1000, prices={})"
)
PLAIN = "ModelPrice(input_mtok=Decimal('0.15'), output_mtok=Decimal('2.50'))"
DATED = """[
    ConditionalPrice(prices=ModelPrice(input_mtok=Decimal('3'))),
    ConditionalPrice(constraint=StartDateConstraint(start_date=datetime.date(2026, 9, 1)),
                     prices=ModelPrice(input_mtok=Decimal('2'))),
    ConditionalPrice(constraint=StartDateConstraint(start_date=datetime.date(2027, 1, 1)),
                     prices=ModelPrice(input_mtok=Decimal('1'))),
    ConditionalPrice(constraint=TimeOfDateConstraint(start_time=datetime.time(1, 0)),
                     prices=ModelPrice(input_mtok=Decimal('9'))),
]"""
TIERED = "ModelPrice(input_mtok=TieredPrices(base=Decimal('1'), tiers=[Tier(start=9, price=2)]))"
FUTURE = DATED.replace("ConditionalPrice(prices=ModelPrice(input_mtok=Decimal('3'))),", "")
GENAI_PRICES = [
    (PLAIN, TODAY, {("", 0): {"input": "0.15", "output": "2.5"}}),
    ("ModelPrice()", TODAY, {}),
    (TIERED, TODAY, {("", 0): {"input": "1"}, ("", 9): {"input": "2"}}),
    (DATED, "2026-08-31", {("", 0): {"input": "3"}}),
    (DATED, TODAY, {("", 0): {"input": "2"}}),
    (DATED, "2027-01-01", {("", 0): {"input": "1"}}),
    (FUTURE, "2026-08-31", {("", 0): {"input": "2"}}),
]


@pytest.mark.parametrize(("text", "date", "expected"), GENAI_PRICES)
def test_the_second_source_gives_the_price_of_the_date(
    text: str, date: str, expected: dict[tuple[str, int], dict[str, str]]
) -> None:
    found = cat.prices_on(genai(MODEL.format(text))[0], date)
    result = {at: {kind: f"{price:f}" for kind, price in row.items()} for at, row in found.items()}
    assert result == expected


STEP = ("", 9)
GAPS = [
    # (litellm's, genai-prices', what is kept)
    ({}, {("", 0): {"input": 1}}, {("", 0): {"input": 1}}),
    ({("", 0): {"input": 1}}, {("", 0): {"input": 2, "output": 3}}, {"input": 1, "output": 3}),
    (
        {("", 0): {"input": 1}},
        {("", 0): {"input": 1}, STEP: {"input": 2}},
        {("", 0): {"input": 1}, STEP: {"input": 2}},
    ),
    # no steps of a list that differs, nor beside others
    ({("", 0): {"input": 1}}, {("", 0): {"input": 2}, STEP: {"input": 4}}, {"input": 1}),
    (
        {("", 0): {"input": 1}, ("", 5): {"input": 3}},
        {("", 0): {"input": 1}, STEP: {"input": 4}},
        {("", 0): {"input": 1}, ("", 5): {"input": 3}},
    ),
]


@pytest.mark.parametrize(("ours", "theirs", "kept"), GAPS)
def test_gaps_are_filled_from_the_second_source(ours: Any, theirs: Any, kept: Any) -> None:
    assert cat.filled(ours, theirs) == (kept if ("", 0) in kept else {("", 0): kept})


HEARD = '{"input_cost_per_token": 1e-6, "cache_read_input_token_cost": 1e-7, %s}'
ALIKE = [
    ("openai", '{"input_cost_per_token": 1e-6}', {"cache_read_price": 1}),
    ("openai", HEARD % '"x": 0', {"cache_read_price": Decimal("0.1")}),
    ("claude", '{"input_cost_per_token": 1e-6}', {"cache_read_price": None}),
    ("gemini", HEARD % '"x": 0', {"audio_input_price": None}),
    (
        "gemini",
        HEARD % '"supports_audio_input": true',
        {"audio_input_price": 1, "audio_cache_read_price": Decimal("0.1")},
    ),
    (
        "gemini",
        HEARD % '"supports_audio_input": true, "input_cost_per_audio_token": 3e-6',
        {"audio_input_price": 3, "audio_cache_read_price": None},
    ),
]


@pytest.mark.parametrize(("client", "record", "expected"), ALIKE)
def test_what_a_price_list_leaves_out_costs_what_its_like_does(
    client: str, record: str, expected: dict[str, Any]
) -> None:
    found = cat.entry(raw(record), {}, cat.CLIENTS[client])
    assert {key: found.get(key) for key in expected} == expected


SEARCH = '"litellm_provider": "%s", "search_context_cost_per_query": {"low": %s, "high": %s}'
SEARCHED = [
    ("m", SEARCH % ("openai", 0.01, 0.01), {"search_price": Decimal("0.01")}),
    ("m", SEARCH % ("openai", 0.01, 0.02), {}),
    ("m", SEARCH % ("gemini", 0.01, 0.01), {}),
    ("gpt-9-search-api", SEARCH % ("openai", 0.01, 0.01), {"request_price": Decimal("0.01")}),
]


@pytest.mark.parametrize(("model", "record", "expected"), SEARCHED)
def test_searches_are_priced_where_answers_count_them(
    model: str, record: str, expected: dict[str, Any]
) -> None:
    found = cat.known_by(model, cat.entry(raw(f"{{{record}}}")), cat.Source())
    assert found == {"type": "chat", **expected}


def test_embedders_say_how_many_texts_go_in_one_request() -> None:
    found = CATALOGUE["clients"]
    assert found["openai"]["text-embedding-3-small"]["max_batch_size"] == 2048
    assert found["bedrock"]["amazon.titan-embed-text-v2:0"]["max_batch_size"] == 1
    assert found["bedrock"]["cohere.embed-v4:0"]["max_batch_size"] == 96


def test_the_second_source_is_matched_by_exact_names_only() -> None:
    assert set(cat.by_name(genai(MODEL.format("ModelPrice()")))) == {"m-1", "m-one"}


CLAUSE = "ClauseEquals(equals='{0}')"
NEWCOMERS = [
    ("m-1", CLAUSE, PLAIN, "context_window=1000", True),
    ("m-1", "ClauseStartsWith(starts_with='m')", PLAIN, "context_window=1000", False),
    ("m-1", CLAUSE, PLAIN, "context_window=1000, deprecated=True", False),
    ("m-1", CLAUSE, PLAIN, "context_window=None", False),
    ("m-1", CLAUSE, "ModelPrice(input_mtok=Decimal('1'))", "context_window=1000", False),
    ("m-1:free", CLAUSE, "ModelPrice()", "context_window=1000", True),
    ("m-1:batch", CLAUSE, PLAIN, "context_window=1000", False),
    ("m-1-tts", CLAUSE, PLAIN, "context_window=1000", False),
]


@pytest.mark.parametrize(("name", "clause", "paid", "more", "kept"), NEWCOMERS)
def test_a_model_of_the_second_source_alone_needs_a_name_a_window_and_prices(
    name: str, clause: str, paid: str, more: str, kept: bool
) -> None:
    match = clause.format(name)
    (model,) = genai(f"ModelInfo(id='{name}', match={match}, {more}, prices={paid})")
    assert bool(cat.newcomer(model, TODAY)) is kept


# --- the order, and the text


def models(*rows: str) -> dict[str, Any]:
    """A section from `id type` rows."""
    return {row.split()[0]: {"type": row.split()[1]} for row in rows}


def test_defaults_come_first_then_names_and_chat_before_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cat, "FIRST", {"acme": ("m", "z-embed")})
    found = models(
        "r reranker", "b chat", "z-embed embedding", "m chat", "a-embed embedding", "a chat"
    )
    assert list(cat.ordered("acme", found)) == ["m", "a", "b", "z-embed", "a-embed", "r"]


def test_a_default_that_the_data_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cat, "FIRST", {"acme": ("gone",)})
    with pytest.raises(SystemExit, match="acme:gone"):
        cat.ordered("acme", models("m chat"))


LITELLM = """{
"acme/a": {"litellm_provider": "acme", "mode": "chat", "input_cost_per_token": 2.5e-06},
"acme/b": {"litellm_provider": "acme", "mode": "chat", "input_cost_per_token": 1e-06},
"acme/old": {"litellm_provider": "acme", "mode": "chat", "input_cost_per_token": 1e-06,
 "deprecation_date": "2026-01-01"},
"acme/wrong": {"litellm_provider": "acme", "mode": "chat", "input_cost_per_token": 1e-06,
 "max_input_tokens": 7}
}"""
ROW = "ModelInfo(id='{0}', match=ClauseEquals(equals='{0}'), context_window=9, prices={1})"
GENAI = "providers: list[Provider] = [Provider(id='acme-corp', models=[{}])]".format(
    ", ".join(ROW.format(name, PLAIN) for name in ("a", "old", "new"))
)
TEXT = """{
"date": "2026-11-22",
"sources": {"litellm": "1.2.3", "genai-prices": "0.4.5"},
"clients": {
"acme": {
"b": {"type": "chat", "input_price": 1},
"a": {"type": "chat", "input_price": 2.5, "output_price": 2.5},
"new": {"type": "chat", "max_input_tokens": 9, "input_price": 0.15, "output_price": 2.5},
"wrong": {"type": "chat", "max_input_tokens": 7}
}
}
}
"""


def wheel(path: Path, name: str, text: str) -> str:
    """A wheel with one file in it."""
    with zipfile.ZipFile(path, "w") as files:
        files.writestr(name, text)
    return str(path)


def test_two_wheels_become_one_text_and_disagreements_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = cat.Source(("acme",), "acme/", genai="acme-corp", grow=True)
    monkeypatch.setattr(cat, "CLIENTS", {"acme": source, "empty": cat.Source(("none",))})
    monkeypatch.setattr(cat, "FIRST", {"acme": ("b",)})
    monkeypatch.setattr(cat, "FLAWS", {"acme/wrong": {"input_cost_per_token"}})
    first = wheel(tmp_path / "litellm-1.2.3-py3-none-any.whl", cat.LITELLM_FILE, LITELLM)
    second = wheel(tmp_path / "genai_prices-0.4.5-py3-none-any.whl", cat.GENAI_FILE, GENAI)
    argv = ["catalogue.py", "--litellm", first, "--genai-prices", second, "--date", TODAY]
    monkeypatch.setattr(sys, "argv", argv)
    cat.main()
    out, err = capsys.readouterr()
    assert out == TEXT
    assert err == "acme:a input_price: litellm 2.5, genai-prices 0.15\n"
    assert list(sliced("acme", out)) == ["b", "a", "new", "wrong"]


# --- the shipped file

CATALOGUE = json.loads(SHIPPED)
CLIENTS = list(CATALOGUE["clients"])


def test_the_shipped_file_names_its_date_and_sources() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", CATALOGUE["date"])
    assert set(CATALOGUE["sources"]) == {"litellm", "genai-prices"}
    assert list(CATALOGUE) == ["date", "sources", "clients"]


def test_the_shipped_file_has_a_section_for_every_client_with_a_default() -> None:
    assert set(CLIENTS) == set(cat.FIRST) <= set(cat.CLIENTS)
    assert {"openai", "claude", "gemini", "bedrock", "vertexai", "cohere"} <= set(CLIENTS)


@pytest.mark.parametrize("client", CLIENTS)
def test_a_section_can_be_cut_out_by_its_lines(client: str) -> None:
    assert sliced(client) == CATALOGUE["clients"][client]
    assert SHIPPED.splitlines().count(f'"{client}": {{') == 1


def test_every_model_has_a_line_of_its_own() -> None:
    rows = [line for line in SHIPPED.splitlines() if '{"type": ' in line]
    assert len(rows) == sum(map(len, CATALOGUE["clients"].values()))
    assert all(re.fullmatch(r'"[^"]+": \{"type": .*\},?', row) for row in rows)
    assert not any(line != line.strip() for line in SHIPPED.splitlines())


@pytest.mark.parametrize("client", CLIENTS)
def test_a_section_is_in_order_with_its_defaults_first(client: str) -> None:
    found = CATALOGUE["clients"][client]
    assert list(cat.ordered(client, found)) == list(found)
    leaders = {entry["type"]: model for model, entry in reversed(found.items())}
    assert set(leaders.values()) & set(cat.FIRST[client])
    assert {found[model]["type"]: model for model in cat.FIRST[client]}.items() <= leaders.items()


@pytest.mark.parametrize("client", CLIENTS)
def test_entries_have_known_keys_of_the_right_kinds(client: str) -> None:
    for model, entry in CATALOGUE["clients"][client].items():
        assert list(entry) == [key for key in cat.KEYS if key in entry], model
        assert entry["type"] in ("chat", "embedding", "reranker"), model
        assert entry.get("endpoint", "responses") == "responses", model
        for key, value in entry.items():
            kind = next(kind for name, kind in KINDS if re.fullmatch(name, key))
            assert kind(value), f"{client}:{model} {key}"


KINDS: list[tuple[str, Callable[[Any], bool]]] = [
    (r"type|endpoint", lambda value: isinstance(value, str)),
    (r"max_(in|out)put_tokens|dimensions", lambda value: type(value) is int and value > 0),
    (r"max_tokens_per_chunk|max_batch_size", lambda value: type(value) is int and value > 0),
    (r"variants", lambda value: are_variants(json.loads(json.dumps(value), parse_float=Decimal))),
    (r"\w+_price", lambda value: type(value) in (int, float) and 0 <= value <= 1000),
    (r"supports_sampling_params", lambda value: value is False),
    (r"supports_\w+", lambda value: value is True),
    (r"reasoning_levels", are_levels),
]


def test_prices_are_written_minimally_and_without_float_noise() -> None:
    written = re.findall(r'"\w+_price": ([^,}]+)', SHIPPED)
    assert len(written) > 1000
    assert [
        text for text in written if not re.fullmatch(r"0|[1-9]\d*|\d+\.\d{0,8}[1-9]", text)
    ] == []
    assert [text for text in written if re.search(r"\.\d*?(0{5}|9{5})", text)] == []


def test_no_path_of_a_machine_is_in_the_file() -> None:
    assert not re.search(r"/(tmp|home|work|Users|root)/", SHIPPED)
