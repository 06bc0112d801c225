"""Cohere: chat, embeddings and reranking, v2."""

from __future__ import annotations

from loki.providers.base import Provider, Route, always, at, bearer, list_at

COHERE = Provider(
    api_base="https://api.cohere.com/v2",
    routes={
        "chat": Route(always("cohere"), at("chat")),
        "embedding": Route(always("cohere"), at("embed")),
        "reranker": Route(always("cohere-rerank"), at("rerank")),
    },
    proofs={"access_token": bearer, "api_key": bearer},
    variables={"api_key": ("CO_API_KEY",)},
    lists=list_at("v1/models?page_size=1000", end="/v2"),
)
