"""Perplexity's two protocols: Target -> body, where they depart from OpenAI's."""

from __future__ import annotations

from collections.abc import Iterable

from returns.result import Result, Success

from loki.json_text import Json, JsonObject
from loki.messages import Media, Message
from loki.problems import Problem, fail
from loki.record import replace
from loki.records import Target
from loki.wire.openai import chat_request, responses_request
from loki.wire.openai.chat_request import draft_schema
from loki.wire.protocol import is_json_mode, without_none

# ---- Responses -----------------------------------------------------------------------------------


def draft_chat(target: Target) -> Result[JsonObject, Problem]:
    """Return the body of a request.

    Source: the package perplexityai 0.46, response_create_params and input_item_param.
    """
    return Result.do(
        rename_fields(target, body)
        for _ in check_supported(target)
        for body in responses_request.draft_chat(target)
    )


def check_supported(target: Target) -> Result[None, Problem]:
    """Return the Problem of what this API lacks, rather than drop it in silence."""
    name, model = target.client.name, target.model.name
    if target.ask.tool_choice not in (None, "auto"):
        return fail("usage", f"{name} takes no --tool-choice {target.ask.tool_choice} with {model}")
    sampling = {"temperature": target.ask.temperature, "top-p": target.ask.top_p}
    if given := next((flag for flag, value in sampling.items() if value is not None), ""):
        return fail("usage", f"{name} takes no --{given} with {model}")
    parts = [(turn, part) for turn in target.ask.messages for part in turn.parts]
    for turn, part in parts:
        if isinstance(part, Media) and (turn.role == "tool" or part.media_type[:6] != "image/"):
            what = "text alone from a tool" if turn.role == "tool" else f"no {part.media_type}"
            given = part.name or part.url or "attached"
            return fail("usage", f"{name} takes {what} ({given}) with {model}")
    return Success(None)


def rename_fields(target: Target, body: JsonObject) -> JsonObject:
    """Return OpenAI's body in Perplexity's words: typed messages, chat's form of a schema."""
    ask, name = target.ask, target.model.real_name
    schema = None if is_json_mode(ask.schema) else ask.schema  # the prompt asks for any JSON
    signed = signatures_in(ask.messages)
    items = [item for item in body["input"] if item.get("type") != "reasoning"]
    own = {
        "input": [{**draft_item(item), **signed.get(item.get("call_id"), {})} for item in items],
        "reasoning": {"effort": ask.reasoning} if ask.reasoning else None,
        "response_format": draft_schema(schema) if schema else None,
    }
    kept = {key: value for key, value in body.items() if key not in OTHERWISE}
    preset = name.removeprefix("preset/")
    asked = {"preset": preset} if preset != name else {"model": name}
    return {**asked, **kept, **without_none(own)}


def signatures_in(messages: Iterable[Message]) -> dict[str, JsonObject]:
    """Return the signatures of calls, by their ids, as a call and its answer must have them."""
    return {
        block["call_id"]: {"thought_signature": block["thought_signature"]}
        for message in messages
        for block in message.carry
        if {"call_id", "thought_signature"} <= block.keys()
    }


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


# ---- Chat Completions ----------------------------------------------------------------------------


def draft_completion(target: Target) -> Result[JsonObject, Problem]:
    """Return the body of a chat completion.

    Source: the package perplexityai 0.46, completion_create_params and chat_message_input.
    """
    return Result.do(
        respell_completion(body)
        for _ in check_completion(target)
        for body in chat_request.draft_chat(with_named_tool(target))
    )


def check_completion(target: Target) -> Result[None, Problem]:
    """Return the Problem of what chat completions lack here."""
    if target.ask.seed is not None:
        return fail("usage", f"{target.client.name} takes no --seed")
    parts = (part for turn in target.ask.messages for part in turn.parts)
    for part in parts:
        if isinstance(part, Media) and part.media_type[:6] not in ("image/", "applic"):
            given = part.name or part.url or "attached"
            return fail("usage", f"{target.client.name} takes no {part.media_type} ({given})")
    return Success(None)


def with_named_tool(target: Target) -> Target:
    """Return the target; a tool that must be called is offered alone, for it cannot be named."""
    ask = target.ask
    named = tuple(tool for tool in ask.tools if tool.name == ask.tool_choice)
    if not named:
        return target
    return replace(target, ask=replace(ask, tools=named, tool_choice="required"))


def respell_completion(body: JsonObject) -> JsonObject:
    """Return OpenAI's body in Perplexity's words; the prompt asks for any JSON."""
    own = {
        "messages": [*map(draft_turn, body["messages"])],
        "tools": [*map(describe_tool, body["tools"])] if "tools" in body else None,
    }
    dropped = {"response_format"} if is_any_json(body) else set[str]()
    kept = {key: value for key, value in body.items() if key not in dropped}
    return {**kept, **without_none(own)}


def is_any_json(body: JsonObject) -> bool:
    """Return whether a body asks for JSON without a schema, which this API knows no word for.

    >>> is_any_json({"response_format": {"type": "json_object"}}), is_any_json({})
    (True, False)
    """
    return bool(body.get("response_format") == {"type": "json_object"})


def draft_turn(turn: JsonObject) -> JsonObject:
    """Return a message with its parts in Perplexity's words."""
    match turn:
        case {"content": list(parts)}:
            return {**turn, "content": [*map(draft_part, parts)]}
        case _:
            return turn


def draft_part(part: JsonObject) -> JsonObject:
    """Return a part: images have no level of detail, documents are bytes or an address.

    Source: docs.perplexity.ai/docs/grounded-llm/chat-completions/media/file-attachments.

    >>> data = {"filename": "a.pdf", "file_data": "data:application/pdf;base64,YWJj"}
    >>> draft_part({"type": "file", "file": data})
    {'type': 'file_url', 'file_url': {'url': 'YWJj'}, 'file_name': 'a.pdf'}
    """
    match part:
        case {"type": "image_url", "image_url": {"url": url}}:
            return {"type": "image_url", "image_url": {"url": url}}
        case {"type": "file", "file": {"filename": name, "file_data": str(data)}}:
            url = data.partition(",")[2] if data.startswith("data:") else data
            return {"type": "file_url", "file_url": {"url": url}, "file_name": name}
        case _:
            return part


def describe_tool(tool: JsonObject) -> JsonObject:
    """Return a declaration with a description, which must be there."""
    return {**tool, "function": {"description": "", **tool["function"]}}
