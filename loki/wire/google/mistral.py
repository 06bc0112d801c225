"""Mistral's models on Vertex AI: the OpenAI wire with a dialect of its own."""

from __future__ import annotations

from returns.result import Result

from loki.json_text import JsonObject
from loki.problems import Problem
from loki.record import replace
from loki.records import Dialect, Target
from loki.wire.openai.chat_request import draft_chat


def draft_mistral(target: Target) -> Result[JsonObject, Problem]:
    """Return the body, its model without the ``@version`` that stands in the URL."""
    name = target.model.real_name.partition("@")[0]
    plain = replace(target.model, real_name=name)
    return draft_chat(replace(target, model=plain, dialect=MISTRAL))


MISTRAL = Dialect(
    seed="random_seed", stream_usage=False, media="mistral", developer="system", names=False
)
