"""AWS Bedrock: Converse, the invocation of embedding models, the rerankers of its agents."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from loki.providers.base import THINKING, Provider, Route, bearer, fixed_wire, quoted_setting
from loki.providers.openai import PATHS
from loki.records import Target


def bedrock_wire(target: Target) -> str:
    """Return Converse, or what the newer models of OpenAI speak there too.

    docs.aws.amazon.com/bedrock/latest/userguide/inference-responses-api.html
    """
    model = target.model
    if model.endpoint == "responses":
        return "responses"
    if not re.search(OPENAI_MODELS, model.real_name):
        return "converse"
    return "openai" if model.endpoint == "chat" else "responses"


#: Ids of models of OpenAI, with or without a profile (us. eu. jp. au. apac. global.); their
#: open ones (gpt-oss) speak Converse.
OPENAI_MODELS = r"(?:^|[./])openai\.gpt-(?!oss)"


def bedrock_url(target: Target, base: str) -> str:
    """Return the URL of a chat; an id or ARN is one segment, its colons and slashes encoded."""
    root, wire = with_region(target, base), bedrock_wire(target)
    if wire in PATHS:
        return f"{root}/openai/v1/{PATHS[wire]}"
    action = "converse-stream" if target.ask.stream else "converse"
    return f"{root}/model/{quote(target.model.real_name, safe='')}/{action}"


def bedrock_embed_wire(target: Target) -> str:
    """Return the name of the wire by the maker, whom either name of the model may tell."""
    names = f"{target.model.real_name} {target.model.name}"
    return "cohere-bedrock" if "cohere" in names else "titan"


def bedrock_embed_url(target: Target, base: str) -> str:
    """Return the URL for the invocation of a model, for what Converse does not do."""
    name = quote(target.model.real_name, safe="")
    return f"{with_region(target, base)}/model/{name}/invoke"


def bedrock_rerank_url(target: Target, base: str) -> str:
    """Return the URL of the rerankers, which live on the host of the agents' runtime."""
    root = with_region(target, base)
    return f"{root.replace('//bedrock-runtime', '//bedrock-agent-runtime', 1)}/rerank"


def bedrock_model_lists(target: Target, base: str) -> tuple[tuple[str, str], ...]:
    """Return the URLs of the models and of the profiles, which live on the controlling host."""
    root = with_region(target, base).replace("//bedrock-runtime", "//bedrock", 1)
    return (f"{root}/foundation-models", ""), (f"{root}/inference-profiles?maxResults=1000", "")


def with_region(target: Target, base: str) -> str:
    """Return the base with the client's region in its place."""
    return base.replace("{region}", quoted_setting(target.client, "region"))


def bedrock_unsupported(target: Target) -> str:
    """Return what is not configured: a region, part of the address and of every signature."""
    settings = target.client.settings
    region = settings.get("region")
    proven = "access_token" in settings or "api_key" in settings
    if (region and region.source == "literal") or ("api_base" in settings and proven):
        return ""
    return "needs a region, such as us-east-1: set `region` in the configuration, or AWS_REGION"


def sign_request(
    method: str,
    url: str,
    headers: Mapping[str, str],
    content: bytes,
    credentials: Mapping[str, str],
    now: float,
) -> dict[str, str]:
    """Return the headers with an AWS signature; what signs is loaded only where it is needed."""
    from loki.wire.bedrock.sigv4 import sign

    return sign(method, url, headers, content, credentials, now)


BEDROCK = Provider(
    api_base="https://bedrock-runtime.{region}.amazonaws.com",
    routes={
        "chat": Route(bedrock_wire, bedrock_url),
        "embedding": Route(bedrock_embed_wire, bedrock_embed_url),
        "reranker": Route(fixed_wire("bedrock-rerank"), bedrock_rerank_url),
    },
    auth_headers={"access_token": bearer, "api_key": bearer},
    variables={
        "api_key": ("AWS_BEARER_TOKEN_BEDROCK",),
        "region": ("AWS_REGION", "AWS_DEFAULT_REGION"),
        "access_key_id": ("AWS_ACCESS_KEY_ID",),
        "secret_access_key": ("AWS_SECRET_ACCESS_KEY",),
        "session_token": ("AWS_SESSION_TOKEN",),
    },
    keys=("access_key_id", "secret_access_key", "region"),
    more_keys=("session_token",),
    sign=sign_request,
    ambient_credentials="aws",
    explain_unsupported=bedrock_unsupported,
    model_lists=bedrock_model_lists,
    batch="bedrock",
    other_names=(THINKING,),
)
