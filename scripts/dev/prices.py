"""The prices of litellm and of genai-prices -> one table, and what differs by tier and size."""

import ast
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

Raw = Mapping[str, Any]
Entry = dict[str, Any]
Rates = dict[str, Decimal]  # US dollars a million tokens, by kind
Table = dict[tuple[str, int], Rates]  # by tier of service, and the size that a prompt is over


def tidy(price: Decimal | int, scale: int = 1) -> Decimal:
    """A price times a scale, without the float noise that the source's own text may carry."""
    return round(Decimal(price) * scale, 9).normalize()


def rates(prices: Mapping[str, Decimal | int | None], scale: int = 1) -> Rates:
    """Return the known prices; zero is a price for tokens in and out, unknown for anything else."""
    return {
        kind: tidy(price, scale)
        for kind, price in prices.items()
        if price is not None and (price or kind in MAY_BE_FREE)
    }


def paid(raw: Raw) -> Table:
    """Every price of tokens in a litellm record, by tier and size of prompt.

    Where output has two prices, by the way of thinking, neither is told: answers do not say which.
    """
    found: Table = {}
    first, *steps = raw.get("tiered_pricing") or [{}]
    rows = [(0, {**first, **raw}), *((int(step["range"][0]), step) for step in steps)]
    for over, row in rows:
        for key, price in row.items():
            if match := COST.fullmatch(key):
                name, size, tier = match.groups()
                place = TIERS.get(tier, ""), int(size or 0) * 1000 or over
                told = rates({KINDS[name]: price}, 1_000_000)
                found[place] = {**found.get(place, {}), **told}
    usual = found.get(("", 0), {})
    thoughts = raw.get("output_cost_per_reasoning_token")
    if thoughts is not None and tidy(thoughts, 1_000_000) != usual.get("output"):
        usual.pop("output", None)
    return {place: inorder(told) for place, told in found.items() if told}


def inorder(told: Rates) -> Rates:
    """Prices in the order of PRICES."""
    return {kind: told[kind] for kind in PRICES if kind in told}


def filled(table: Table, gaps: Table) -> Table:
    """A table with what another source knows more; its steps only if its prices agree."""
    usual, other = table.get(("", 0), {}), gaps.get(("", 0), {})
    agreed = all(other.get(kind, price) == price for kind, price in usual.items())
    stepped = any(over for _, over in table)
    steps = {place: told for place, told in gaps.items() if place[1]}
    return {**table, **(steps if agreed and not stepped else {}), ("", 0): {**other, **usual}}


def variants(table: Table) -> Entry:
    """Return a table's variants of its usual prices: ``>200000``, ``flex``, ``flex>200000`` …"""
    usual = {over: told for (tier, over), told in sorted(table.items()) if not tier}
    found: Entry = {f">{over}": told for over, told in usual.items() if over}
    for tier in sorted({tier for tier, _ in table if tier}):
        theirs = {over: told for (each, over), told in sorted(table.items()) if each == tier}
        same = factor(usual, theirs)
        steps = {f"{tier}>{over}" if over else tier: told for over, told in theirs.items()}
        found |= {tier: same} if same else steps
    return found


def factor(usual: Mapping[int, Rates], theirs: Mapping[int, Rates]) -> Decimal | None:
    """By what a tier multiplies every price, None if not all of them alike."""
    pairs = [
        (price, theirs.get(over, {}).get(kind))
        for over, told in usual.items()
        for kind, price in told.items()
        if kind not in DERIVED or kind in theirs.get(over, {})
    ]
    if not pairs or not all(price and other for price, other in pairs):
        return None
    first = round(Decimal(pairs[0][1] or 0) / pairs[0][0], 9).normalize()
    return first if all(price * first == other for price, other in pairs) else None


def literal(node: ast.expr | None) -> Any:
    """A node of genai-prices' data module -> plain data; a call is a dict with its name in `is`."""
    match node:
        case ast.Constant(value=value):
            return value
        case ast.List(elts=items):
            return [literal(item) for item in items]
        case ast.Call(func=ast.Name(id="Decimal"), args=[ast.Constant(value=str(text))]):
            return Decimal(text)
        case ast.Call(func=ast.Attribute(attr="date"), args=parts):
            return "-".join(f"{literal(part):02}" for part in parts)
        case ast.Call(func=ast.Name(id=name), keywords=fields):
            return {"is": name, **{str(f.arg): literal(f.value) for f in fields}}
        case _:
            return None


def read_genai(text: str) -> dict[str, list[Raw]]:
    """genai-prices' data module, read and never run -> the models of each provider."""
    lists = [node.value for node in ast.parse(text).body if isinstance(node, ast.AnnAssign)]
    return {each["id"]: each["models"] for each in literal(lists[0])}


def exact(clause: Raw) -> set[str]:
    """Return the ids that a match clause of genai-prices names in full, in lower case."""
    match clause:
        case {"is": "ClauseEquals", "equals": str(name)}:
            return {name.lower()}
        case {"is": "ClauseOr", "or_": list(parts)}:
            return {name for part in parts for name in exact(part)}
        case _:
            return set()


def active(row: Raw, date: str) -> bool:
    """Return whether a dated price holds on the date at any hour."""
    start = (row.get("constraint") or {"start_date": ""}).get("start_date")
    return start is not None and start <= date


def prices_on(model: Raw, date: str) -> Table:
    """Return the prices of a genai-prices model on the date."""
    rows = model.get("prices") or {}
    rows = [{"prices": rows}] if isinstance(rows, dict) else rows
    now = ([row for row in rows if active(row, date)] or rows[:1])[-1]["prices"]
    each = {kind: now.get(theirs) for kind, (_, theirs) in PRICES.items()}
    tiered = {kind: price for kind, price in each.items() if isinstance(price, dict)}
    found = {("", 0): rates({**each, **{kind: price["base"] for kind, price in tiered.items()}})}
    for kind, price in tiered.items():
        for step in price["tiers"]:
            found.setdefault(("", step["start"]), {})[kind] = tidy(step["price"])
    return {place: told for place, told in found.items() if told}


def by_name(models: list[Raw]) -> dict[str, Raw]:
    """Return the models of a genai-prices provider by exact name, ids before aliases."""
    aliases = {name: model for model in models for name in exact(model["match"])}
    return {**aliases, **{model["id"].lower(): model for model in models}}


# kind of token: (litellm's key, US dollars a token; genai-prices' key, US dollars a million tokens)
PRICES = {
    "input": ("input_cost_per_token", "input_mtok"),
    "output": ("output_cost_per_token", "output_mtok"),
    "cache_read": ("cache_read_input_token_cost", "cache_read_mtok"),
    "cache_write": ("cache_creation_input_token_cost", "cache_write_mtok"),
    "cache_write_1h": ("cache_creation_input_token_cost_above_1hr", "cache_write_1h_mtok"),
    "cache_write_12h": ("cache_creation_input_token_cost_above_12hr", ""),
    "audio_input": ("input_cost_per_audio_token", "input_audio_mtok"),
    "audio_cache_read": ("cache_read_input_audio_token_cost", "cache_audio_read_mtok"),
    "audio_output": ("output_cost_per_audio_token", "output_audio_mtok"),
}
TIERS = {"batches": "batch", "flex": "flex", "priority": "priority", "ultrafast": "ultrafast"}
KINDS = {theirs: kind for kind, (theirs, _) in PRICES.items()}
COST = re.compile(rf"({'|'.join(KINDS)})(?:_above_(\d+)k_tokens)?(?:_({'|'.join(TIERS)}))?")
DERIVED = {"cache_write_1h", "cache_write_12h"}  # the same multiple of cache_write at every tier
MAY_BE_FREE = {"input", "output"}
