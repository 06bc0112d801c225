"""Wheels of litellm and genai-prices -> the text of loki/data/models.json, the built-in catalogue.

    python scripts/dev/catalogue.py --date 2026-11-22 > loki/data/models.json

litellm gives the limits, the abilities and the prices; genai-prices fills the gaps. Where the two
disagree on a price litellm's stays, and stderr says so. Facts and figures only: both are MIT.
What holds at another tier of service, or for a prompt over so many tokens, is a variant: a factor
where all prices change alike, else the prices themselves (loki.records.Price tells how to read it).
The tables that a maintainer edits, CLIENTS, FIRST and FLAWS, are in providers.py.
"""

import argparse
import datetime
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from prices import (
    PRICES,
    Rates,
    Raw,
    Table,
    by_name,
    exact,
    filled,
    inorder,
    paid,
    prices_on,
    rates,
    read_genai,
    tidy,
    variants,
)
from providers import CLIENTS, FIRST, FLAWS, Source

from loki.config.setting_names import EFFORTS, MODEL_SETTINGS

Entry = dict[str, Any]
Section = dict[str, Entry]


def entry(
    raw: Raw, gaps: Table | None = None, source: Source | None = None, model: str = ""
) -> Entry:
    """A litellm record in our words, without what is unknown; ``gaps`` has prices of others."""
    kind, source = TYPES[raw["mode"]], source or Source()
    table = cached(alike(filled(paid(raw), gaps or {}), source, raw), source, model)
    limits = {ours: int(raw[theirs]) for ours, theirs in LIMITS.items() if raw.get(theirs)}
    found = {
        "type": kind,
        **({"endpoint": "responses"} if responds_only(raw) else {}),
        **limits,
        "max_tokens_per_chunk": limits.get("max_input_tokens"),
        **{f"{each}_price": price for each, price in table.get(("", 0), {}).items()},
        **extras(raw),
        "variants": {**variants(table), **multiples(raw)},
        **{ours: True for ours, theirs in ABILITIES.items() if raw.get(theirs) is True},
        **{key: False for key in DENIALS if raw.get(key) is False},
        "reasoning_levels": levels(raw),
    }
    return proper(found)


def levels(raw: Raw) -> list[str] | None:
    """Return the efforts that a model has, None where nobody says more than that it reasons."""
    told = raw.get("reasoning_effort_levels")
    flags = {effort: raw.get(f"supports_{effort}_reasoning_effort") for effort in EFFORTS}
    if told:
        return [effort for effort in EFFORTS if effort in told] or None
    if raw.get("supports_reasoning") is not True or set(flags.values()) == {None}:
        return None
    usual = ["low", "medium", "high"]
    if raw.get(PROVIDER) in NONE_UNTOLD:
        usual.append("none")
    return [each for each, has in flags.items() if (each in usual if has is None else has)]


def extras(raw: Raw) -> Entry:
    """Return the prices of searches, by a reranker and of the web."""
    sizes = {*(raw.get("search_context_cost_per_query") or {}).values()}
    counted = len(sizes) == 1 and raw.get(PROVIDER) in COUNTS_SEARCHES
    searched = sizes.pop() if counted else None
    prices = rates({"search": raw.get("input_cost_per_query") or searched})
    return {f"{each}_price": price for each, price in prices.items()}


def alike(table: Table, source: Source, raw: Raw) -> Table:
    """A table with the kinds of tokens that a provider bills like others, and so does not list."""
    usual = table.get(("", 0), {})
    heard = raw.get("supports_audio_input") is True
    same = {
        kind: like
        for kind, like in source.same.items()
        if usual.get(kind, usual.get(like)) == usual.get(like)
        and (heard or not kind.startswith("audio"))
    }
    if usual.get("audio_input", usual.get("input")) != usual.get("input"):
        same.pop("audio_cache_read", None)
    return {
        place: inorder(
            {**{kind: told[like] for kind, like in same.items() if like in told}, **told}
        )
        for place, told in table.items()
    }


def cached(table: Table, source: Source, model: str) -> Table:
    """A table with what cached tokens cost in a batch; Google's lists halve them, its bills do not.

    Where another rule holds, a price that is listed stays.
    """
    rules = (rule for letters, rule in source.batch_cache.items() if re.fullmatch(letters, model))
    rule = next(rules, "")
    return {
        (tier, over): inorder(batch_rates(told, table.get(("", over), {}), rule))
        if tier == "batch" and rule
        else told
        for (tier, over), told in table.items()
    }


def batch_rates(told: Rates, usual: Rates, rule: str) -> Rates:
    """The prices of a batch with those of its cached tokens."""
    kinds = [kind for kind in ("cache_read", "audio_cache_read") if kind in usual]
    match rule:
        case "usual":
            return {**told, **{kind: usual[kind] for kind in kinds}}
        case "half":
            return {**{kind: tidy(usual[kind] / 2) for kind in kinds}, **told}
        case _:
            return {**{kind: told["input"] for kind in kinds if "input" in told}, **told}


def multiples(raw: Raw) -> Entry:
    """Return the variants that litellm gives as factors: tiers and regions."""
    told = raw.get("provider_specific_entry") or {}
    away = {"regional": raw.get("regional_endpoint_uplift_multiplier")}
    found = {**{name: told.get(name) for name in ("fast", "us")}, **away}
    return {name: tidy(each) for name, each in found.items() if each}


def proper(found: Entry) -> Entry:
    """An entry in the order of KEYS, without those that mean nothing for its type."""
    paid_otherwise = found.get("search_price") or found.get("output_price")
    blank = {"input_price"} if paid_otherwise and not found.get("input_price") else set()
    unused = FOREIGN[found["type"]] | blank
    return {
        key: found[key] for key in KEYS if found.get(key) not in (None, {}) and key not in unused
    }


def responds_only(raw: Raw) -> bool:
    """Return whether a model answers on the responses endpoint and not on chat completions."""
    ends = raw.get("supported_endpoints") or ()
    alone = "/v1/responses" in ends and "/v1/chat/completions" not in ends
    return raw["mode"] == "responses" or alone


def talks(model: str, raw: Raw) -> bool:
    """Return whether a chat client can reach a model and gets text from it."""
    ends, says = raw.get("supported_endpoints"), raw.get("supported_output_modalities")
    heard = (not ends or not REACHABLE.isdisjoint(ends)) and (not says or "text" in says)
    return heard and not NOISE.search(model)


def wanted(model: str, raw: Raw, date: str) -> bool:
    """Return whether a litellm record is a chat, embedding or rerank model in service then."""
    kind = TYPES.get(raw.get("mode", ""))
    alive = (raw.get("deprecation_date") or date) >= date
    if not kind or not alive or FIGURES.isdisjoint(entry(raw)):
        return False
    return kind != "chat" or talks(model, raw)


def flawless(records: Mapping[str, Raw]) -> dict[str, Raw]:
    """litellm's records without the figures that a maintainer has found wrong."""
    return {
        key: {k: v for k, v in raw.items() if k not in FLAWS.get(key, ())}
        for key, raw in records.items()
    }


def named(source: Source, records: Mapping[str, Raw]) -> dict[str, Raw]:
    """A client's litellm records by bare id; where an id is there twice the prefixed key wins."""
    keys = sorted(key for key, raw in records.items() if raw.get(PROVIDER) in source.litellm)
    keys.sort(key=lambda key: key.startswith(source.prefix))
    bare = {key.removeprefix(source.prefix): records[key] for key in keys}
    return {model: raw for model, raw in bare.items() if re.fullmatch(source.keep, model)}


def newcomer(model: Raw, date: str) -> Entry:
    """An entry for a model that only genai-prices knows, or nothing where it knows too little."""
    name: str = model["id"]
    free = {"input": Decimal(0), "output": Decimal(0)}
    table = {("", 0): free} if name.endswith(":free") else prices_on(model, date)
    usual = table.get(("", 0), {})
    sure = name.lower() in exact(model["match"]) and not model.get("deprecated")
    if not (sure and model.get("context_window") and usual.keys() >= free.keys()):
        return {}
    if NOISE.search(name):
        return {}
    prices = {f"{kind}_price": price for kind, price in usual.items()}
    size = {"max_input_tokens": model["context_window"]}
    return proper({"type": "chat", **size, **prices, "variants": variants(table)})


def section(source: Source, records: Mapping[str, Raw], models: list[Raw], date: str) -> Section:
    """One client's models, unordered: litellm's with their gaps filled, then the newcomers."""
    raws, others = named(source, records), by_name(models)
    gaps = {model: prices_on(others.get(model.lower(), {"prices": {}}), date) for model in raws}
    known = {
        model: known_by(model, entry(raw, gaps[model], source, model), source)
        for model, raw in raws.items()
        if wanted(model, raw, date)
    }
    seen = {model.lower() for model in raws}
    fresh = [m for m in models if source.grow and not seen & {m["id"].lower(), *exact(m["match"])}]
    new = {m["id"]: newcomer(m, date) for m in fresh if re.fullmatch(source.keep, m["id"])}
    return known | {model: found for model, found in new.items() if found}


def known_by(model: str, found: Entry, source: Source) -> Entry:
    """An entry with what goes by the model's name: batches, and models that always search."""
    if ALWAYS_SEARCHES.search(model) and "search_price" in found:
        found = {**found, "request_price": found["search_price"], "search_price": None}
    batches = (size for letters, size in source.batch.items() if re.fullmatch(letters, model))
    return proper({**found, "max_batch_size": next(batches, None)})


def disagreements(client: str, found: Section, models: list[Raw], date: str) -> Iterator[str]:
    """A line for each price that genai-prices gives otherwise."""
    others = by_name(models)
    for model, ours_all in found.items():
        theirs = prices_on(others.get(model.lower(), {"prices": {}}), date).get(("", 0), {})
        for kind, other in theirs.items():
            ours = ours_all.get(f"{kind}_price")
            if ours is not None and ours != other:
                yield f"{client}:{model} {kind}_price: litellm {ours:f}, genai-prices {other:f}"


def ordered(client: str, found: Section) -> Section:
    """A client's models: chat, embedding, reranker; in each the defaults, then by name."""
    first = FIRST.get(client, ())
    lost = [f"{client}:{model}" for model in first if model not in found]
    if lost:
        raise SystemExit(f"catalogue: FIRST names what the data lacks: {', '.join(lost)}")
    ranks = {model: rank for rank, model in enumerate(first)}
    kinds = ("chat", "embedding", "reranker")
    names = sorted(
        found, key=lambda m: (kinds.index(found[m]["type"]), ranks.get(m, len(ranks)), m)
    )
    return {model: found[model] for model in names}


def line(found: Mapping[str, Any]) -> str:
    """An entry as JSON on one line, its decimals written minimally."""
    return "{" + ", ".join(f'"{key}": {written(value)}' for key, value in found.items()) + "}"


def written(value: Any) -> str:
    """A value of an entry as JSON."""
    if isinstance(value, dict):
        return line(value)
    return f"{value:f}" if isinstance(value, Decimal) else json.dumps(value)


def render(date: str, sources: Mapping[str, str], clients: Mapping[str, Section]) -> str:
    """Return the catalogue as text, a model a line, so that one section can be cut out."""
    sections = [
        f'"{client}": {{\n'
        + ",\n".join(f"{json.dumps(model)}: {line(each)}" for model, each in found.items())
        + "\n}"
        for client, found in clients.items()
    ]
    head = f'"date": {json.dumps(date)},\n"sources": {json.dumps(sources)},\n"clients": {{\n'
    return "{\n" + head + ",\n".join(sections) + "\n}\n}\n"


def inside(wheel: Path, name: str) -> str:
    """Return the text of one file of a wheel."""
    with zipfile.ZipFile(wheel) as files:
        return files.read(name).decode()


def fetch(package: str, folder: str) -> Path:
    """Download the newest wheel of a package into the folder; return its path."""
    order = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", folder, package]
    subprocess.run(order, check=True, stdout=sys.stderr)
    return next(Path(folder).glob(package.replace("-", "_") + "-*.whl"))


def catalogue(litellm: Path, genai: Path, date: str) -> str:
    """Return the text of the catalogue from two wheels; print where they disagree on stderr."""
    records = flawless(json.loads(inside(litellm, LITELLM_FILE), parse_float=Decimal))
    models = read_genai(inside(genai, GENAI_FILE))
    clients: dict[str, Section] = {}
    for client, source in CLIENTS.items():
        theirs = models.get(source.genai, [])
        found = ordered(client, section(source, records, theirs, date))
        clients |= {client: found} if found else {}
        for each in disagreements(client, found, theirs, date):
            print(each, file=sys.stderr)
    versions = {"litellm": litellm, "genai-prices": genai}
    return render(date, {k: wheel.name.split("-")[1] for k, wheel in versions.items()}, clients)


def iso(text: str) -> str:
    """A date as YYYY-MM-DD, or a ValueError."""
    return datetime.date.fromisoformat(text).isoformat()


def main() -> None:
    """Read the command line, print the catalogue."""
    parser = argparse.ArgumentParser(description="Print the built-in catalogue of models.")
    parser.add_argument("--litellm", type=Path, help="its wheel; without it pip downloads one")
    parser.add_argument("--genai-prices", type=Path, help="its wheel; without it pip downloads one")
    parser.add_argument(
        "--date", required=True, type=iso, help="YYYY-MM-DD; models retired before it go"
    )
    args = parser.parse_args()
    with TemporaryDirectory() as folder:
        litellm = args.litellm or fetch("litellm", folder)
        genai = args.genai_prices or fetch("genai-prices", folder)
        sys.stdout.write(catalogue(litellm, genai, args.date))


LITELLM_FILE = "litellm/model_prices_and_context_window_backup.json"
GENAI_FILE = "genai_prices/data.py"
PROVIDER = "litellm_provider"

TYPES = {"chat": "chat", "responses": "chat", "embedding": "embedding", "rerank": "reranker"}

# our key: litellm's key
LIMITS = {
    "max_input_tokens": "max_input_tokens",
    "max_output_tokens": "max_output_tokens",
    "dimensions": "output_vector_size",
}
ABILITIES = {
    "supports_vision": "supports_vision",
    "supports_function_calling": "supports_function_calling",
    "supports_reasoning": "supports_reasoning",
    "supports_pdf": "supports_pdf_input",
    "supports_audio": "supports_audio_input",
    "supports_schema": "supports_response_schema",
    "supports_adaptive_thinking": "supports_adaptive_thinking",
}
DENIALS = ("supports_sampling_params",)

# whose answers say how often the web was searched; Google's have a free allowance, too
COUNTS_SEARCHES = {"openai", "azure", "anthropic", "vertex_ai-anthropic_models"}
# of whose models litellm denies the effort none where they lack it
NONE_UNTOLD = {"openai", "azure"}
ALWAYS_SEARCHES = re.compile(r"-search-(preview|api)(-|$)")

TOKENS = tuple(f"{kind}_price" for kind in PRICES)
OTHERS = ("search_price", "request_price", "variants")
CHUNKS = ("max_tokens_per_chunk", "max_batch_size")
TOLD = (*ABILITIES, *DENIALS, "reasoning_levels")
KEYS = ("type", "endpoint", *LIMITS, *CHUNKS, *TOKENS, *OTHERS, *TOLD)
assert {*KEYS} <= {each.name for each in MODEL_SETTINGS} | {"supports_adaptive_thinking"}
FIGURES = {*LIMITS, *TOKENS, *OTHERS}

# the keys that a type has no use for
SILENT = {
    "max_output_tokens",
    "request_price",
    "variants",
    *TOKENS,
    *DENIALS,
    "reasoning_levels",
} - {"input_price"}
FOREIGN = {
    "chat": {"dimensions", *CHUNKS},
    "embedding": {"search_price", *SILENT},
    "reranker": {"dimensions", *CHUNKS, *SILENT},
}

REACHABLE = {"/v1/chat/completions", "/v1/responses"}
NOISE = re.compile(
    r"^ft:|:batch$|gemini-omni|(^|[-_/.])(audio|realtime|tts|image|live|lyria|banana|transcribe|"
    r"sonic|speech|voice|ocr|decider|embed|embedding|rerank|reranker)([-_/.]|$)",
    re.IGNORECASE,
)

if __name__ == "__main__":
    main()
