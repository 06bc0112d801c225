"""Cohere: chat, embeddings and reranking, v2."""

from __future__ import annotations

from loki.providers.base import Provider, Route, bearer, fixed_path, fixed_wire, model_list_at

COHERE = Provider(
    api_base="https://api.cohere.com/v2",
    routes={
        "chat": Route(fixed_wire("cohere"), fixed_path("chat")),
        "embedding": Route(fixed_wire("cohere"), fixed_path("embed")),
        "reranker": Route(fixed_wire("cohere-rerank"), fixed_path("rerank")),
    },
    auth_headers={"access_token": bearer, "api_key": bearer},
    variables={"api_key": ("CO_API_KEY",)},
    model_lists=model_list_at("v1/models?page_size=1000", end="/v2"),
)
