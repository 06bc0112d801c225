"""Cohere Chat v2: Target -> body."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from returns.result import Result, Success

from loki.json_text import Json, JsonObject
from loki.messages import Media, Message, Text, Tool
from loki.problems import Problem, fail
from loki.railway import gather
from loki.record import replace
from loki.records import Ask, Target
from loki.wire.openai.chat_request import data_url, draft_call, draft_tool
from loki.wire.protocol import is_json_mode, without_none


def draft_chat(target: Target) -> Result[JsonObject, Problem]:
    """Return the body of a chat request."""
    name = target.client.name
    turns = merge_instructions(target.ask.messages)
    return gather(draft_message(name, turn) for turn in turns).map(
        lambda messages: draft_body(target, list(messages))
    )


def draft_body(target: Target, messages: list[JsonObject]) -> JsonObject:
    """Return the body around its messages; what was not asked for is not sent."""
    ask = target.ask
    optional = {
        "temperature": ask.temperature,
        "p": ask.top_p,
        "max_tokens": ask.max_tokens,
        "stop_sequences": list(ask.stop) or None,
        "seed": ask.seed,
        "tools": [draft_tool(replace(tool, strict=None)) for tool in offered_tools(ask)] or None,
        "strict_tools": any(tool.strict for tool in ask.tools) or None,
        "tool_choice": CHOICES.get(ask.tool_choice, "REQUIRED"),
        "thinking": draft_thinking(target),
        "response_format": None if ask.schema is None else draft_schema(ask.schema),
        "stream": ask.stream or None,
    }
    return {
        "model": target.model.real_name,
        "messages": messages,
        **without_none(optional),
    }


def merge_instructions(messages: Iterable[Message]) -> Iterator[Message]:
    r"""Yield the conversation with neighbouring instructions merged into one system message.

    >>> [m.text for m in merge_instructions((Message("system", "a"), Message("developer", "b")))]
    ['a\n\nb']
    """
    for are_instructions, group in groupby(messages, lambda m: m.role in ("system", "developer")):
        turns = list(group)
        if are_instructions:
            text = "\n\n".join(turn.text for turn in turns if turn.text)
            media = (part for turn in turns for part in turn.parts if isinstance(part, Media))
            turns = [Message("system", (Text(text), *media))]
        yield from turns


def draft_message(name: str, message: Message) -> Result[JsonObject, Problem]:
    """Return one turn; a plan that came with tool calls goes back beside them."""
    optional = {
        "tool_calls": list(map(draft_call, message.tool_calls)),
        "tool_plan": "".join(map(plan_of, message.carry)),
        "tool_call_id": message.tool_call_id,
    }
    return draft_content(name, message).map(
        lambda content: {
            "role": message.role,
            **({"content": content} if content or not message.tool_calls else {}),
            **{name: value for name, value in optional.items() if value},
        }
    )


def plan_of(block: JsonObject) -> str:
    """Return the plan in a carried block, empty for the blocks of other providers.

    >>> plan_of({"tool_plan": "Ask."}), plan_of({"type": "thinking", "signature": "x"})
    ('Ask.', '')
    """
    match block:
        case {"tool_plan": str(plan)}:
            return plan
        case _:
            return ""


def draft_content(name: str, message: Message) -> Result[Json, Problem]:
    """Return a single text as a string, anything else as a list of parts."""
    match message.parts:
        case ():
            return Success("")
        case (Text(text),):
            return Success(text)
        case parts:
            return gather(draft_part(name, message.role, part) for part in parts).map(list)


def draft_part(name: str, role: str, part: Text | Media) -> Result[JsonObject, Problem]:
    """Return the part of a text, or of a user's image."""
    if isinstance(part, Text):
        return Success({"type": "text", "text": part.text})
    if not part.media_type.startswith("image/"):
        given = part.name or part.url or "attached"
        return fail("usage", f"{name} takes images, but no {part.media_type} ({given})")
    if role != "user":
        return fail("usage", f"{name} takes images of users only, not in a {role} message")
    return Success({"type": "image_url", "image_url": {"url": data_url(part)}})


def offered_tools(ask: Ask) -> Iterable[Tool]:
    """Return the tools; one that must be called is offered alone, for it cannot be named."""
    if ask.tool_choice in CHOICES:
        return ask.tools
    return (tool for tool in ask.tools if tool.name == ask.tool_choice)


def draft_schema(schema: JsonObject) -> JsonObject:
    """Return the form of structured output: any JSON object, or one that meets the schema."""
    kind = {"type": "json_object"}
    return kind if is_json_mode(schema) else {**kind, "json_schema": schema}


def draft_thinking(target: Target) -> JsonObject | None:
    """Return how many tokens the model may think with, None where the ask does not say."""
    wanted = target.ask.reasoning
    if wanted is None:
        return None
    if wanted == "none":
        return {"type": "disabled"}
    budgets = target.model.abilities.reasoning.budgets
    budget = budgets.get(wanted) if isinstance(wanted, str) else wanted
    return {"type": "enabled", **({"token_budget": budget} if budget else {})}


#: Whether a tool is to be called; left out, the model decides.
CHOICES = {None: None, "auto": None, "none": "NONE", "required": "REQUIRED"}
