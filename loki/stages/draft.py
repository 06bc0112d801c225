"""3. Target -> Draft: url and body in the provider's words."""

from __future__ import annotations

from dataclasses import replace

from returns.result import Result

from loki import __version__
from loki.problems import Problem, fail
from loki.providers import base_of, route_of, service_of
from loki.records import Draft, Message, Model, Target, Text
from loki.wire import wire


def draft(target: Target) -> Result[Draft, Problem]:
    """Say an ask in the words of its client's wire."""
    service, route = service_of(target.client), route_of(target)
    if service is None or route is None:
        return fail("usage", f"{target.client.type} clients cannot {DOES[target.model.type]}")
    messages = arrange(target.ask.messages, target.model)
    arranged = target
    if messages is not target.ask.messages:
        arranged = replace(target, ask=replace(target.ask, messages=messages))
    return (
        wire(target.model.type, route.wire(target))
        .draft(arranged)
        .map(
            lambda body: Draft(
                target=arranged,
                url=route.locate(arranged, base_of(target.client, service)),
                headers={
                    "Content-Type": "application/json",
                    "User-Agent": agent(target.user_agent),
                    **service.headers(target.client),
                },
                body=body,
            )
        )
        .alt(lambda problem: named(problem, target))
    )


def named(problem: Problem, target: Target) -> Problem:
    """A refusal that names the client, whichever wire said it."""
    name = target.client.name
    if name in problem.message:
        return problem
    return replace(problem, message=f"{name}: {problem.message}")


def agent(said: str) -> str:
    """The program that asks; ``auto`` is ours.

    >>> agent("curl/8")
    'curl/8'
    """
    return f"loki/{__version__}" if said == "auto" else said


def arrange(messages: tuple[Message, ...], model: Model) -> tuple[Message, ...]:
    """The conversation as the model takes it: its prefix first, its system prompt where it may be.

    >>> m = Model("m", "m", system_prompt_prefix="Be brief.", no_system_message=True)
    >>> arrange((Message("user", "Hi"),), m)[0].text
    'Be brief.\\n\\nHi'
    """
    if model.system_prompt_prefix:
        first = messages[0] if messages and is_system(messages[0]) else Message("system")
        rest = messages[1:] if messages and is_system(messages[0]) else messages
        messages = (before(model.system_prompt_prefix, first), *rest)
    return without_system(messages) if model.no_system_message else messages


def without_system(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Every system prompt put before the first words of the user.

    >>> [m.text for m in without_system((Message("system", "a"), Message("user", "b")))]
    ['a\\n\\nb']
    """
    words = "\n\n".join(message.text for message in messages if is_system(message))
    rest = tuple(message for message in messages if not is_system(message))
    if not words:
        return rest
    if rest and rest[0].role == "user":
        return (before(words, rest[0]), *rest[1:])
    return (Message("user", words), *rest)


def is_system(message: Message) -> bool:
    """Whether a turn instructs rather than asks."""
    return message.role in ("system", "developer")


def before(words: str, message: Message) -> Message:
    """A turn with words put before its own.

    >>> before("a", Message("user", "b")).content
    'a\\n\\nb'
    """
    match message.parts:
        case ():
            return replace(message, content=words)
        case (Text(text), *rest):
            joined = Text(f"{words}\n\n{text}")
            return replace(message, content=(joined, *rest) if rest else joined.text)
        case parts:
            return replace(message, content=(Text(words), *parts))


#: What a model of each type does.
DOES = {"chat": "chat", "embedding": "embed", "reranker": "rerank"}
