"""Wheels of litellm and genai-prices -> the text of loki/data/models.json, the built-in catalogue.

    python scripts/dev/catalogue.py --date 2026-11-22 > loki/data/models.json

litellm gives the limits, the abilities and the prices; genai-prices fills the gaps. Where the two
disagree on a price litellm's stays, and stderr says so. Facts and figures only: both are MIT.
The tables that a maintainer edits, CLIENTS and FIRST, stand last.
"""

import argparse
import ast
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
from typing import Any, NamedTuple

Raw = Mapping[str, Any]
Entry = dict[str, Any]
Section = dict[str, Entry]


class Source(NamedTuple):
    """Where one client's models come from."""

    litellm: tuple[str, ...] = ()  # the values of `litellm_provider`
    prefix: str = ""  # taken off the front of litellm's keys
    keep: str = r".+"  # the pattern that the whole of a model's id fits
    genai: str = ""  # the id of the provider in genai-prices
    grow: bool = False  # whether genai-prices adds models, or only prices


def tidy(price: Decimal | int, scale: int = 1) -> Decimal:
    """A price times a scale, without the float noise that the source's own text may carry."""
    return round(Decimal(price) * scale, 9).normalize()


def stated(prices: Mapping[str, Decimal | int | None], scale: int = 1) -> Entry:
    """The known prices; zero is a price for tokens in and out, and a blank for anything else."""
    return {
        key: tidy(price, scale)
        for key, price in prices.items()
        if price is not None and (price or key in MAY_BE_FREE)
    }


def entry(raw: Raw) -> Entry:
    """A litellm record in our words, without what is unknown; of tiered prices the first."""
    kind = TYPES[raw["mode"]]
    flat = {**next(iter(raw.get("tiered_pricing", ())), {}), **raw}
    found = {
        "type": kind,
        **({"endpoint": "responses"} if responds_only(raw) else {}),
        **{ours: int(raw[theirs]) for ours, theirs in LIMITS.items() if raw.get(theirs)},
        **stated({ours: flat.get(theirs) for ours, (theirs, _) in PRICES.items()}, 1_000_000),
        **stated({"search_price": raw.get("input_cost_per_query")}),
        **{ours: True for ours, theirs in ABILITIES.items() if raw.get(theirs) is True},
        **{key: False for key in DENIALS if raw.get(key) is False},
    }
    return proper(found)


def proper(found: Entry) -> Entry:
    """An entry in the order of KEYS, without those that mean nothing for its type."""
    paid_otherwise = found.get("search_price") or found.get("output_price")
    blank = {"input_price"} if paid_otherwise and not found.get("input_price") else set()
    unused = FOREIGN[found["type"]] | blank
    return {key: found[key] for key in KEYS if key in found and key not in unused}


def responds_only(raw: Raw) -> bool:
    """Whether a model answers on the responses endpoint and not on chat completions."""
    ends = raw.get("supported_endpoints") or ()
    alone = "/v1/responses" in ends and "/v1/chat/completions" not in ends
    return raw["mode"] == "responses" or alone


def talks(model: str, raw: Raw) -> bool:
    """Whether a chat client can reach a model and gets text from it."""
    ends, says = raw.get("supported_endpoints"), raw.get("supported_output_modalities")
    heard = (not ends or not REACHABLE.isdisjoint(ends)) and (not says or "text" in says)
    return heard and not NOISE.search(model)


def wanted(model: str, raw: Raw, date: str) -> bool:
    """Whether a litellm record is a chat, embedding or rerank model in service on the date."""
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
    """The ids that a match clause of genai-prices names in full, in lower case."""
    match clause:
        case {"is": "ClauseEquals", "equals": str(name)}:
            return {name.lower()}
        case {"is": "ClauseOr", "or_": list(parts)}:
            return {name for part in parts for name in exact(part)}
        case _:
            return set()


def active(row: Raw, date: str) -> bool:
    """Whether a dated price holds on the date at any hour."""
    start = (row.get("constraint") or {"start_date": ""}).get("start_date")
    return start is not None and start <= date


def prices_on(model: Raw, date: str) -> Entry:
    """The prices of a genai-prices model on the date; of tiered prices the first."""
    rows = model.get("prices") or {}
    rows = [{"prices": rows}] if isinstance(rows, dict) else rows
    now = ([row for row in rows if active(row, date)] or rows[:1])[-1]["prices"]
    each = {ours: now.get(theirs) for ours, (_, theirs) in PRICES.items()}
    return stated({k: v["base"] if isinstance(v, dict) else v for k, v in each.items()})


def newcomer(model: Raw, date: str) -> Entry:
    """An entry for a model that only genai-prices knows, or nothing where it knows too little."""
    name: str = model["id"]
    free = {"input_price": Decimal(0), "output_price": Decimal(0)}
    paid = free if name.endswith(":free") else prices_on(model, date)
    sure = name.lower() in exact(model["match"]) and not model.get("deprecated")
    if not (sure and model.get("context_window") and paid.keys() >= free.keys()):
        return {}
    if NOISE.search(name):
        return {}
    return proper({"type": "chat", "max_input_tokens": model["context_window"], **paid})


def by_name(models: list[Raw]) -> dict[str, Raw]:
    """The models of a genai-prices provider under each exact name, the id before the aliases."""
    aliases = {name: model for model in models for name in exact(model["match"])}
    return {**aliases, **{model["id"].lower(): model for model in models}}


def section(source: Source, records: Mapping[str, Raw], models: list[Raw], date: str) -> Section:
    """One client's models, unordered: litellm's with their gaps filled, then the newcomers."""
    raws, others = named(source, records), by_name(models)
    paid = {model: prices_on(others.get(model.lower(), {"prices": {}}), date) for model in raws}
    known = {
        model: proper({**paid[model], **entry(raw)})
        for model, raw in raws.items()
        if wanted(model, raw, date)
    }
    seen = {model.lower() for model in raws}
    fresh = [m for m in models if source.grow and not seen & {m["id"].lower(), *exact(m["match"])}]
    new = {m["id"]: newcomer(m, date) for m in fresh if re.fullmatch(source.keep, m["id"])}
    return known | {model: found for model, found in new.items() if found}


def disagreements(client: str, found: Section, models: list[Raw], date: str) -> Iterator[str]:
    """A line for each price that genai-prices gives otherwise."""
    others = by_name(models)
    for model, ours_all in found.items():
        theirs = prices_on(others.get(model.lower(), {"prices": {}}), date)
        for key in PRICES:
            ours, other = ours_all.get(key), theirs.get(key)
            if ours is not None and other is not None and ours != other:
                yield f"{client}:{model} {key}: litellm {ours:f}, genai-prices {other:f}"


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


def line(found: Entry) -> str:
    """An entry as JSON on one line, its decimals written minimally."""
    text = {k: f"{v:f}" if isinstance(v, Decimal) else json.dumps(v) for k, v in found.items()}
    return "{" + ", ".join(f'"{key}": {value}' for key, value in text.items()) + "}"


def render(date: str, sources: Mapping[str, str], clients: Mapping[str, Section]) -> str:
    """The catalogue as text: a model a line, so that a reader may slice one client's section."""
    sections = [
        f'"{client}": {{\n'
        + ",\n".join(f"{json.dumps(model)}: {line(each)}" for model, each in found.items())
        + "\n}"
        for client, found in clients.items()
    ]
    head = f'"date": {json.dumps(date)},\n"sources": {json.dumps(sources)},\n"clients": {{\n'
    return "{\n" + head + ",\n".join(sections) + "\n}\n}\n"


def inside(wheel: Path, name: str) -> str:
    """The text of one file of a wheel."""
    with zipfile.ZipFile(wheel) as files:
        return files.read(name).decode()


def fetch(package: str, folder: str) -> Path:
    """The package's newest wheel, downloaded into the folder."""
    order = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", folder, package]
    subprocess.run(order, check=True, stdout=sys.stderr)
    return next(Path(folder).glob(package.replace("-", "_") + "-*.whl"))


def catalogue(litellm: Path, genai: Path, date: str) -> str:
    """The two wheels -> the catalogue's text; what they disagree on goes to stderr."""
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

# our key: (litellm's key, US dollars a token; genai-prices' key, US dollars a million tokens)
PRICES = {
    "input_price": ("input_cost_per_token", "input_mtok"),
    "output_price": ("output_cost_per_token", "output_mtok"),
    "cache_read_price": ("cache_read_input_token_cost", "cache_read_mtok"),
    "cache_write_price": ("cache_creation_input_token_cost", "cache_write_mtok"),
    "cache_write_1h_price": ("cache_creation_input_token_cost_above_1hr", "cache_write_1h_mtok"),
}
KEYS = ("type", "endpoint", *LIMITS, *PRICES, "search_price", *ABILITIES, *DENIALS)
MAY_BE_FREE = {"input_price", "output_price"}
FIGURES = LIMITS.keys() | PRICES.keys() | {"search_price"}

# the keys that a type has no use for
SILENT = {"max_output_tokens", *PRICES, *DENIALS} - {"input_price"}
FOREIGN = {
    "chat": {"dimensions", "search_price"},
    "embedding": {"search_price", *SILENT},
    "reranker": {"dimensions", *SILENT},
}

REACHABLE = {"/v1/chat/completions", "/v1/responses"}
NOISE = re.compile(
    r"^ft:|:batch$|gemini-omni|(^|[-_/.])(audio|realtime|tts|image|live|lyria|banana|transcribe|"
    r"sonic|speech|voice|ocr|decider|embed|embedding|rerank|reranker)([-_/.]|$)",
    re.IGNORECASE,
)

# litellm's key: the figures there that are wrong, each with the reason
FLAWS = {"embed-multilingual-light-v3.0": {"input_cost_per_token"}}  # a thousand times its kin's

VERTEX = "vertex_ai"
CLIENTS = {
    "openai": Source(("openai",), keep=r"[^/]+", genai="openai"),
    "azure-openai": Source(("azure",), "azure/", r"[^/]+", "azure"),
    "claude": Source(("anthropic",), genai="anthropic", grow=True),
    "cohere": Source(("cohere", "cohere_chat"), "cohere/", genai="cohere"),
    "gemini": Source(("gemini",), "gemini/", genai="google"),
    "vertexai": Source(
        (
            VERTEX,
            f"{VERTEX}-language-models",
            f"{VERTEX}-anthropic_models",
            f"{VERTEX}-mistral_models",
            f"{VERTEX}-embedding-models",
        ),
        f"{VERTEX}/",
        r"(?!gemma|medlm)[^/]+",
        "google",
    ),
    "bedrock": Source(
        ("bedrock", "bedrock_converse"),
        "bedrock/",
        r"((us|eu|apac|global)\.)?[a-z][a-z0-9]{2,}\.[^/@]+",
        "aws",
    ),
    "ai21": Source(("ai21",)),
    "cloudflare": Source(("cloudflare",), "cloudflare/", genai="cloudflare", grow=True),
    "deepinfra": Source(("deepinfra",), "deepinfra/"),
    "deepseek": Source(("deepseek",), "deepseek/", genai="deepseek"),
    "groq": Source(("groq",), "groq/", genai="groq"),
    "hunyuan": Source(("tencent",), "tencent/"),
    "jina": Source(("jina_ai",), "jina_ai/"),
    "minimax": Source(("minimax",), "minimax/", genai="minimax", grow=True),
    "mistral": Source(("mistral",), "mistral/", genai="mistral"),
    "moonshot": Source(("moonshot",), "moonshot/", genai="moonshotai", grow=True),
    "ollama": Source(("ollama",), "ollama/"),
    "openrouter": Source(("openrouter",), "openrouter/", r"[^/]+/[^/]+", "openrouter", grow=True),
    "perplexity": Source(("perplexity",), "perplexity/", genai="perplexity"),
    "qianwen": Source(("dashscope",), "dashscope/"),
    "voyageai": Source(("voyage",), "voyage/", genai="voyageai"),
    "xai": Source(("xai",), "xai/", genai="x-ai"),
    "zhipuai": Source(("zai",), "zai/", genai="zai"),
}

# client: what a user gets who names only the client, then its default embedder and reranker
FIRST = {
    "openai": ("gpt-6.1-terra", "text-embedding-3-small"),
    "azure-openai": ("gpt-6.1-terra", "text-embedding-3-small"),
    "claude": ("claude-sonnet-5-5",),
    "cohere": ("command-a-03-2025", "embed-v5.0-pro", "rerank-v5.0-pro"),
    "gemini": ("gemini-3.8-flash", "gemini-embedding-001"),
    "vertexai": ("gemini-3.8-flash", "text-embedding-005", "semantic-ranker-default-004"),
    "bedrock": (
        "global.anthropic.claude-sonnet-5-5",
        "cohere.embed-v4:0",
        "cohere.rerank-v3-5:0",
    ),
    "ai21": ("jamba-large-1.7",),
    "cloudflare": ("@cf/openai/gpt-oss-120b",),
    "deepinfra": ("deepseek-ai/DeepSeek-V4.1-Flash",),
    "deepseek": ("deepseek-flash",),
    "groq": ("openai/gpt-oss-120b",),
    "hunyuan": ("deepseek-v4.1-flash",),
    "jina": ("jina-reranker-v2-base-multilingual",),
    "minimax": ("MiniMax-M3",),
    "mistral": ("mistral-medium-latest", "mistral-embed"),
    "moonshot": ("kimi-k3.1-pro",),
    "ollama": ("llama3.1",),
    "openrouter": ("openai/gpt-6.1-terra",),
    "perplexity": ("sonar", "pplx-embed-v1-4b"),
    "qianwen": ("qwen3.7-plus",),
    "voyageai": ("voyage-4", "rerank-3"),
    "xai": ("grok-4.7",),
    "zhipuai": ("glm-5.3",),
}

if __name__ == "__main__":
    main()
