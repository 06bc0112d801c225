"""Cohere Chat v2: Target -> body; JSON -> events."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import groupby

from returns.result import Result, Success

from loki.problems import Problem, fail
from loki.railway import gather
from loki.records import Ask, Json, JsonObject, Media, Message, Target, Text, Tool
from loki.replies import Carry, Finish, Reasoning, ToolPiece, WireEvent
from loki.usage import Usage
from loki.wire import sse
from loki.wire.codec import dig, integer, not_text, read_text, said, string
from loki.wire.openai.chat import data_url, draft_call, draft_tool, read_error_event

# ---- asking ----------------------------------------------------------------------------------


def draft_chat(target: Target) -> Result[JsonObject, Problem]:
    """The body of a chat request; a schema and tools exclude each other here."""
    name = target.client.name
    if target.ask.schema and target.ask.tools:
        return fail("usage", f"{name} takes --schema or --tools, not both at once")
    turns = merged(target.ask.messages)
    return gather(draft_message(name, turn) for turn in turns).map(
        lambda messages: draft_body(target, list(messages))
    )


def draft_body(target: Target, messages: list[JsonObject]) -> JsonObject:
    """The body around its messages; what was not asked for is not sent."""
    ask = target.ask
    optional = {
        "temperature": ask.temperature,
        "p": ask.top_p,
        "max_tokens": ask.max_tokens,
        "stop_sequences": list(ask.stop) or None,
        "seed": ask.seed,
        "tools": [draft_tool(replace(tool, strict=None)) for tool in offered(ask)] or None,
        "strict_tools": any(tool.strict for tool in ask.tools) or None,
        "tool_choice": CHOICES.get(ask.tool_choice, "REQUIRED"),
        "thinking": draft_thinking(ask.reasoning),
        "response_format": ask.schema and {"type": "json_object", "json_schema": ask.schema},
        "stream": ask.stream or None,
    }
    return {
        "model": target.model.real_name,
        "messages": messages,
        **said(optional),
    }


def merged(messages: Iterable[Message]) -> Iterator[Message]:
    r"""The conversation with instructions that follow each other in one system message.

    >>> [m.text for m in merged((Message("system", "a"), Message("developer", "b")))]
    ['a\n\nb']
    """
    for instructs, group in groupby(messages, lambda m: m.role in ("system", "developer")):
        turns = list(group)
        if instructs:
            words = "\n\n".join(turn.text for turn in turns if turn.text)
            media = (part for turn in turns for part in turn.parts if isinstance(part, Media))
            turns = [Message("system", (Text(words), *media))]
        yield from turns


def draft_message(name: str, message: Message) -> Result[JsonObject, Problem]:
    """One turn; a plan that came with tool calls goes back beside them."""
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
    """The plan in what was carried; what other providers carried says nothing here.

    >>> plan_of({"tool_plan": "Ask."}), plan_of({"type": "thinking", "signature": "x"})
    ('Ask.', '')
    """
    match block:
        case {"tool_plan": str(plan)}:
            return plan
        case _:
            return ""


def draft_content(name: str, message: Message) -> Result[Json, Problem]:
    """Plain text as a string, anything else in parts."""
    match message.parts:
        case ():
            return Success("")
        case (Text(text),):
            return Success(text)
        case parts:
            return gather(draft_part(name, message.role, part) for part in parts).map(list)


def draft_part(name: str, role: str, part: Text | Media) -> Result[JsonObject, Problem]:
    """A text, or the image of a user."""
    if isinstance(part, Text):
        return Success({"type": "text", "text": part.text})
    if not part.media_type.startswith("image/"):
        given = part.name or part.url or "attached"
        return fail("usage", f"{name} takes images, but no {part.media_type} ({given})")
    if role != "user":
        return fail("usage", f"{name} takes images of users only, not in a {role} message")
    return Success({"type": "image_url", "image_url": {"url": data_url(part)}})


def offered(ask: Ask) -> Iterable[Tool]:
    """The tools; one that must be called is offered alone, for it cannot be named."""
    if ask.tool_choice in CHOICES:
        return ask.tools
    return (tool for tool in ask.tools if tool.name == ask.tool_choice)


def draft_thinking(wanted: str | int | None) -> JsonObject | None:
    """How much the model is to think.

    >>> draft_thinking("low"), draft_thinking(0)
    ({'type': 'enabled', 'token_budget': 1024}, {'type': 'disabled'})
    """
    if wanted is None:
        return None
    budget = BUDGETS.get(wanted, wanted)
    return {"type": "enabled", "token_budget": budget} if budget else {"type": "disabled"}


#: Whether a tool is to be called; left out, the model decides.
CHOICES = {None: None, "auto": None, "none": "NONE", "required": "REQUIRED"}

#: Tokens to think with.
BUDGETS: dict[str | int, int] = {"none": 0, "low": 1024, "medium": 4096, "high": 16384}

# ---- hearing ---------------------------------------------------------------------------------


def split(chunks: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Server-sent events; before the end the pieces of the tool plan come once more, together.

    >>> plan = b'{"type":"tool-plan-delta"}'
    >>> list(split([b'data: %s\\n\\ndata: {"type":"message-end"}\\n\\n' % plan]))[0][1]
    b'{"type":"tool-plan","pieces":[{"type":"tool-plan-delta"}]}'
    """
    plan: list[bytes] = []
    for frames in sse.split(chunks):
        yield [each for frame in frames for each in with_plan(frame, plan)]


def with_plan(frame: bytes, plan: list[bytes]) -> tuple[bytes, ...]:
    """A frame, which adds to the plan, or with the whole plan before it if it is the last."""
    if b'"tool-plan-delta"' in frame:
        plan.append(frame)
    if plan and b'"message-end"' in frame:
        return b'{"type":"tool-plan","pieces":[%s]}' % b",".join(plan), frame
    return (frame,)


def read_chat(body: Json) -> tuple[WireEvent, ...]:
    """A whole answer."""
    match body:
        case {"message": dict(message)}:
            return (*read_message(message), *read_usage(body), *read_finish(body))
        case _:
            return read_error_event(body)


def read_chat_event(event: Json) -> tuple[WireEvent, ...]:
    """One event of a stream; starts, ends and citations say nothing we tell."""
    match event:
        case {"type": "message-end", "delta": dict(delta)}:
            return (*read_usage(delta), *read_finish(delta))
        case {"type": "tool-plan", "pieces": list(pieces)}:
            heard = (each for piece in pieces for each in read_chat_event(piece))
            plan = "".join(each.text for each in heard if isinstance(each, Reasoning))
            return (Carry({"tool_plan": plan}),) if plan else ()
        case {"type": str(kind), "delta": {"message": dict(message)}}:
            read = EVENTS.get(kind)
            return read(message, integer(event.get("index"))) if read else ()
        case {"type": str(kind), "delta": odd} if kind in EVENTS and odd is not None:
            return (not_text(odd, "delta"),)
        case {"type": str()}:
            return ()
        case _:
            return read_error_event(event)


def read_message(message: JsonObject) -> Iterator[WireEvent]:
    """The plan, the thoughts, the text and the tool calls of a whole answer."""
    yield from read_plan(message.get("tool_plan"))
    match message.get("content"):
        case list(parts):
            for row, part in enumerate(parts):
                yield from read_part(part, f"message.content[{row}]")
        case text:
            yield from read_text(text, "message.content")
    match message.get("tool_calls"):
        case list(calls):
            yield from (piece for row, call in enumerate(calls) for piece in read_call(call, row))


def read_plan(plan: Json) -> tuple[WireEvent, ...]:
    """What the model means to do with its tools: a thought, and wanted back with their results."""
    return (Reasoning(plan), Carry({"tool_plan": plan})) if plan and isinstance(plan, str) else ()


def read_part(part: Json, place: str) -> tuple[WireEvent, ...]:
    """Return the thought or the text at ``place``, whole or a piece of it."""
    match part:
        case {"thinking": str(thought)} if thought:
            return (Reasoning(thought),)
        case {"text": text}:
            return read_text(text, f"{place}.text")
        case None | dict():
            return ()
        case _:
            return (not_text(part, place),)


def read_call(call: Json, row: int | None) -> tuple[WireEvent, ...]:
    """A tool call or a fragment of one."""
    match call:
        case {"function": dict(function)}:
            id, name = string(call.get("id")), string(function.get("name"))
            words = function.get("arguments")
            told = words if isinstance(words, str) else json.dumps(words) if words else ""
            return (ToolPiece(row, id, name, told),)
        case _:
            return ()


def read_finish(end: JsonObject) -> tuple[WireEvent, ...]:
    """Why it ended, once it has; some ends are failures."""
    match end:
        case {"error": str(sentence)} if sentence:
            return (broken(sentence, end.get("finish_reason")),)
        case {"finish_reason": "ERROR" | "TIMEOUT" as reason}:
            return (broken(f"the provider broke off the answer ({reason})", reason),)
        case {"finish_reason": str(reason)} if reason:
            return (Finish(reason),)
        case _:
            return ()


def broken(sentence: str, reason: Json) -> Problem:
    """The provider failed while it answered."""
    return Problem("offline", sentence, code=str(reason) if reason else None, sent=True)


def read_usage(body: JsonObject) -> tuple[Usage, ...]:
    """Token counts: what the model saw and wrote, and what of it is billed.

    >>> read_usage({"usage": {"tokens": {"input_tokens": 502.0, "output_tokens": 24.0},
    ...     "billed_units": {"input_tokens": 7, "output_tokens": 21}, "cached_tokens": 448}})
    ... # doctest: +ELLIPSIS
    (Usage(input=502, cache_read=448, ..., output=24, ..., billed_input=7, billed_output=21, ...),)
    """

    def count(*path: str) -> int | None:
        return integer(dig(body, "usage", *path))

    found = Usage(
        input=count("tokens", "input_tokens"),
        cache_read=count("cached_tokens"),
        output=count("tokens", "output_tokens"),
        billed_input=count("billed_units", "input_tokens"),
        billed_output=count("billed_units", "output_tokens"),
        searches=count("billed_units", "search_units"),
    )
    return () if found == Usage() else (found,)


CONTENT = "delta.message.content"

Read = Callable[[JsonObject, int | None], tuple[WireEvent, ...]]

#: What a message in the making gained, by type of event; its row is the index of a tool call.
EVENTS: dict[str, Read] = {
    "content-start": lambda message, row: read_part(message.get("content"), CONTENT),
    "content-delta": lambda message, row: read_part(message.get("content"), CONTENT),
    "tool-plan-delta": lambda message, row: read_plan(message.get("tool_plan"))[:1],
    "tool-call-start": lambda message, row: read_call(message.get("tool_calls"), row),
    "tool-call-delta": lambda message, row: read_call(message.get("tool_calls"), row),
}
