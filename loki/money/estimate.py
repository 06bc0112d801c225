"""Target -> tokens and US dollars: what a call can take and cost, before it is sent."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace
from decimal import Decimal

from loki.money.prices import max_cost
from loki.records import Media, Target
from loki.usage import Usage


def estimate_prompt(target: Target) -> int:
    """Estimate the tokens of the whole prompt: texts, tools, schema, prefix, calls and media."""
    ask = target.ask
    extras = [*(asdict(tool) for tool in ask.tools), ask.schema, target.model.system_prompt_prefix]
    texts = "".join(message.text for message in ask.messages)
    extra = json.dumps([item for item in extras if item], ensure_ascii=False)
    calls = sum(
        estimate_tokens(json.dumps(c.arguments)) for m in ask.messages for c in m.tool_calls
    )
    media = MEDIA_TOKENS * len(find_media(target))
    return (
        estimate_tokens(texts) + (estimate_tokens(extra) if len(extra) > 2 else 0) + calls + media
    )


#: What an image costs at most with the providers that say so; a guess for other media.
MEDIA_TOKENS = 1600


def find_media(target: Target) -> list[Media]:
    """Return every image, file and sound of the conversation."""
    parts = (part for message in target.ask.messages for part in message.parts)
    return [part for part in parts if isinstance(part, Media)]


def estimate_tokens(text: str) -> int:
    """Estimate the tokens of a text: four letters each in Latin script, two in others.

    >>> estimate_tokens("hello, world"), estimate_tokens("")
    (3, 0)
    """
    latin = len(text) if text.isascii() else len(text.encode("ascii", "ignore"))
    return math.ceil(latin / 4 + (len(text) - latin) / 2)


def worst_case(target: Target) -> Decimal | None:
    """Return the most a call can cost in US dollars; None if its price or length is unknown.

    Nobody knows how much a tool that the provider runs itself will find, and the model then read.
    """
    if target.ask.search or target.ask.server_tools:
        return None
    usage = max_usage(target)
    costs = [
        max_cost(replace(usage, tier=tier), target.model.price) for tier in service_tiers(target)
    ]
    known = [amount for amount in costs if amount is not None]
    return max(known) if len(known) == len(costs) else None


def service_tiers(target: Target) -> set[str | None]:
    """Return the usual tier of service (None), and those that a configured patch may ask for."""
    routes = (value for pairs in target.client.patches.values() for _, value in pairs)
    bodies = (value.body or {} for value in (target.model.patch, *routes) if value)
    named = (body.get("service_tier") or body.get("serviceTier") for body in bodies)
    values = (value.get("type") if isinstance(value, dict) else value for value in named)
    return {None, *(value for value in values if isinstance(value, str))}


def max_usage(target: Target) -> Usage:
    """Estimate the most tokens of a call; the output is None where it is unknown."""
    ask = target.ask
    if target.model.type == "chat":
        return Usage(
            input=estimate_prompt(target), output=ask.max_tokens or target.model.max_output_tokens
        )
    query = estimate_tokens(ask.query)
    sizes = [estimate_tokens(text) + query for text in ask.texts]
    documents = sum(max(1, math.ceil(size / TOKENS_PER_DOCUMENT)) for size in sizes)
    billed = target.model.price.search is not None  # by searches, not by tokens
    searches = math.ceil(documents / DOCUMENTS_PER_SEARCH) if billed else None
    return Usage(input=sum(sizes), output=0, searches=searches)


def estimate_quota(target: Target) -> int:
    """Estimate the tokens that a call takes of what a minute allows."""
    return (max_usage(target).input or 0) + (target.ask.max_tokens or 0)


#: Documents that a reranker bills as one search, and tokens that it counts as one document.
DOCUMENTS_PER_SEARCH = 100
TOKENS_PER_DOCUMENT = 500
