"""Lists of models as providers write them: names, types, limits and abilities; and their pages."""

from __future__ import annotations

from typing import Any

import pytest

from loki.providers.model_list import is_list, next_page, read_models

#: Pages as the providers' references show them, each with what is told of its models.
PAGES: dict[str, tuple[Any, list[dict[str, Any]]]] = {
    "OpenAI": (
        {
            "object": "list",
            "data": [
                {"id": "gpt-x", "object": "model", "created": 1, "owned_by": "system"},
                {"id": "text-embedding-x", "object": "model"},
                {"id": "tts-x", "object": "model"},
                {"id": "omni-moderation-latest", "object": "model"},
            ],
        },
        [
            {"name": "gpt-x", "type": "chat"},
            {"name": "text-embedding-x", "type": "embedding"},
            {"name": "tts-x", "type": "other"},
            {"name": "omni-moderation-latest", "type": "other"},
        ],
    ),
    "Azure": (
        {
            "data": [
                {"id": "gpt-x", "capabilities": {"chat_completion": True, "embeddings": False}},
                {"id": "ada-x", "capabilities": {"chat_completion": False, "embeddings": True}},
            ]
        },
        [{"name": "gpt-x", "type": "chat"}, {"name": "ada-x", "type": "embedding"}],
    ),
    "Anthropic": (
        {
            "data": [
                {
                    "type": "model",
                    "id": "claude-x",
                    "display_name": "Claude X",
                    "max_input_tokens": 1000000,
                    "max_tokens": 128000,
                    "capabilities": {
                        "image_input": {"supported": True},
                        "pdf_input": {"supported": True},
                        "structured_outputs": {"supported": True},
                        "thinking": {"supported": False, "types": {}},
                    },
                }
            ],
            "has_more": False,
        },
        [
            {
                "name": "claude-x",
                "type": "chat",
                "max_input_tokens": 1000000,
                "max_output_tokens": 128000,
                "supports_vision": True,
                "supports_reasoning": False,
                "supports_pdf": True,
                "supports_schema": True,
            }
        ],
    ),
    "Gemini": (
        {
            "models": [
                {
                    "name": "models/gemini-x",
                    "inputTokenLimit": 1048576,
                    "outputTokenLimit": 65536,
                    "supportedGenerationMethods": ["generateContent", "countTokens"],
                    "thinking": True,
                },
                {
                    "name": "models/gemini-embedding-x",
                    "inputTokenLimit": 2048,
                    "outputTokenLimit": 1,
                    "supportedGenerationMethods": ["embedContent", "countTextTokens"],
                },
                {"name": "models/imagen-x", "supportedGenerationMethods": ["predict"]},
            ]
        },
        [
            {
                "name": "gemini-x",
                "type": "chat",
                "max_input_tokens": 1048576,
                "max_output_tokens": 65536,
                "supports_reasoning": True,
            },
            {
                "name": "gemini-embedding-x",
                "type": "embedding",
                "max_input_tokens": 2048,
                "max_output_tokens": 1,
            },
            {"name": "imagen-x", "type": "other"},
        ],
    ),
    "Vertex AI": (
        {"publisherModels": [{"name": "publishers/google/models/gemini-x", "versionId": "001"}]},
        [{"name": "gemini-x", "type": "chat"}],
    ),
    "Cohere": (
        {
            "models": [
                {"name": "command-x", "endpoints": ["generate", "chat"], "context_length": 256000},
                {"name": "embed-x", "endpoints": ["embed", "classify"], "context_length": 512},
                {"name": "rerank-x", "endpoints": ["rerank"], "context_length": 4096},
            ]
        },
        [
            {"name": "command-x", "type": "chat", "max_input_tokens": 256000},
            {"name": "embed-x", "type": "embedding", "max_input_tokens": 512},
            {"name": "rerank-x", "type": "reranker", "max_input_tokens": 4096},
        ],
    ),
    "Mistral": (
        {
            "data": [
                {
                    "id": "mistral-x",
                    "capabilities": {
                        "completion_chat": True,
                        "function_calling": True,
                        "vision": False,
                    },
                    "max_context_length": 131072,
                    "type": "base",
                }
            ]
        },
        [
            {
                "name": "mistral-x",
                "type": "chat",
                "max_input_tokens": 131072,
                "supports_vision": False,
                "supports_function_calling": True,
            }
        ],
    ),
    "Bedrock": (
        {
            "modelSummaries": [
                {
                    "modelId": "maker.chat-x-v1:0",
                    "inputModalities": ["TEXT", "IMAGE"],
                    "outputModalities": ["TEXT"],
                },
                {
                    "modelId": "maker.embed-x",
                    "inputModalities": ["TEXT"],
                    "outputModalities": ["EMBEDDING"],
                },
                {
                    "modelId": "maker.draw-x",
                    "inputModalities": ["TEXT"],
                    "outputModalities": ["IMAGE"],
                },
                {
                    "modelId": "maker.rerank-x",
                    "inputModalities": ["TEXT"],
                    "outputModalities": ["TEXT"],
                },
            ]
        },
        [
            {"name": "maker.chat-x-v1:0", "type": "chat", "supports_vision": True},
            {"name": "maker.embed-x", "type": "embedding", "supports_vision": False},
            {"name": "maker.draw-x", "type": "other", "supports_vision": False},
            {"name": "maker.rerank-x", "type": "reranker", "supports_vision": False},
        ],
    ),
    "Bedrock's profiles": (
        {"inferenceProfileSummaries": [{"inferenceProfileId": "jp.maker.chat-x", "models": []}]},
        [{"name": "jp.maker.chat-x", "type": "chat"}],
    ),
    "Ollama": (
        {"models": [{"name": "tiny:1b", "model": "tiny:1b", "details": {"family": "tiny"}}]},
        [{"name": "tiny:1b", "type": "chat"}],
    ),
    "OpenRouter": (
        {
            "data": [
                {
                    "id": "maker/m",
                    "context_length": 200000,
                    "architecture": {
                        "input_modalities": ["text", "image"],
                        "output_modalities": ["text"],
                    },
                    "top_provider": {"max_completion_tokens": 64000},
                    "supported_parameters": ["tools", "structured_outputs", "max_tokens"],
                }
            ]
        },
        [
            {
                "name": "maker/m",
                "type": "chat",
                "max_input_tokens": 200000,
                "max_output_tokens": 64000,
                "supports_vision": True,
                "supports_function_calling": True,
                "supports_reasoning": False,
                "supports_schema": True,
            }
        ],
    ),
    "GitHub": (
        [
            {
                "id": "maker/m",
                "limits": {"max_input_tokens": 8000, "max_output_tokens": 4000},
                "capabilities": ["streaming", "tool-calling"],
                "supported_input_modalities": ["text"],
                "supported_output_modalities": ["text"],
            }
        ],
        [
            {
                "name": "maker/m",
                "type": "chat",
                "max_input_tokens": 8000,
                "max_output_tokens": 4000,
                "supports_vision": False,
                "supports_function_calling": True,
                "supports_reasoning": False,
            }
        ],
    ),
    "Together": (
        [
            {"id": "maker/m", "type": "rerank", "context_length": 8192},
            {"id": "e", "type": "embedding"},
        ],
        [
            {"name": "maker/m", "type": "reranker", "max_input_tokens": 8192},
            {"name": "e", "type": "embedding"},
        ],
    ),
    "nothing that can be asked": ({"data": [{"id": 1}, "m", None, {}]}, []),
    "numbers that are none": (
        {"data": [{"id": "m", "context_length": "many", "max_tokens": -1}]},
        [{"name": "m", "type": "chat"}],
    ),
}


@pytest.mark.parametrize("provider", PAGES)
def test_a_page_tells_what_its_models_can(provider: str) -> None:
    page, models = PAGES[provider]
    assert [*read_models(page)] == models


def test_a_list_of_one_maker_s_models_is_asked_by_ids_that_name_it() -> None:
    page = {"publisherModels": [{"name": "publishers/meta/models/llama-x-maas"}]}
    assert [each["name"] for each in read_models(page, "meta/")] == ["meta/llama-x-maas"]


URL = "https://a.example/models?limit=1000"
NEXT: list[tuple[Any, str]] = [
    ({"has_more": True, "last_id": "m b"}, f"{URL}&after_id=m+b"),
    ({"has_more": False, "last_id": "m"}, ""),
    ({"has_more": True, "last_id": ""}, ""),
    ({"nextPageToken": "t"}, f"{URL}&pageToken=t"),
    ({"next_page_token": "t"}, f"{URL}&page_token=t"),
    ({"nextToken": "t"}, f"{URL}&nextToken=t"),
    ({"nextToken": None}, ""),
    ([], ""),
    (None, ""),
]


@pytest.mark.parametrize(("page", "url"), NEXT)
def test_a_page_says_where_the_next_one_is(page: Any, url: str) -> None:
    assert next_page(URL, page) == url


@pytest.mark.parametrize("data", [[], {"data": []}, {"models": None}, {"publisherModels": []}])
def test_an_empty_list_is_a_list(data: Any) -> None:
    assert is_list(data)


@pytest.mark.parametrize("data", [None, "", 1, {}, {"error": "no"}, {"data": "x"}])
def test_anything_else_is_no_list(data: Any) -> None:
    assert not is_list(data)
