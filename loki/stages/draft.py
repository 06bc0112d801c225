"""3. Target -> Draft: url and body in the provider's words."""

from __future__ import annotations

from returns.result import Result, Success

from loki.json_text import JsonObject
from loki.messages import Message, Text
from loki.problems import Problem, fail
from loki.providers import base_url_of, provider_of, route_of, vendor_of
from loki.record import replace
from loki.records import Draft, Model, Target
from loki.version import __version__
from loki.wire import wire
from loki.wire.protocol import is_json_mode


def draft(target: Target) -> Result[Draft, Problem]:
    """Return the request in the provider's format, still open to changes."""
    service, route = provider_of(target.client), route_of(target)
    if service is None or route is None:
        return fail("usage", f"{target.client.type} clients cannot {TASK_VERBS[target.model.type]}")
    own = with_json_prompt(target.ask.schema, keep_own_carry(target))
    messages = adapt_system_messages(own, target.model)
    arranged = target
    if messages is not target.ask.messages:
        arranged = replace(target, ask=replace(target.ask, messages=messages))
    return (
        wire(target.model.type, route.wire(target))
        .draft(arranged)
        .bind(lambda body: with_server_tools(arranged, body))
        .map(
            lambda body: Draft(
                target=arranged,
                url=route.locate(arranged, base_url_of(target.client, service)),
                headers={
                    "Content-Type": "application/json",
                    "User-Agent": user_agent(target.user_agent),
                    **service.headers(target.client),
                    **route.headers(target),
                },
                body=body,
            )
        )
        .alt(lambda problem: mention_client(problem, target))
    )


def with_server_tools(target: Target, body: JsonObject) -> Result[JsonObject, Problem]:
    """Return the body with tools that the provider runs itself, if any are wanted."""
    if not (target.ask.search or target.ask.server_tools):
        return Success(body)
    from loki.stages.server_tools import add_server_tools

    return add_server_tools(target, body)


def mention_client(problem: Problem, target: Target) -> Problem:
    """Return a problem whose message names the client."""
    name = target.client.name
    if name in problem.message:
        return problem
    return replace(problem, message=f"{name}: {problem.message}")


def user_agent(setting: str) -> str:
    """Return the User-Agent header; ``auto`` is ours.

    >>> user_agent("curl/8")
    'curl/8'
    """
    return f"loki/{__version__}" if setting == "auto" else setting


def keep_own_carry(target: Target) -> tuple[Message, ...]:
    """Return the conversation without what another provider wanted back: nobody else can read it.

    What does not say whose it is stays; a wire takes of it what it knows.
    """
    messages = target.ask.messages
    if not any(message.carry_from for message in messages):
        return messages
    own = {"", vendor_of(target)}
    return tuple(
        message if message.carry_from in own else replace(message, carry=(), carry_from="")
        for message in messages
    )


def with_json_prompt(
    schema: JsonObject | None, messages: tuple[Message, ...]
) -> tuple[Message, ...]:
    """Return the conversation, with a word of JSON if any is wanted: providers insist on it.

    >>> with_json_prompt({"type": "object"}, (Message("user", "Hi"),))[0].text
    'Answer with one JSON object.'
    """
    if not is_json_mode(schema) or any("json" in each.text.lower() for each in messages):
        return messages
    if messages and is_system(messages[0]):
        return (prepend(JSON_PROMPT, messages[0]), *messages[1:])
    return (Message("system", JSON_PROMPT), *messages)


def adapt_system_messages(messages: tuple[Message, ...], model: Model) -> tuple[Message, ...]:
    """Return the conversation as the model takes it, its prefix first.

    >>> m = Model("m", "m", system_prompt_prefix="Be brief.", no_system_message=True)
    >>> adapt_system_messages((Message("user", "Hi"),), m)[0].text
    'Be brief.\\n\\nHi'
    """
    if model.system_prompt_prefix:
        first = messages[0] if messages and is_system(messages[0]) else Message("system")
        others = messages[1:] if messages and is_system(messages[0]) else messages
        messages = (prepend(model.system_prompt_prefix, first), *others)
    return without_system(messages) if model.no_system_message else messages


def without_system(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Return the conversation with its system prompts put into the first turn of the user.

    >>> [m.text for m in without_system((Message("system", "a"), Message("user", "b")))]
    ['a\\n\\nb']
    """
    instructions = "\n\n".join(message.text for message in messages if is_system(message))
    others = tuple(message for message in messages if not is_system(message))
    if not instructions:
        return others
    if others and others[0].role == "user":
        return (prepend(instructions, others[0]), *others[1:])
    return (Message("user", instructions), *others)


def is_system(message: Message) -> bool:
    """Return whether a turn is a system prompt."""
    return message.role in ("system", "developer")


def prepend(text_before: str, message: Message) -> Message:
    """Return a turn with a text put before its own.

    >>> prepend("a", Message("user", "b")).content
    'a\\n\\nb'
    """
    match message.parts:
        case ():
            return replace(message, content=text_before)
        case (Text(text) as first, *rest):
            joined = replace(first, text=f"{text_before}\n\n{text}")
            is_plain = not rest and first.cache_control is None
            return replace(message, content=joined.text if is_plain else (joined, *rest))
        case parts:
            return replace(message, content=(Text(text_before), *parts))


JSON_PROMPT = "Answer with one JSON object."

#: What a model of each type does.
TASK_VERBS = {"chat": "chat", "embedding": "embed", "reranker": "rerank"}
