"""OpenAI Responses: Target -> body; JSON -> events. For the models that speak nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from itertools import takewhile

from returns.result import Result, Success

from loki.problems import Problem, fail
from loki.railway import gather
from loki.records import Json, JsonObject, Media, Message, Target, Text, Tool, ToolCall
from loki.replies import Carry, Finish, Reasoning, Refusal, ToolPiece, WireEvent
from loki.usage import Usage
from loki.wire.codec import (
    dig,
    draft_content,
    integer,
    part_drafter,
    read_text,
    said,
)
from loki.wire.errors import kind_of, read_sentence, unknown_answer
from loki.wire.openai.chat import SCHEMAS, data_url, schema_in_words
from loki.wire.openai.usage import responses_usage

# ---- asking ----------------------------------------------------------------------------------


def draft_chat(target: Target) -> Result[JsonObject, Problem]:
    """The body of a request."""
    system, turns = instructions(target.ask.messages)
    return gather((draft_input(turns), draft_reasoning(target), sayable(target))).map(
        lambda parts: draft_body(target, system, parts[0], parts[1])
    )


def draft_body(
    target: Target, system: str, items: list[JsonObject], reasoning: JsonObject
) -> JsonObject:
    """The body around the conversation; what was not asked for is not sent, nothing is kept."""
    ask, schema = target.ask, target.dialect.schema
    if ask.schema and schema == "json_object":
        system = "\n\n".join(filter(None, (system, schema_in_words(ask.schema))))
    optional = {
        "instructions": system or None,
        "max_output_tokens": ask.max_tokens,
        "temperature": ask.temperature,
        "top_p": ask.top_p,
        "reasoning": reasoning or None,
        "text": {"format": draft_format(schema, ask.schema)} if ask.schema else None,
        "tools": [draft_tool(tool) for tool in ask.tools] or None,
        "tool_choice": draft_choice(ask.tool_choice),
        "include": ["reasoning.encrypted_content"] if wants_thoughts_back(target) else None,
        "stream": ask.stream or None,
    }
    return {
        "model": target.model.real_name,
        "input": items,
        **said(optional),
        "store": False,
    }


def sayable(target: Target) -> Result[None, Problem]:
    """What this protocol has no words for is not dropped in silence."""
    asked = {"--stop": bool(target.ask.stop), "--seed": target.ask.seed is not None}
    lacking = [flag for flag, said in asked.items() if said]
    if not lacking:
        return Success(None)
    flags = " and no ".join(lacking)
    return fail(
        "usage",
        f"{target.client.name} takes no {flags} with {target.model.name}:"
        " it is asked through the Responses API, which has neither",
    )


def instructions(messages: tuple[Message, ...]) -> tuple[str, tuple[Message, ...]]:
    """The system prompts that a conversation begins with, as one, and its other turns.

    >>> instructions((Message("system", "A"), Message("developer", "B"), Message("user", "C")))[0]
    'A\\n\\nB'
    """
    first = tuple(takewhile(instructs, messages))
    if len(first) == len(messages):  # something must be left to answer
        return "", messages
    return "\n\n".join(message.text for message in first), messages[len(first) :]


def instructs(message: Message) -> bool:
    """Whether a turn is a system prompt in words."""
    words = all(isinstance(part, Text) for part in message.parts)
    return message.role in ("system", "developer") and words


def draft_input(messages: Iterable[Message]) -> Result[list[JsonObject], Problem]:
    """The conversation as items, of which an assistant's turn may be several."""
    return gather(map(draft_items, messages)).map(
        lambda turns: [item for turn in turns for item in turn]
    )


def draft_items(message: Message) -> Result[list[JsonObject], Problem]:
    """The items of one turn."""
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
    """An earlier answer: the thoughts that came with it, its text, its calls."""
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
    """An image, or its address; how closely it is looked at is left to the model."""
    return {"type": "input_image", "image_url": data_url(media), "detail": "auto"}


def draft_file(media: Media) -> JsonObject:
    """A document by its address, or by name and content."""
    if media.url:
        return {"type": "input_file", "file_url": media.url}
    name = media.name or "document.pdf"
    return {"type": "input_file", "filename": name, "file_data": data_url(media)}


def draft_call(call: ToolCall) -> JsonObject:
    """A call the model made before, told back to it."""
    return {
        "type": "function_call",
        "call_id": call.id,
        "name": call.name,
        "arguments": json.dumps(call.arguments, ensure_ascii=False),
    }


def draft_tool(tool: Tool) -> JsonObject:
    """A function on offer; unless told, this API is strict and would change the parameters."""
    return {
        "type": "function",
        "name": tool.name,
        **({"description": tool.description} if tool.description else {}),
        "parameters": tool.parameters,
        "strict": bool(tool.strict),
    }


def draft_choice(choice: str | None) -> Json:
    """Whether, or which, tool is to be called.

    >>> draft_choice("auto"), draft_choice("weather")
    ('auto', {'type': 'function', 'name': 'weather'})
    """
    if choice in (None, "auto", "none", "required"):
        return choice
    return {"type": "function", "name": choice}


def draft_format(form: str, schema: JsonObject) -> JsonObject:
    """Structured output as in chat completions, but flat.

    >>> draft_format("json_schema", {"title": "n"})
    {'type': 'json_schema', 'name': 'n', 'schema': {'title': 'n'}}
    """
    drafted = SCHEMAS[form](schema)
    return {"type": drafted["type"], **drafted.get("json_schema", {})}


def draft_reasoning(target: Target) -> Result[JsonObject, Problem]:
    """How much the model is to think; its thoughts are told in summary."""
    match target.ask.reasoning:
        case None:
            return Success({})
        case int():
            return fail(
                "usage",
                f"{target.client.name} takes --reasoning none, low, medium or high, not tokens",
            )
        case "none":
            return Success({"effort": "none"})
        case effort:
            return Success({"effort": effort, "summary": "auto"})


def wants_thoughts_back(target: Target) -> bool:
    """Whether the thoughts will be needed in the next turn; models that have none refuse this."""
    ask, name = target.ask, target.model.real_name.rpartition("/")[2]
    if ask.reasoning is None:
        return bool(ask.tools) and not name.startswith(THOUGHTLESS)
    return ask.reasoning != "none"


MEDIA: dict[str, Callable[[Media], JsonObject]] = {
    "image": draft_image,
    "application/pdf": draft_file,
}

draft_part = part_drafter("input_text", MEDIA, "the Responses API takes")

#: Models of OpenAI that answer status 400 when asked for encrypted thoughts.
THOUGHTLESS = ("gpt-3", "gpt-4", "chatgpt", "gpt-5-chat")

# ---- hearing ---------------------------------------------------------------------------------


def read_chat(body: Json) -> tuple[WireEvent, ...]:
    """A whole answer."""
    match body:
        case {"status": str(), "output": list(items)}:
            told = (event for row, item in enumerate(items) for event in read_item(item, row))
            return (*told, *read_end(body))
        case _:
            return read_error_event(body)


def read_chat_event(event: Json) -> tuple[WireEvent, ...]:
    """One event of a stream; calls and carried thoughts count when their item is done."""
    match event:
        case {"type": str(kind), "delta": str(text)} if kind in DELTAS:
            return (DELTAS[kind](text),)
        case {"type": str(kind)} if kind in EVENTS:
            return EVENTS[kind](event)
        case {"type": str(kind), "response": dict(response)} if kind in ENDS:
            return read_end({**response, "status": response.get("status") or ENDS[kind]})
        case {"type": "error"} | {"error": dict() | str()}:
            return read_error_event(event)
        case {"type": str()}:
            return ()
        case _:
            return read_error_event(event)


def read_item(item: Json, row: int) -> Iterable[WireEvent]:
    """A message, thoughts or a call of a whole answer."""
    match item:
        case {"type": "message", "content": list(parts)}:
            for number, part in enumerate(parts):
                yield from read_part(part, f"output[{row}].content[{number}]")
        case {"type": "message", "content": odd}:
            yield from read_text(odd, f"output[{row}].content")
        case {"type": "reasoning"}:
            yield from read_thoughts(item)
    if isinstance(item, dict):
        yield from read_done(item, row)


def read_part(part: Json, place: str) -> tuple[WireEvent, ...]:
    """Return the text, or the words of a refusal, of the part at ``place``."""
    match part:
        case {"type": "output_text", "text": text}:
            return read_text(text, f"{place}.text")
        case {"type": "refusal", "refusal": str(text)}:
            return (Refusal(text),)
        case _:
            return ()


def read_odd_delta(event: JsonObject) -> tuple[WireEvent, ...]:
    """Return the Problem that a piece of text is none, nothing for null."""
    return read_text(event.get("delta"), "delta")


def read_summary_part(event: JsonObject) -> tuple[WireEvent, ...]:
    """Return the pause before every part of a summary but the first."""
    return (Reasoning(PAUSE),) if integer(event.get("summary_index")) else ()


def read_item_done(event: JsonObject) -> tuple[WireEvent, ...]:
    """Return what the whole item of a stream tells."""
    item = event.get("item")
    return read_done(item, integer(event.get("output_index"))) if isinstance(item, dict) else ()


def read_call_event(event: JsonObject) -> tuple[WireEvent, ...]:
    """Return the beginning, a fragment or the whole of a call's arguments.

    Some servers leave out the finished item; OpenAI tells everything twice.

    >>> read_call_event({"type": "response.function_call_arguments.done", "arguments": "{}"})
    (ToolPiece(row=None, id='', name='', arguments='{}', whole=True),)
    """
    row = integer(event.get("output_index"))
    match event:
        case {"item": {"type": "function_call", "call_id": str(id), "name": str(name)}}:
            return (ToolPiece(row, id, name, "", whole=False),)
        case {"delta": str(words)}:
            return (ToolPiece(row, "", "", words),)
        case {"arguments": str(words)}:
            return (ToolPiece(row, "", "", words, whole=True),)
        case _:
            return ()


def read_thoughts(item: JsonObject) -> Iterable[Reasoning]:
    """A summary in parts, thoughts in full, or both."""
    match item.get("summary"):
        case list(parts):
            texts = [text for part in parts if isinstance(text := dig(part, "text"), str)]
            yield Reasoning(PAUSE.join(texts))
    match item.get("content"):
        case list(parts):
            texts = [text for part in parts if isinstance(text := dig(part, "text"), str)]
            yield Reasoning("".join(texts))


def read_done(item: JsonObject, row: int | None) -> tuple[WireEvent, ...]:
    """What only a whole item tells: a call, or thoughts that can come back with the next turn."""
    match item:
        case {"type": "function_call", "status": "incomplete", "name": str(name)}:
            return (Problem("garbled", f"the call of {name} was cut off", sent=True),)
        case {"type": "function_call", "call_id": str(id), "name": str(name)}:
            arguments = item.get("arguments")
            words = arguments if isinstance(arguments, str) else json.dumps(arguments or {})
            return (ToolPiece(row, id, name, words, whole=True),)
        case {"type": "reasoning"} if item.get("encrypted_content") or item.get("content"):
            return (Carry(item),)
        case _:
            return ()


def read_end(response: JsonObject) -> tuple[WireEvent, ...]:
    """Token counts, and why it ended or that it failed."""
    match response:
        case {"status": "completed"}:
            return (*read_usage(response), Finish("completed"))
        case {"status": "incomplete"}:
            reason = dig(response, "incomplete_details", "reason")
            return (*read_usage(response), Finish(str(reason or "incomplete")))
        case {"error": dict() | str()}:
            return (*read_usage(response), *read_error_event(response))
        case _:
            status = response.get("status")
            return (Problem("garbled", f"the answer is not there: it is {status}", sent=True),)


def read_usage(response: JsonObject) -> tuple[Usage, ...]:
    """Token counts in our terms."""
    raw = response.get("usage")
    return (responses_usage(raw, response),) if isinstance(raw, dict) else ()


def read_error_event(body: Json) -> tuple[Problem]:
    """An answer of status 200 that is an error, or nothing we know."""
    code, sentence = read_sentence(body)
    if not sentence:
        return (unknown_answer(body, "a response"),)
    code = None if code == "error" else code  # that is the name of the event
    status = integer(dig(body, "error", "code"))  # as routers tell it
    kind = kind_of(status or 400, code) if status or code else "garbled"
    return (Problem(kind, sentence, status=status, code=code, sent=True),)


#: Between two parts of a summary.
PAUSE = "\n\n"

#: Events that tell words.
DELTAS: dict[str, Callable[[str], WireEvent]] = {
    "response.output_text.delta": Text,
    "response.refusal.delta": Refusal,
    "response.reasoning_summary_text.delta": Reasoning,
    "response.reasoning_text.delta": Reasoning,
}

#: Other events that tell something.
EVENTS: dict[str, Callable[[JsonObject], tuple[WireEvent, ...]]] = {
    "response.output_text.delta": read_odd_delta,  # what is a string is among the DELTAS
    "response.reasoning_summary_part.added": read_summary_part,
    "response.output_item.added": read_call_event,
    "response.function_call_arguments.delta": read_call_event,
    "response.function_call_arguments.done": read_call_event,
    "response.output_item.done": read_item_done,
}

#: Events that end an answer, and the status that each one stands for.
ENDS = {
    "response.completed": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
    "response.cancelled": "cancelled",
}
