"""A provider's own list of models -> names, types, limits and abilities, as far as it tells them.

The lists differ in where the entries stand and what they call a thing, so that is a table: each
fact with the paths at which some provider tells it. A fact that no path leads to is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit

from toolz import get_in

from loki.json_text import Json, JsonObject

Path = tuple[str, ...]


def read_models(data: Json, prefix: str = "") -> Iterator[JsonObject]:
    """Yield the models of a page of a list, each as settings of the catalogue.

    >>> [*read_models({"data": [{"id": "m", "context_length": 8}]})]
    [{'name': 'm', 'type': 'chat', 'max_input_tokens': 8}]
    >>> [*read_models({"models": [{"name": "models/e", "supportedGenerationMethods": ["embed"]}]})]
    [{'name': 'e', 'type': 'embedding'}]
    """
    for entry in entries_in(data):
        name = name_of(entry)
        if name:
            yield {"name": prefix + name, "type": type_of(entry, name), **facts_of(entry)}


def is_list(data: Json) -> bool:
    """Return whether a JSON value is a list of models, be it an empty one."""
    if isinstance(data, list):
        return True
    return any(found is None or isinstance(found, list) for found in containers(data))


def containers(data: Json) -> Iterator[Json]:
    """Yield what stands under the names that lists have."""
    if isinstance(data, dict):
        yield from (data[key] for key in CONTAINERS if key in data)


def entries_in(data: Json) -> Iterator[JsonObject]:
    """Yield the entries of a list, wherever in its JSON they stand."""
    lists = [data] if isinstance(data, list) else containers(data)
    for entries in lists:
        if isinstance(entries, list):
            yield from (entry for entry in entries if isinstance(entry, dict))


def name_of(entry: JsonObject) -> str:
    """Return the name by which a model is asked, without the path of a resource.

    >>> name_of({"name": "publishers/google/models/g"}), name_of({"modelId": "a.b"}), name_of({})
    ('g', 'a.b', '')
    """
    name = next((entry[key] for key in NAMES if isinstance(entry.get(key), str)), "")
    return re.sub(r"^(publishers/[^/]+/)?models/", "", name)


def type_of(entry: JsonObject, name: str) -> str:
    """Return what a model is for: chat, embedding, reranker or other.

    >>> type_of({}, "embed-4"), type_of({"type": "rerank"}, "x"), type_of({}, "tts-1")
    ('embedding', 'reranker', 'other')
    """
    if "rerank" in name.lower():
        return "reranker"  # Bedrock says only that it writes text
    words = " ".join(word.lower() for path in TYPES for word in words_at(entry, path))
    for type_, pattern in WORDS:
        if re.search(pattern, words):
            return type_
    return next((type_ for type_, pattern in IN_NAMES if re.search(pattern, name.lower())), "chat")


def facts_of(entry: JsonObject) -> JsonObject:
    """Return the limits and abilities that an entry tells."""
    counts = {key: count_at(entry, paths) for key, paths in COUNTS.items()}
    flags = {key: flag_of(entry, key) for key in FLAGS}
    return {key: fact for key, fact in {**counts, **flags}.items() if fact is not None}


def count_at(entry: JsonObject, paths: tuple[Path, ...]) -> int | None:
    """Return the first number of tokens that some path leads to."""
    found = (get_in(path, entry) for path in paths)
    return next((n for n in found if type(n) is int and 0 < n < 10**12), None)


def flag_of(entry: JsonObject, key: str) -> bool | None:
    """Return an ability: told outright, or by its word in a list; None where nothing tells it."""
    paths, lists, pattern = FLAGS[key]
    result = next((flag for path in paths if isinstance(flag := get_in(path, entry), bool)), None)
    if result is not None:
        return result
    told_lists = [path for path in lists if isinstance(get_in(path, entry), list)]
    words = [word for path in told_lists for word in words_at(entry, path)]
    return any(re.fullmatch(pattern, word.lower()) for word in words) if words else None


def words_at(entry: JsonObject, path: Path) -> list[str]:
    """Return the words at a path: a text, the texts of a list, or the keys that are true."""
    match get_in(path, entry):
        case str(word):
            return [word]
        case list(words):
            return [word for word in words if isinstance(word, str)]
        case dict(flags):
            return [key for key, flag in flags.items() if flag is True]
    return []


def next_page(url: str, data: Json) -> str:
    """Return the address of the page after one, empty at the end.

    >>> next_page("https://a.example/models?limit=9", {"has_more": True, "last_id": "m"})
    'https://a.example/models?limit=9&after_id=m'
    >>> next_page("https://a.example/models?pageToken=a", {"nextPageToken": "b"})
    'https://a.example/models?pageToken=b'
    >>> next_page("https://a.example/models", {"nextPageToken": ""})
    ''
    """
    match data:
        case {"has_more": True, "last_id": str(token)} if token:
            return with_query(url, "after_id", token)
        case dict():
            for key, name in TOKENS.items():
                if isinstance(data.get(key), str) and data[key]:
                    return with_query(url, name, data[key])
    return ""


def with_query(url: str, name: str, value: str) -> str:
    """Return an address with a parameter set."""
    parts = urlsplit(url)
    pairs = [pair for pair in parse_qsl(parts.query) if pair[0] != name]
    return parts._replace(query=urlencode([*pairs, (name, value)])).geturl()


NAMES = ("inferenceProfileId", "modelId", "id", "name", "model")
CONTAINERS = (
    *("data", "models", "modelSummaries", "inferenceProfileSummaries", "publisherModels"),
    *("endpoints", "result"),
)
#: The keys of tokens for the next page, and the parameters that take them.
TOKENS = {
    "nextPageToken": "pageToken",  # Google
    "next_page_token": "page_token",  # Cohere
    "nextToken": "nextToken",  # AWS
}

#: Where entries say what a model is for.
TYPES: tuple[Path, ...] = (
    ("type",),  # Together, Vercel, Venice
    ("task",),  # Databricks
    ("task", "name"),  # Cloudflare
    ("endpoints",),  # Cohere
    ("supportedGenerationMethods",),  # Gemini
    ("outputModalities",),  # Bedrock
    ("supported_output_modalities",),  # GitHub
    ("architecture", "output_modalities"),  # OpenRouter
    ("capabilities",),  # Azure, Mistral
)
WORDS = (
    ("reranker", r"rerank"),
    ("chat", r"chat|generatecontent|\btext\b|\blanguage\b|\bllm\b|text.generation"),
    ("embedding", r"embed"),
    ("other", r"image|audio|speech|video|transcri|moderation|predict"),
)
IN_NAMES = (
    ("embedding", r"embed|\bbge-|\be5-"),
    ("other", r"^(tts|whisper|dall-e|sora|gpt-image|imagen|veo)|moderation|transcribe|realtime"),
)

COUNTS: Mapping[str, tuple[Path, ...]] = {
    "max_input_tokens": (
        ("max_input_tokens",),  # Anthropic
        ("inputTokenLimit",),  # Gemini
        ("limits", "max_input_tokens"),  # GitHub
        ("context_length",),  # OpenRouter, Together, Fireworks, Cohere, SambaNova
        ("context_window",),  # Groq, Vercel
        ("max_context_length",),  # Mistral
        ("max_model_len",),  # vLLM
        ("context_size",),  # Novita
        ("metadata", "context_length"),  # DeepInfra
        ("model_spec", "availableContextTokens"),  # Venice
        ("meta", "n_ctx_train"),  # llama.cpp
    ),
    "max_output_tokens": (
        ("outputTokenLimit",),
        ("limits", "max_output_tokens"),
        ("top_provider", "max_completion_tokens"),
        ("max_completion_tokens",),
        ("max_output_tokens",),
        ("metadata", "max_tokens"),
        ("max_tokens",),  # Anthropic, Vercel
    ),
}

#: Paths of flags, paths of lists, and the words in such a list that mean it.
FLAGS: Mapping[str, tuple[tuple[Path, ...], tuple[Path, ...], str]] = {
    "supports_vision": (
        (
            ("capabilities", "image_input", "supported"),  # Anthropic
            ("capabilities", "vision"),  # Mistral
            ("model_spec", "capabilities", "supportsVision"),
            ("supports_image_input",),  # Fireworks
            ("supports_vision",),  # Cohere
        ),
        (
            ("architecture", "input_modalities"),
            ("supported_input_modalities",),
            ("inputModalities",),
            ("input_modalities",),
        ),
        "image",
    ),
    "supports_function_calling": (
        (
            ("capabilities", "function_calling"),
            ("model_spec", "capabilities", "supportsFunctionCalling"),
            ("supports_tools",),
        ),
        (("supported_parameters",), ("capabilities",), ("features",), ("tags",)),
        r"tools?|tool[-_]call(ing)?|tool-use|function[-_]call(ing)?",
    ),
    "supports_reasoning": (
        (
            ("capabilities", "thinking", "supported"),
            ("capabilities", "reasoning"),
            ("model_spec", "capabilities", "supportsReasoning"),
            ("thinking",),  # Gemini
        ),
        (("supported_parameters",), ("capabilities",), ("features",), ("tags",)),
        r"reasoning(_effort)?|thinking",
    ),
    "supports_pdf": ((("capabilities", "pdf_input", "supported"),), (), "pdf"),
    "supports_schema": (
        (
            ("capabilities", "structured_outputs", "supported"),
            ("model_spec", "capabilities", "supportsResponseSchema"),
        ),
        (("supported_parameters",), ("features",)),
        r"structured[-_]outputs?",
    ),
}
