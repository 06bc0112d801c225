"""Google's generateContent, of Gemini and Vertex AI: Target -> body."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, groupby

from returns.result import Result, Success

from loki.json_text import JsonObject
from loki.messages import Media, Message, Text, Tool, ToolCall
from loki.problems import Problem, fail
from loki.railway import gather
from loki.records import Ask, Target
from loki.wire.google.reasoning import draft_thinking
from loki.wire.protocol import is_json_mode

Parts = list[JsonObject]


def draft_chat(target: Target) -> Result[JsonObject, Problem]:
    """Return the body of a chat; the model and whether to stream stand in its URL."""
    if reason := explain_unsupported(target):
        return fail("usage", f"{target.client.name} {reason}")
    return Result.do(
        draft_body(target.ask, system, contents, draft_thinking(target))
        for system in draft_system(target)
        for contents in draft_contents(target)
    )


def explain_unsupported(target: Target) -> str:
    """Return why an ask cannot be sent to this model, empty if it can."""
    ask = target.ask
    if all(message.role in SYSTEM for message in ask.messages):
        return "needs a user's message beside the system's"
    if len(ask.stop) > MOST_STOPS:
        return f"takes at most {MOST_STOPS} stop sequences, not {len(ask.stop)}"
    return ""


def draft_body(
    ask: Ask, system: Parts, contents: list[JsonObject], thinking: JsonObject
) -> JsonObject:
    """Return the body around its contents; what was not asked for is not sent."""
    optional = {
        "systemInstruction": {"parts": system} if system else None,
        "tools": [{"functionDeclarations": [*map(draft_tool, ask.tools)]}] if ask.tools else None,
        "toolConfig": draft_choice(ask),
        "generationConfig": draft_config(ask, thinking) or None,
    }
    return {
        "contents": contents,
        **{name: value for name, value in optional.items() if value is not None},
    }


def draft_config(ask: Ask, thinking: JsonObject) -> JsonObject:
    """Return the configuration of the generation."""
    optional = {
        "temperature": ask.temperature,
        "topP": ask.top_p,
        "maxOutputTokens": ask.max_tokens,
        "stopSequences": list(ask.stop) or None,
        "seed": ask.seed,
        "responseMimeType": "application/json" if ask.schema is not None else None,
        "responseJsonSchema": None if is_json_mode(ask.schema) else ask.schema,
        "thinkingConfig": thinking or None,
    }
    return {name: value for name, value in optional.items() if value is not None}


def draft_tool(tool: Tool) -> JsonObject:
    """Return the declaration of a tool."""
    return {
        "name": tool.name,
        **({"description": tool.description} if tool.description else {}),
        "parametersJsonSchema": tool.parameters,
    }


def draft_choice(ask: Ask) -> JsonObject | None:
    """Return whether a function is to be called, or which; calls of strict functions are validated.

    >>> draft_choice(Ask((), tool_choice="weather"))
    {'functionCallingConfig': {'mode': 'ANY', 'allowedFunctionNames': ['weather']}}
    """
    choice = ask.tool_choice
    if choice in (None, "auto") and any(tool.strict for tool in ask.tools):
        return {"functionCallingConfig": {"mode": "VALIDATED"}}
    if choice is None:
        return None
    if choice in MODES:
        return {"functionCallingConfig": {"mode": MODES[choice]}}
    return {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": [choice]}}


# ---- the conversation ------------------------------------------------------------------------


def draft_system(target: Target) -> Result[Parts, Problem]:
    """Return every instruction, wherever in the conversation it stands."""
    instructions = [message for message in target.ask.messages if message.role in SYSTEM]
    if any(isinstance(part, Media) for message in instructions for part in message.parts):
        return fail("usage", f"{target.client.name} takes text alone in system messages")
    return Success([{"text": message.text} for message in instructions if message.text])


def draft_contents(target: Target) -> Result[list[JsonObject], Problem]:
    """Return the turns; neighbours of one role are one, as results of parallel calls must be."""
    turns = [message for message in target.ask.messages if message.role not in SYSTEM]
    runs = groupby(with_calls(turns), key=lambda turn: turn[0].role)
    return gather(draft_consecutive_turns(role, run) for role, run in runs).map(list)


#: A turn, and the names of the functions called before it by the ids of the calls.
Turn = tuple[Message, Mapping[str, str]]


def with_calls(turns: Iterable[Message]) -> Iterator[Turn]:
    """Yield each turn with the names of the calls until then; ids may repeat later."""
    names: dict[str, str] = {}
    for turn in turns:
        names = {**names, **{call.id: call.name for call in turn.tool_calls}}
        yield turn, names


def draft_consecutive_turns(role: str, run: Iterable[Turn]) -> Result[JsonObject, Problem]:
    """Return one content for neighbouring turns of one role."""
    return gather(TURNS[role](turn, names) for turn, names in run).map(
        lambda turns: {
            "role": "model" if role == "assistant" else "user",
            "parts": [*chain(*turns)] or [{"text": ""}],
        }
    )


def draft_user(message: Message, names: Mapping[str, str]) -> Result[Parts, Problem]:
    """Return the parts of a user's turn."""
    return gather(map(draft_part, message.parts)).map(list)


def draft_model(message: Message, names: Mapping[str, str]) -> Result[Parts, Problem]:
    """Return the parts of a model's turn: thoughts, text and calls; signed ones as they came."""
    signed = [block for block in message.carry if "thoughtSignature" in block]
    thoughts = [block for block in signed if block.get("thought")]
    signed_answer = [block for block in signed if not block.get("thought")]
    media = [part for part in message.parts if isinstance(part, Media)]
    return gather(map(draft_media, media)).map(
        lambda drafted: [
            *thoughts,
            *draft_text(message.text, signed_answer),
            *drafted,
            *draft_calls(message.tool_calls, signed_answer),
        ]
    )


def draft_text(text: str, signed: list[JsonObject]) -> Parts:
    """Return a text whose end may be signed pieces.

    >>> draft_text("abc", [{"text": "c", "thoughtSignature": "x"}])
    [{'text': 'ab'}, {'text': 'c', 'thoughtSignature': 'x'}]
    """
    pieces: Parts = []
    for block in reversed(signed):
        if isinstance(block.get("text"), str) and text.endswith(block["text"]):
            text = text.removesuffix(block["text"])
            pieces = [block, *pieces]
    return [{"text": text}, *pieces] if text else pieces


def draft_calls(calls: Iterable[ToolCall], signed: list[JsonObject]) -> Parts:
    """Return the function calls of a model's turn."""
    unused, pieces = list(signed), []
    for call in calls:
        own = next((block for block in unused if is_same_call(block, call)), None)
        if own is not None:
            unused.remove(own)
        function = {**draft_id(call.id), "name": call.name, "args": call.arguments}
        pieces.append({"functionCall": function} if own is None else own)
    return pieces


def is_same_call(block: JsonObject, call: ToolCall) -> bool:
    """Return whether a signed part is this very call."""
    match block:
        case {"functionCall": {"name": call.name, "id": str(id)} as function}:
            return id == call.id and (function.get("args") or {}) == call.arguments
        case {"functionCall": {"name": call.name} as function}:
            return (function.get("args") or {}) == call.arguments
        case _:
            return False


def draft_id(id: str) -> JsonObject:
    """Return the id of a call, unless the provider gave none and we made one.

    >>> draft_id("fc-1"), draft_id("call_0")
    ({'id': 'fc-1'}, {})
    """
    return {} if re.fullmatch(r"(call_\d+)?", id) else {"id": id}


def draft_result(message: Message, names: Mapping[str, str]) -> Result[Parts, Problem]:
    """Return the part with a function's result."""
    id = message.tool_call_id
    if id not in names:
        return fail("usage", f"a tool message answers the call {id!r}, which nobody made")
    media = [part for part in message.parts if isinstance(part, Media)]
    return gather(map(draft_media, media)).map(
        lambda drafted: [
            {
                "functionResponse": {
                    **draft_id(id),
                    "name": names[id],
                    "response": {"error" if message.is_error else "output": message.text},
                    **({"parts": list(drafted)} if drafted else {}),
                }
            }
        ]
    )


def draft_part(part: Text | Media) -> Result[JsonObject, Problem]:
    """Return the part of a text, an image, a PDF, a sound or a film."""
    return Success({"text": part.text}) if isinstance(part, Text) else draft_media(part)


def draft_media(media: Media) -> Result[JsonObject, Problem]:
    """Return the part of a medium, by its content or its address.

    >>> draft_media(Media("image/*", url="https://a.example/a.png")).unwrap()
    {'fileData': {'mimeType': 'image/png', 'fileUri': 'https://a.example/a.png'}}
    """
    kind = media.media_type
    if kind != "application/pdf" and kind.partition("/")[0] not in FAMILIES:
        return fail("usage", f"generateContent takes no {kind} ({media.name or media.url})")
    if media.url:
        ending = media.url.partition("?")[0].rpartition(".")[2].lower()
        exact = ENDINGS.get(ending) if kind.endswith("/*") else kind
        known = {"mimeType": exact} if exact else {}
        return Success({"fileData": {**known, "fileUri": media.url}})
    data = base64.b64encode(media.data).decode()
    return Success({"inlineData": {"mimeType": kind, "data": data}})


SYSTEM = ("system", "developer")
MOST_STOPS = 5
MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY"}
FAMILIES = ("image", "audio", "video", "text")

#: The media type of an address, where the asker said only what family it is of.
ENDINGS = {
    "gif": "image/gif",
    "heic": "image/heic",
    "heif": "image/heif",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
}

TURNS: dict[str, Callable[[Message, Mapping[str, str]], Result[Parts, Problem]]] = {
    "user": draft_user,
    "assistant": draft_model,
    "tool": draft_result,
}
