"""Perplexity's Responses: Target -> body, where it departs from OpenAI's."""

from __future__ import annotations

from returns.result import Result, Success

from loki.json_text import Json, JsonObject
from loki.messages import Media
from loki.problems import Problem, fail
from loki.records import Target
from loki.wire.openai import responses_request
from loki.wire.openai.chat_request import draft_schema
from loki.wire.protocol import is_json_mode, without_none


def draft_chat(target: Target) -> Result[JsonObject, Problem]:
    """Return the body of a request.

    Source: the package perplexityai 0.46, response_create_params and input_item_param.
    """
    return Result.do(
        respell(target, body)
        for _ in check_supported(target)
        for body in responses_request.draft_chat(target)
    )


def check_supported(target: Target) -> Result[None, Problem]:
    """Return the Problem of what this API lacks, rather than drop it in silence."""
    name, model = target.client.name, target.model.name
    if target.ask.tool_choice not in (None, "auto"):
        return fail("usage", f"{name} takes no --tool-choice {target.ask.tool_choice} with {model}")
    parts = [(turn, part) for turn in target.ask.messages for part in turn.parts]
    for turn, part in parts:
        if isinstance(part, Media) and (turn.role == "tool" or part.media_type[:6] != "image/"):
            what = "text alone from a tool" if turn.role == "tool" else f"no {part.media_type}"
            return fail("usage", f"{name} takes {what} ({part.name or part.url}) with {model}")
    return Success(None)


def respell(target: Target, body: JsonObject) -> JsonObject:
    """Return OpenAI's body in Perplexity's words: typed messages, chat's form of a schema."""
    ask, name = target.ask, target.model.real_name
    schema = None if is_json_mode(ask.schema) else ask.schema  # the prompt asks for any JSON
    own = {
        "input": [draft_item(item) for item in body["input"] if item.get("type") != "reasoning"],
        "reasoning": {"effort": ask.reasoning} if ask.reasoning else None,
        "response_format": draft_schema(schema) if schema else None,
    }
    kept = {key: value for key, value in body.items() if key not in OTHERWISE}
    preset = name.removeprefix("preset/")
    asked = {"preset": preset} if preset != name else {"model": name}
    return {**asked, **kept, **without_none(own)}


def draft_item(item: Json) -> JsonObject:
    """Return an item with its type, which must be there; images have no level of detail.

    >>> draft_item({"role": "user", "content": "Hi"})
    {'type': 'message', 'role': 'user', 'content': 'Hi'}
    """
    match item:
        case {"type": str()}:
            return dict(item)
        case {"content": list(parts)}:
            plain = [{k: v for k, v in part.items() if k != "detail"} for part in parts]
            return {"type": "message", **item, "content": plain}
        case _:
            return {"type": "message", **item}


#: Parts of OpenAI's body that Perplexity has otherwise, or not at all.
OTHERWISE = ("model", "input", "reasoning", "text", "include", "tool_choice")
