"""Target -> tokens and US dollars: what a call can take and cost, before it is sent."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from decimal import Decimal

from loki.json_text import Json, JsonObject, values_at
from loki.messages import Media
from loki.money.count_tokens import CountTokens, estimate_tokens, tokens_at_most
from loki.money.prices import cost_upper_bound, price_of
from loki.money.service_tiers import service_tiers
from loki.record import replace
from loki.records import Target
from loki.usage import Usage


def estimate_prompt(target: Target, count: CountTokens = estimate_tokens) -> int:
    """Estimate the tokens of the whole prompt: texts, tools, schema, prefix, calls and media."""
    ask = target.ask
    extras = [*(asdict(tool) for tool in ask.tools), ask.schema, target.model.system_prompt_prefix]
    texts = "".join(message.text for message in ask.messages)
    extra = json.dumps([item for item in extras if item], ensure_ascii=False)
    calls = sum(count(json.dumps(c.arguments)) for m in ask.messages for c in m.tool_calls)
    media = MEDIA_TOKENS * len(find_media(target))
    return count(texts) + (count(extra) if len(extra) > 2 else 0) + calls + media


#: What an image costs at most with the providers that say so; a guess for other media.
MEDIA_TOKENS = 1600


def find_media(target: Target) -> list[Media]:
    """Return every image, file and sound of the conversation."""
    parts = (part for message in target.ask.messages for part in message.parts)
    return [part for part in parts if isinstance(part, Media)]


def worst_cost(target: Target, changes: JsonObject | None = None) -> Decimal | None:
    """Return the most a call can cost in US dollars; None if its price or length is unknown.

    ``changes`` is what patches put into the body (Draft.changes): they may ask for a longer
    answer, for several, for another tier of service, and add to the prompt. Nobody knows how much
    a tool that the provider runs itself will find, and the model then read.
    """
    if uses_server_tools(target, changes):
        return None
    return cost_at_most(target, changes, max_usage(target, changes))


def cost_at_most(target: Target, changes: JsonObject | None, usage: Usage) -> Decimal | None:
    """Return what a usage costs at the dearest tier that may answer; None if it has no price."""
    price = price_of(target, changes or {})
    costs = [cost_upper_bound(replace(usage, tier=tier), price) for tier in service_tiers(changes)]
    known = [amount for amount in costs if amount is not None]
    return max(known) if len(known) == len(costs) else None


def unpriced_tiers(target: Target, changes: JsonObject) -> list[str | None]:
    """Return the tiers of service at which nobody knows the price; None is the usual one."""
    usage = max_usage(target, changes)
    some = replace(usage, output=1) if usage.output is None else usage  # however long it gets
    price = price_of(target, changes)
    return [
        tier
        for tier in sorted(service_tiers(changes), key=str)
        if cost_upper_bound(replace(some, tier=tier), price) is None
    ]


def uses_server_tools(target: Target, changes: JsonObject | None) -> bool:
    """Return whether a call may search the web, or run another tool of its provider."""
    asked = target.ask.search or bool(target.ask.server_tools)
    searches = any(value not in (None, False, []) for value in values_at(changes, SEARCH_PATHS))
    tools = [tool for tools in values_at(changes, TOOL_PATHS) if tools for tool in tools]
    return asked or searches or not all(map(is_own_tool, tools))


def is_own_tool(tool: Json) -> bool:
    """Return whether a tool of a body is one that the caller runs, in any provider's words.

    >>> is_own_tool({"type": "function", "function": {}}), is_own_tool({"googleSearch": {}})
    (True, False)
    """
    match tool:
        case {"type": "function" | "custom"} | {"input_schema": _} | {"toolSpec": _}:
            return True
        case dict():
            return {*tool} <= {"functionDeclarations", "function_declarations", "cachePoint"}
        case _:
            return False


def max_usage(target: Target, changes: JsonObject | None = None) -> Usage:
    """Return the most tokens of a call; the output is None where it is unknown."""
    ask = target.ask
    if target.model.type == "chat":
        added = tokens_at_most(json.dumps(changes, ensure_ascii=False)) if changes else 0
        longest = max_output(target, changes)
        answers = max_answers(changes)
        output = None if longest is None or answers is None else longest * answers
        return Usage(input=estimate_prompt(target, tokens_at_most) + added, output=output)
    query = tokens_at_most(ask.query)
    sizes = [tokens_at_most(text) + query for text in ask.texts]
    documents = sum(max(1, math.ceil(size / TOKENS_PER_DOCUMENT)) for size in sizes)
    billed = target.model.price.search is not None  # by searches, not by tokens
    searches = math.ceil(documents / DOCUMENTS_PER_SEARCH) if billed else None
    return Usage(input=sum(sizes), output=0, searches=searches)


def max_output(target: Target, changes: JsonObject | None) -> int | None:
    """Return the most tokens of one answer: as a patch says, else the ask, else the model."""
    patched = values_at(changes, LENGTH_PATHS)
    lengths = [0 if value is None else read_count(value) for value in patched]
    if None in lengths:
        return None  # a server that takes it takes it for anything
    asked = None if 0 in lengths else target.ask.max_tokens  # null takes the ask's away
    return max(filter(None, lengths), default=None) or asked or target.model.max_output_tokens


def max_answers(changes: JsonObject | None) -> int | None:
    """Return how many answers a patch asks for: one without it; None where nobody can tell."""
    counts = [1 if n is None else read_count(n) for n in values_at(changes, COUNT_PATHS)]
    return None if None in counts else max((1, *filter(None, counts)))


def read_count(value: Json) -> int | None:
    """Return a count as a lenient server reads it, none below 0; None for what is no number.

    >>> read_count("5"), read_count(4.5), read_count(-1), read_count([3]), read_count("1e999")
    (5, 5, 0, None, None)
    """
    try:
        number = float(value) if type(value) in (int, float, str) else math.nan
        return max(0, math.ceil(number))
    except (ValueError, OverflowError):
        return None


def estimate_rate_tokens(target: Target) -> int:
    """Estimate the tokens that a call takes of what a minute allows: likely ones, not the most."""
    ask = target.ask
    if target.model.type == "chat":
        return estimate_prompt(target) + (ask.max_tokens or 0)
    query = estimate_tokens(ask.query)
    return sum(estimate_tokens(text) + query for text in ask.texts)


#: Where the bodies of the providers say how long an answer may be and how many there are.
LENGTH_PATHS = (
    *(["max_tokens"], ["max_completion_tokens"], ["max_output_tokens"]),
    *(["generationConfig", "maxOutputTokens"], ["inferenceConfig", "maxTokens"]),
)
COUNT_PATHS = (
    *(["n"], ["best_of"], ["num_return_sequences"], ["num_generations"]),
    ["generationConfig", "candidateCount"],
)
#: Where they ask for a search, and where their tools stand.
SEARCH_PATHS = (
    *(["web_search_options"], ["web_search"], ["enable_search"], ["search_parameters"]),
    *(["plugins"], ["extra_body", "enable_search"]),
)
TOOL_PATHS = (["tools"], ["toolConfig", "tools"])

#: Documents that a reranker bills as one search, and tokens that it counts as one document.
DOCUMENTS_PER_SEARCH = 100
TOKENS_PER_DOCUMENT = 500
