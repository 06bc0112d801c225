"""OpenAI Responses: Target -> body. For the models that speak nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from itertools import takewhile

from returns.result import Result, Success

from loki.json_text import Json, JsonObject
from loki.messages import Media, Message, Text, Tool, ToolCall
from loki.problems import Problem, fail
from loki.railway import gather
from loki.records import Target
from loki.wire.openai.chat_request import (
    SCHEMAS,
    data_url,
    needs_schema_prompt,
    schema_form,
    schema_prompt,
)
from loki.wire.protocol import (
    draft_content,
    part_drafter,
    without_none,
)


def draft_chat(target: Target) -> Result[JsonObject, Problem]:
    """Return the body of a request."""
    system, turns = split_instructions(target.ask.messages)
    return Result.do(
        draft_body(target, system, items, draft_reasoning(target.ask.reasoning))
        for items in draft_input(turns)
        for _ in check_supported(target)
    )


def draft_body(
    target: Target, system: str, items: list[JsonObject], reasoning: JsonObject
) -> JsonObject:
    """Return the body around the conversation; nothing is stored at the provider."""
    ask, schema = target.ask, schema_form(target)
    if ask.schema is not None and needs_schema_prompt(target):
        system = "\n\n".join(filter(None, (system, schema_prompt(ask.schema))))
    optional = {
        "instructions": system or None,
        "max_output_tokens": ask.max_tokens,
        "temperature": ask.temperature,
        "top_p": ask.top_p,
        "reasoning": reasoning or None,
        "text": None if ask.schema is None else {"format": draft_format(schema, ask.schema)},
        "tools": [draft_tool(tool) for tool in ask.tools] or None,
        "tool_choice": draft_choice(ask.tool_choice),
        "include": ["reasoning.encrypted_content"] if wants_thoughts_back(target) else None,
        "stream": ask.stream or None,
    }
    return {
        "model": target.model.real_name,
        "input": items,
        **without_none(optional),
        "store": False,
    }


def check_supported(target: Target) -> Result[None, Problem]:
    """Return the Problem of an option that this protocol lacks, rather than drop it in silence."""
    options = {"--stop": bool(target.ask.stop), "--seed": target.ask.seed is not None}
    lacking = [flag for flag, is_given in options.items() if is_given]
    if not lacking:
        return Success(None)
    flags = " and no ".join(lacking)
    return fail(
        "usage",
        f"{target.client.name} takes no {flags} with {target.model.name}:"
        " it is asked through the Responses API, which has neither",
    )


def split_instructions(messages: tuple[Message, ...]) -> tuple[str, tuple[Message, ...]]:
    """Return the system prompts that a conversation begins with, as one, and its other turns.

    >>> turns = (Message("system", "A"), Message("developer", "B"), Message("user", "C"))
    >>> split_instructions(turns)[0]
    'A\\n\\nB'
    """
    first = tuple(takewhile(is_instruction, messages))
    if len(first) == len(messages):  # something must be left to answer
        return "", messages
    return "\n\n".join(message.text for message in first), messages[len(first) :]


def is_instruction(message: Message) -> bool:
    """Return whether a turn is a system prompt of text alone."""
    is_text = all(isinstance(part, Text) for part in message.parts)
    return message.role in ("system", "developer") and is_text


def draft_input(messages: Iterable[Message]) -> Result[list[JsonObject], Problem]:
    """Return the conversation as items, of which an assistant's turn may be several."""
    return gather(map(draft_items, messages)).map(
        lambda turns: [item for turn in turns for item in turn]
    )


def draft_items(message: Message) -> Result[list[JsonObject], Problem]:
    """Return the items of one turn."""
    match message.role:
        case "assistant":
            return draft_assistant(message)
        case "tool":
            return draft_content(message.parts, draft_part).map(
                lambda output: [
                    {
                        "type": "function_call_output",
                        "call_id": message.tool_call_id,
                        "output": output,
                    }
                ]
            )
        case role:
            return draft_content(message.parts, draft_part).map(
                lambda content: [{"role": role, "content": content}]
            )


def draft_assistant(message: Message) -> Result[list[JsonObject], Problem]:
    """Return the items of an earlier answer: its thoughts, its text, its calls."""
    if any(isinstance(part, Media) for part in message.parts):
        return fail("usage", "the Responses API takes only text in an assistant's turn")
    return Success(
        [
            *(block for block in message.carry if block.get("type") == "reasoning"),
            *([{"role": "assistant", "content": message.text}] if message.text else []),
            *map(draft_call, message.tool_calls),
        ]
    )


def draft_image(media: Media) -> JsonObject:
    """Return an image, or its address; the level of detail is left to the model if not given."""
    return {"type": "input_image", "image_url": data_url(media), "detail": media.detail or "auto"}


def draft_file(media: Media) -> JsonObject:
    """Return a document by its address, or by name and content."""
    if media.url:
        return {"type": "input_file", "file_url": media.url}
    name = media.name or "document.pdf"
    return {"type": "input_file", "filename": name, "file_data": data_url(media)}


def draft_call(call: ToolCall) -> JsonObject:
    """Return a call that the model made before, for the conversation."""
    return {
        "type": "function_call",
        "call_id": call.id,
        "name": call.name,
        "arguments": json.dumps(call.arguments, ensure_ascii=False),
    }


def draft_tool(tool: Tool) -> JsonObject:
    """Return the declaration of a tool; this API's default is strict and changes the parameters."""
    return {
        "type": "function",
        "name": tool.name,
        **({"description": tool.description} if tool.description else {}),
        "parameters": tool.parameters,
        "strict": bool(tool.strict),
    }


def draft_choice(choice: str | None) -> Json:
    """Return whether a tool is to be called, or which.

    >>> draft_choice("auto"), draft_choice("weather")
    ('auto', {'type': 'function', 'name': 'weather'})
    """
    if choice in (None, "auto", "none", "required"):
        return choice
    return {"type": "function", "name": choice}


def draft_format(form: str, schema: JsonObject) -> JsonObject:
    """Return the format of structured output as in chat completions, but flat.

    >>> draft_format("json_schema", {"title": "n"})
    {'type': 'json_schema', 'name': 'n', 'schema': {'title': 'n'}}
    """
    drafted = SCHEMAS[form](schema)
    return {"type": drafted["type"], **drafted.get("json_schema", {})}


def draft_reasoning(wanted: str | int | None) -> JsonObject:
    """Return how much the model is to think; its thoughts come in summary.

    >>> draft_reasoning("low"), draft_reasoning("none"), draft_reasoning(None)
    ({'effort': 'low', 'summary': 'auto'}, {'effort': 'none'}, {})
    """
    if wanted is None:
        return {}
    return {"effort": wanted, **({} if wanted == "none" else {"summary": "auto"})}


def wants_thoughts_back(target: Target) -> bool:
    """Return whether thoughts are wanted back next turn; models without any refuse this."""
    ask = target.ask
    if ask.reasoning is None:
        return bool(ask.tools) and target.model.abilities.reasoning.encrypted
    return ask.reasoning != "none"


MEDIA: dict[str, Callable[[Media], JsonObject]] = {
    "image": draft_image,
    "application/pdf": draft_file,
}

draft_part = part_drafter("input_text", MEDIA, "the Responses API takes")
