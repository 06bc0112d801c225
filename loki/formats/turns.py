"""0. Turns of a conversation: which are new, which calls are open, what of them is kept."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from returns.result import Result, Success

from loki.json_text import JsonObject, replace_surrogates
from loki.messages import Message
from loki.problems import Problem, fail
from loki.providers import vendor_of, wire_name
from loki.replies import Reply

INSTRUCTIONS = ("system", "developer")


def append_turns(
    before: tuple[Message, ...], turns: tuple[Message, ...], name: str
) -> Result[tuple[Message, ...], Problem]:
    """Return the turns that are new in a conversation; fail where nothing is left to answer.

    A system prompt that the conversation has already, as its latest one, is not said again.
    """
    latest = next((turn for turn in reversed(before) if turn.role in INSTRUCTIONS), None)
    new = tuple(turn for turn in turns if turn != latest)
    last = next((turn for turn in reversed((*before, *new)) if turn.role not in INSTRUCTIONS), None)
    if last is None or last.role == "assistant":
        return fail("usage", f"no prompt: {name} has no turn to answer; give TEXT, or pipe it in")
    return Success(new)


def find_open_calls(messages: Sequence[Message]) -> list[str]:
    """Return the calls of tools that nobody answered, as ``name (id)``.

    >>> from loki.messages import ToolCall
    >>> find_open_calls([Message("assistant", tool_calls=(ToolCall("c1", "now", {}),))])
    ['now (c1)']
    """
    return [
        f"{call.name} ({call.id})"
        for place, message in enumerate(messages)
        for call in message.tool_calls
        if call.id not in ids_answered_after(messages, place)
    ]


def ids_answered_after(messages: Sequence[Message], place: int) -> set[str]:
    """Return the ids of the calls that the tools' turns right after a turn answer."""
    following = takewhile(lambda turn: turn.role == "tool", messages[place + 1 :])
    return {turn.tool_call_id for turn in following}


def answer_open_calls(messages: Sequence[Message], why: str) -> tuple[Message, ...]:
    """Return a conversation in which every call has its result: ``why`` where it had none.

    No provider takes a conversation with a call that nobody answered.
    """
    closed: list[Message] = []
    for place, message in enumerate(messages):
        answered = ids_answered_after(messages, place) if message.tool_calls else set()
        closed += [
            message,
            *(
                Message("tool", why, tool_call_id=call.id, is_error=True)
                for call in message.tool_calls
                if call.id not in answered
            ),
        ]
    return tuple(closed)


NOT_RUN = "not run: the conversation was broken off here"


def split_turns(
    turns: tuple[Message, ...], partial: Message | None
) -> tuple[tuple[Message, ...], tuple[Message, ...]]:
    """Return what belongs into a conversation that broke off, and what is to be kept aside.

    Earlier steps with their tools are whole, and stay. ``partial`` is what came of the last answer;
    without any step before it the prompt goes with it.
    """
    has_steps = any(turn.role == "assistant" for turn in turns)
    kept = answer_open_calls(turns, NOT_RUN) if has_steps else ()
    rest = () if has_steps else turns
    return kept, (*rest, partial) if partial else ()


def is_complete(reply: Reply) -> bool:
    """Return whether an answer came to its own end, not to the limit of its length or a filter."""
    return reply.finish not in ("length", "filter")


def message_of(reply: Reply) -> Message:
    """Return an answer as a turn of the conversation, with what its provider wants back.

    It can be sent: a model may write half of a surrogate pair.
    """
    text, blocks = replace_surrogates([reply.text, list(reply.carry or carried_thoughts(reply))])
    carry = tuple(blocks)
    return Message(
        "assistant",
        text,
        tool_calls=reply.tool_calls,
        carry=carry,
        carry_from=vendor_of(reply.request.target) if carry else "",
    )


def carried_thoughts(reply: Reply) -> tuple[JsonObject, ...]:
    """Return the thoughts before calls of tools where a server refuses to go on without them.

    So do those of chat completions with a switch for thinking: DeepSeek, Moonshot, Zhipu.
    Source: api-docs.deepseek.com/guides/thinking_mode.
    """
    target = reply.request.target
    has_switch = target.reasoning_by == "switch" and wire_name(target) == "openai"
    is_wanted = has_switch and reply.tool_calls and reply.reasoning
    return ({"reasoning_content": reply.reasoning},) if is_wanted else ()
