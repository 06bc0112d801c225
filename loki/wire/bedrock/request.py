"""AWS Bedrock Converse and ConverseStream: Target -> body."""

from __future__ import annotations

import json
from itertools import groupby

from returns.result import Result, Success

from loki.json_text import JsonObject
from loki.messages import Media, Message, Text, Tool
from loki.problems import Problem, fail
from loki.railway import gather
from loki.record import replace
from loki.records import Ask, Target
from loki.wire.bedrock.media import draft_part, with_distinct_names
from loki.wire.bedrock.reasoning import Thinking, draft_thinking, explain_unsupported, is_claude
from loki.wire.protocol import (
    is_json_mode,
    schema_name,
    without_none,
)


def draft_chat(target: Target) -> Result[JsonObject, Problem]:
    """Return the body of a chat request."""
    reason = explain_unsupported(target)
    if reason:
        return fail("usage", reason)

    def name_client(problem: Problem) -> Problem:
        return replace(problem, message=f"{target.client.name} {problem.message}")

    return Result.do(
        draft_body(target.ask, system, turns, thinking)
        for system in draft_system(target.ask).alt(name_client)
        for turns in draft_turns(without_error_flags(target)).alt(name_client)
        for thinking in draft_thinking(target)
    )


def without_error_flags(target: Target) -> Ask:
    """Return the ask; only models of Anthropic and Amazon take a result that is an error.

    Source: docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolResultBlock.html.
    """
    ask = target.ask
    can_tell = is_claude(target) or "nova" in target.model.real_name
    if can_tell or not any(message.is_error for message in ask.messages):
        return ask
    return replace(ask, messages=tuple(replace(turn, is_error=False) for turn in ask.messages))


def draft_body(
    ask: Ask, system: list[JsonObject], turns: list[JsonObject], thinking: Thinking
) -> JsonObject:
    """Return the body around its messages; what was not asked for is not sent."""
    inference = {
        "maxTokens": ask.max_tokens,
        "temperature": ask.temperature,
        "topP": ask.top_p,
        "stopSequences": list(ask.stop) or None,
    }
    output = {
        "textFormat": draft_schema(ask.schema)
        if ask.schema and not is_json_mode(ask.schema)
        else None,
        "effort": thinking.effort,
    }
    optional = {
        "system": system or None,
        "inferenceConfig": without_none(inference) or None,
        "toolConfig": draft_tools(ask),
        "additionalModelRequestFields": thinking.fields,
        "outputConfig": without_none(output) or None,
    }
    return {"messages": turns, **without_none(optional)}


def draft_system(ask: Ask) -> Result[list[JsonObject], Problem]:
    """Return the instructions, a block each, wherever in the conversation they stand."""
    instructions = [message for message in ask.messages if message.role in SYSTEM]
    if any(isinstance(part, Media) for message in instructions for part in message.parts):
        return fail("usage", "takes only text as a system message")
    return Success([block for message in instructions for block in draft_instruction(message)])


def draft_instruction(message: Message) -> list[JsonObject]:
    """Return a system message's block, and where the cache is to end."""
    text = [{"text": message.text}] if message.text else []
    return [*text, *(point for part in message.parts for point in cache_point(part))]


def draft_turns(ask: Ask) -> Result[list[JsonObject], Problem]:
    """Return the conversation; neighbours of one side are one turn, tool results are the user's."""
    conversation = [turn for turn in with_distinct_names(ask.messages) if turn.role not in SYSTEM]
    sides = ["assistant" if turn.role == "assistant" else "user" for turn in conversation]

    def merge(drafted: tuple[list[JsonObject], ...]) -> list[JsonObject]:
        turns = [pair for pair in zip(sides, drafted, strict=True) if pair[1]]
        return [
            {"role": side, "content": [block for _, blocks in group for block in blocks]}
            for side, group in groupby(turns, key=lambda pair: pair[0])
        ]

    return gather(map(draft_blocks, conversation)).map(merge)


def draft_blocks(message: Message) -> Result[list[JsonObject], Problem]:
    """Return the blocks of a message; signed thoughts of an assistant come before its text."""
    if message.role == "assistant" and any(isinstance(part, Media) for part in message.parts):
        return fail("usage", "takes images and documents from the user, not from the assistant")
    parts = [part for part in message.parts if not isinstance(part, Text) or part.text]
    thoughts = [block for block in message.carry if "reasoningContent" in block]
    calls = [
        {"toolUse": {"toolUseId": call.id, "name": call.name, "input": call.arguments}}
        for call in message.tool_calls
    ]

    def wrap(content: tuple[JsonObject, ...]) -> list[JsonObject]:
        points = [cache_point(part) for part in parts]
        if message.role != "tool":
            pairs = zip(content, points, strict=True)
            return [
                *thoughts,
                *(block for first, then in pairs for block in (first, *then)),
                *calls,
            ]
        failed = {"status": "error"} if message.is_error else {}
        result = {"toolUseId": message.tool_call_id, "content": list(content), **failed}
        return [{"toolResult": result}, *(point for then in points for point in then)]

    return gather(map(draft_part, parts)).map(wrap)


def cache_point(part: Text | Media) -> list[JsonObject]:
    """Return the block at which a cache ends, if the part before it says so.

    >>> cache_point(Media("image/png", cache_control={"type": "ephemeral", "ttl": "1h"}))
    [{'cachePoint': {'type': 'default', 'ttl': '1h'}}]
    """
    control = part.cache_control
    if not control:
        return []
    ttl = {"ttl": control["ttl"]} if "ttl" in control else {}
    return [{"cachePoint": {"type": "default", **ttl}}]


def draft_tools(ask: Ask) -> JsonObject | None:
    """Return the declarations of the tools, and whether one is to be called, or which."""
    if not ask.tools or ask.tool_choice == "none":
        return None
    choices: dict[str, JsonObject] = {"auto": {"auto": {}}, "required": {"any": {}}}
    chosen = choices.get(ask.tool_choice or "", {"tool": {"name": ask.tool_choice}})
    tools = list(map(draft_tool, ask.tools))
    return {"tools": tools, **({"toolChoice": chosen} if ask.tool_choice else {})}


def draft_tool(tool: Tool) -> JsonObject:
    """Return the declaration of a tool; one without parameters takes an empty object."""
    return {
        "toolSpec": {
            "name": tool.name,
            **({"description": tool.description} if tool.description else {}),
            "inputSchema": {"json": tool.parameters or {"type": "object", "properties": {}}},
            **({"strict": tool.strict} if tool.strict is not None else {}),
        }
    }


def draft_schema(schema: JsonObject) -> JsonObject:
    """Return the format of structured output; the schema goes as JSON in a string."""
    named = {"name": schema_name(schema), "schema": json.dumps(schema, ensure_ascii=False)}
    return {"type": "json_schema", "structure": {"jsonSchema": named}}


SYSTEM = ("system", "developer")
