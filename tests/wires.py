"""Servers that speak each wire and refuse a conversation whose seals or ids are not their own.

An answer carries something that must come back unchanged: signed or encrypted thoughts, a plan, the
ids of calls. The next request is refused unless all that was given out so far is in it, in order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from commands import Home
from servers import Asked, Script, Step, plain, serving, streamed

Json = Any
Call = tuple[str, str, dict[str, Any]]  # id, name, arguments
Result = tuple[str, str]  # the id of a call, and what its tool said


@dataclass(frozen=True)
class Wire:
    """How a protocol says things; ``number`` is that of the answer, which seals it."""

    client: str  # its settings in the configuration
    model: str
    answer: Callable[[int, str, Sequence[Call]], Json]  # a whole answer, with its seal
    seal: Callable[[int, Sequence[Call]], Sequence[Json]]  # what of it must come back
    seals: Callable[[Json], Iterator[Json]]  # what came back, in a body
    results: Callable[[Json], Iterator[Result]]  # of tools, in a body


@dataclass
class Provider:
    """A server of a wire: plays answers, and checks that the earlier ones come back."""

    wire: Wire
    answers: Sequence[str | Sequence[Call]]
    given: list[Json] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    results: list[list[Result]] = field(default_factory=list)  # by request
    number: int = 0
    stream: Callable[[Json], list[Step]] = plain

    def __call__(self, asked: Asked) -> Script:
        """Answer, or refuse what came back altered."""
        returned = [*self.wire.seals(asked.json)]
        self.results.append([*self.wire.results(asked.json)])
        if returned != self.given:
            self.refusals.append(f"{returned} is not {self.given}")
            return plain({"error": {"message": "altered"}, "message": "altered"}, 400)
        planned = self.answers[self.number]
        self.number += 1
        text, calls = (planned, ()) if isinstance(planned, str) else ("", planned)
        self.given += self.wire.seal(self.number, calls)
        return self.stream(self.wire.answer(self.number, text, calls))


def arguments_of(call: Call) -> str:
    return json.dumps(call[2])


# ---- OpenAI Chat Completions -------------------------------------------------------------------


def openai_call(call: Call) -> Json:
    function = {"name": call[1], "arguments": arguments_of(call)}
    return {"id": call[0], "type": "function", "function": function}


def openai_answer(number: int, text: str, calls: Sequence[Call]) -> Json:
    listed = {"tool_calls": [*map(openai_call, calls)]} if calls else {}
    message = {"role": "assistant", "content": text or None, **listed}
    finish = "tool_calls" if calls else "stop"
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    return {"choices": [{"index": 0, "message": message, "finish_reason": finish}], "usage": usage}


def openai_seals(body: Json) -> Iterator[Json]:
    for turn in body["messages"]:
        yield from (call["id"] for call in turn.get("tool_calls") or ())


def openai_results(body: Json) -> Iterator[Result]:
    for turn in body["messages"]:
        if turn["role"] == "tool":
            yield turn["tool_call_id"], turn["content"]


def deepseek_answer(number: int, text: str, calls: Sequence[Call]) -> Json:
    answer = openai_answer(number, text, calls)
    answer["choices"][0]["message"]["reasoning_content"] = f"Hm {number}."
    return answer


def deepseek_seals(body: Json) -> Iterator[Json]:
    for turn in body["messages"]:
        if "reasoning_content" in turn:
            yield turn["reasoning_content"]
        yield from (call["id"] for call in turn.get("tool_calls") or ())


# ---- OpenAI Responses --------------------------------------------------------------------------


def sealed_item(number: int) -> Json:
    return {
        "type": "reasoning",
        "id": f"rs_{number}",
        "summary": [],
        "encrypted_content": f"#{number}",
    }


def responses_answer(number: int, text: str, calls: Sequence[Call]) -> Json:
    message = {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": text}],
    }
    listed = [
        {"type": "function_call", "status": "completed", "id": f"fc_{call[0]}", "call_id": call[0],
         "name": call[1], "arguments": arguments_of(call)}
        for call in calls
    ]  # fmt: skip
    output = [sealed_item(number), *([message] if text else []), *listed]
    usage = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
    return {"object": "response", "status": "completed", "output": output, "usage": usage}


def responses_seals(body: Json) -> Iterator[Json]:
    for item in body["input"]:
        if item.get("type") == "reasoning":
            yield item
        elif item.get("type") == "function_call":
            yield item["call_id"]


def responses_results(body: Json) -> Iterator[Result]:
    for item in body["input"]:
        if item.get("type") == "function_call_output":
            yield item["call_id"], item["output"]


# ---- Anthropic ---------------------------------------------------------------------------------


def thinking(number: int) -> Json:
    return {"type": "thinking", "thinking": f"Hm {number}.", "signature": f"sig-{number}"}


def claude_answer(number: int, text: str, calls: Sequence[Call]) -> Json:
    words = [{"type": "text", "text": text}] if text else []
    uses = [{"type": "tool_use", "id": c[0], "name": c[1], "input": c[2]} for c in calls]
    return {
        "type": "message",
        "role": "assistant",
        "content": [thinking(number), *words, *uses],
        "stop_reason": "tool_use" if calls else "end_turn",
        "usage": {"input_tokens": 10, "output_tokens": 5},
    }


def blocks(body: Json) -> Iterator[Json]:
    for turn in body["messages"]:
        if isinstance(turn["content"], list):
            yield from turn["content"]


def claude_seals(body: Json) -> Iterator[Json]:
    for block in blocks(body):
        if block["type"] == "thinking":
            yield block
        elif block["type"] == "tool_use":
            yield block["id"]


def claude_results(body: Json) -> Iterator[Result]:
    for block in blocks(body):
        if block["type"] == "tool_result":
            yield block["tool_use_id"], block["content"]


# ---- Google ------------------------------------------------------------------------------------


def gemini_parts(number: int, text: str, calls: Sequence[Call]) -> list[Json]:
    functions = [{"functionCall": {"id": c[0], "name": c[1], "args": c[2]}} for c in calls]
    parts: list[Json] = [*([{"text": text}] if text else []), *functions]
    parts[0]["thoughtSignature"] = f"sig-{number}"
    return parts


def gemini_answer(number: int, text: str, calls: Sequence[Call]) -> Json:
    content = {"role": "model", "parts": gemini_parts(number, text, calls)}
    usage = {"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15}
    return {"candidates": [{"content": content, "finishReason": "STOP"}], "usageMetadata": usage}


def gemini_seals(body: Json) -> Iterator[Json]:
    for content in body["contents"]:
        for part in content["parts"]:
            if "thoughtSignature" in part:
                yield part["thoughtSignature"]
            if "functionCall" in part:
                yield part["functionCall"]["id"]


def gemini_results(body: Json) -> Iterator[Result]:
    for content in body["contents"]:
        for part in content["parts"]:
            if "functionResponse" in part:
                response = part["functionResponse"]
                yield response["id"], str([*response["response"].values()][0])


# ---- Cohere ------------------------------------------------------------------------------------


def cohere_answer(number: int, text: str, calls: Sequence[Call]) -> Json:
    words = {"content": [{"type": "text", "text": text}]} if text else {}
    plan = (
        {"tool_plan": f"Plan {number}.", "tool_calls": [*map(openai_call, calls)]} if calls else {}
    )
    return {
        "message": {"role": "assistant", **words, **plan},
        "finish_reason": "TOOL_CALL" if calls else "COMPLETE",
        "usage": {"tokens": {"input_tokens": 10, "output_tokens": 5}},
    }


def cohere_seals(body: Json) -> Iterator[Json]:
    for turn in body["messages"]:
        if turn.get("tool_plan"):
            yield turn["tool_plan"]
        yield from (call["id"] for call in turn.get("tool_calls") or ())


# ---- Bedrock -----------------------------------------------------------------------------------


def reasoning(number: int) -> Json:
    thoughts = {"text": f"Hm {number}.", "signature": f"sig-{number}"}
    return {"reasoningContent": {"reasoningText": thoughts}}


def converse_answer(number: int, text: str, calls: Sequence[Call]) -> Json:
    words = [{"text": text}] if text else []
    uses = [{"toolUse": {"toolUseId": c[0], "name": c[1], "input": c[2]}} for c in calls]
    message = {"role": "assistant", "content": [reasoning(number), *words, *uses]}
    return {
        "output": {"message": message},
        "stopReason": "tool_use" if calls else "end_turn",
        "usage": {"inputTokens": 10, "outputTokens": 5, "totalTokens": 15},
    }


def converse_seals(body: Json) -> Iterator[Json]:
    for block in blocks(body):
        if "reasoningContent" in block:
            yield block
        elif "toolUse" in block:
            yield block["toolUse"]["toolUseId"]


def converse_results(body: Json) -> Iterator[Result]:
    for block in blocks(body):
        if "toolResult" in block:
            result = block["toolResult"]
            yield result["toolUseId"], "".join(part["text"] for part in result["content"])


# ---- the same as streams -----------------------------------------------------------------------


def frame(event: Json) -> bytes:
    return f"event: {event.get('type', 'x')}\ndata: {json.dumps(event)}\n\n".encode()


def claude_stream(answer: Json) -> list[Step]:
    """Every text of a block in two pieces."""
    events: list[Json] = [{"type": "message_start", "message": {"usage": answer["usage"]}}]
    for index, block in enumerate(answer["content"]):
        start = {name: type(value)() if name in GROWING else value for name, value in block.items()}
        events.append({"type": "content_block_start", "index": index, "content_block": start})
        growing = {**block, "partial_json": json.dumps(block.get("input"))}
        for name, kind in DELTAS.items():
            if name in block or (name == "partial_json" and "input" in block):
                for piece in (growing[name][:2], growing[name][2:]):
                    delta = {"type": kind, name: piece}
                    events.append({"type": "content_block_delta", "index": index, "delta": delta})
        events.append({"type": "content_block_stop", "index": index})
    ending = {"stop_reason": answer["stop_reason"]}
    events.append({"type": "message_delta", "delta": ending, "usage": answer["usage"]})
    return streamed(*map(frame, [*events, {"type": "message_stop"}]))


GROWING = ("text", "thinking", "signature", "input")
DELTAS = {
    "text": "text_delta",
    "thinking": "thinking_delta",
    "signature": "signature_delta",
    "partial_json": "input_json_delta",
}


def gemini_stream(answer: Json) -> list[Step]:
    """Every part in a piece of its own."""
    (candidate,) = answer["candidates"]
    pieces = [
        {"candidates": [{"content": {"role": "model", "parts": [part]}}]}
        for part in candidate["content"]["parts"]
    ]
    end = {"candidates": [{"finishReason": "STOP"}], "usageMetadata": answer["usageMetadata"]}
    return streamed(*map(frame, [*pieces, end]))


def responses_stream(answer: Json) -> list[Step]:
    """Every item when it is done, and texts before that."""
    events: list[Json] = []
    for index, item in enumerate(answer["output"]):
        for part in item.get("content", ()):
            events.append({"type": "response.output_text.delta", "delta": part["text"]})
        events.append({"type": "response.output_item.done", "output_index": index, "item": item})
    end = {"type": "response.completed", "response": {**answer, "output": []}}
    return streamed(*map(frame, [*events, end]))


STREAMS: dict[str, Callable[[Json], list[Step]]] = {
    "claude": claude_stream,
    "gemini": gemini_stream,
    "responses": responses_stream,
}


def ids(calls: Sequence[Call]) -> list[str]:
    return [call[0] for call in calls]


WIRES = {
    "openai": Wire(
        "type: openai-compatible\napi_key: k",
        "m",
        openai_answer,
        lambda number, calls: ids(calls),
        openai_seals,
        openai_results,
    ),
    "deepseek": Wire(
        "type: openai-compatible\napi_key: k",
        "deepseek-chat",
        deepseek_answer,
        lambda number, calls: [f"Hm {number}.", *ids(calls)] if calls else [],
        deepseek_seals,
        openai_results,
    ),
    "responses": Wire(
        "type: openai\napi_key: k",
        "gpt-5-pro",
        responses_answer,
        lambda number, calls: [sealed_item(number), *ids(calls)],
        responses_seals,
        responses_results,
    ),
    "claude": Wire(
        "type: claude\napi_key: k",
        "claude-sonnet-4-5",
        claude_answer,
        lambda number, calls: [thinking(number), *ids(calls)],
        claude_seals,
        claude_results,
    ),
    "gemini": Wire(
        "type: gemini\napi_key: k",
        "gemini-3-pro-preview",
        gemini_answer,
        lambda number, calls: [f"sig-{number}", *ids(calls)],
        gemini_seals,
        gemini_results,
    ),
    "cohere": Wire(
        "type: cohere\napi_key: k",
        "command-a-03-2025",
        cohere_answer,
        lambda number, calls: [f"Plan {number}.", *ids(calls)] if calls else [],
        cohere_seals,
        openai_results,
    ),
    "converse": Wire(
        "type: bedrock\nregion: us-east-1\naccess_token: k",
        "some.model",
        converse_answer,
        lambda number, calls: [reasoning(number), *ids(calls)],
        converse_seals,
        converse_results,
    ),
}


def configuration(wires: dict[str, str]) -> str:
    """A configuration with a client named after each wire, at these addresses."""
    lines = ["clients:"]
    for name, address in wires.items():
        lines.append(f"  - name: {name}\n    api_base: {address}")
        lines += [f"    {line}" for line in WIRES[name].client.splitlines()]
    return "\n".join(lines) + "\n"


@contextmanager
def provided(home: Home, wire: str, *answers: str | Sequence[Call]) -> Iterator[Provider]:
    """A client of a wire, named after it, and its provider."""
    provider = Provider(WIRES[wire], answers)
    with serving(provider) as server:
        home.configure(configuration({wire: server.address}))
        yield provider


def on(wire: str) -> tuple[str, str]:
    """The flags that name the model of a wire."""
    return "-m", f"{wire}:{WIRES[wire].model}"


def turns(path: Path) -> list[Any]:
    """The turns in a file."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def roles(path: Path) -> str:
    """The first letters of the roles of all turns."""
    return "".join(turn["role"][0] for turn in turns(path))
