"""Azure OpenAI: OpenAI's protocols at a resource of the user's own."""

from __future__ import annotations

from urllib.parse import quote

from loki.providers.base import Locate, Provider, Route, always, as_header, at, bearer
from loki.providers.openai import OPENAI_DIALECT, openai_url, openai_wire
from loki.records import Target


def azure_at(path: Locate) -> Locate:
    """Return a function that locates ``path`` below v1, or where ``api_version`` is set below
    the older path, which names the deployment.
    """

    def locate(target: Target, base: str) -> str:
        root = base.removesuffix("/openai/v1").removesuffix("/openai")
        version = target.client.settings.get("api_version")
        if version is None:
            return path(target, f"{root}/openai/v1")
        deployment = quote(target.model.real_name, safe="")
        prefix = "" if openai_wire(target) == "responses" else f"/deployments/{deployment}"
        url = path(target, f"{root}/openai{prefix}")
        return f"{url}?api-version={quote(version.value, safe='')}"

    return locate


AZURE = Provider(
    api_base="",
    routes={
        "chat": Route(openai_wire, azure_at(openai_url)),
        "embedding": Route(always("openai"), azure_at(at("embeddings"))),
    },
    proofs={"access_token": bearer, "api_key": as_header("api-key")},
    dialect=OPENAI_DIALECT,
    batch="azure",
)
