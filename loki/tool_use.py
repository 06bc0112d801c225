"""A conversation with tools: ask, run what the model calls, ask again, until it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import partial
from typing import Any

from returns.result import Failure, Result, Success

from loki.formats.tool_results import call_functions
from loki.formats.turns import message_of
from loki.messages import Message, ToolCall
from loki.money.estimate import worst_cost
from loki.pipeline import Env, answer
from loki.price import format_dollars
from loki.problems import Problem, count_of, fail
from loki.record import record, replace
from loki.records import Ask
from loki.replies import Reply
from loki.stages.account import is_free
from loki.usage import add_usages

#: Asks a model once.
AskModel = Callable[[Env, Ask], Result[Reply, Problem]]
#: Runs the calls of one turn; returns a turn for each, in their order.
CallTools = Callable[[tuple[ToolCall, ...]], tuple[Message, ...]]

MAX_STEPS = 10


@record
class Conversation:
    """A conversation so far: every turn, those of the ask first, and the model's replies."""

    messages: tuple[Message, ...]
    replies: tuple[Reply, ...] = ()  # one for each step

    @property
    def reply(self) -> Reply:
        """Return the last reply: the answer, once the model calls no tool any more."""
        return self.replies[-1]

    @property
    def cost(self) -> Decimal | None:
        """Return what all replies cost in US dollars, None if that is unknown of any."""
        costs = [reply.cost for reply in self.replies]
        known = [cost for cost in costs if cost is not None]
        return sum(known, Decimal(0)) if len(known) == len(costs) else None


def converse(
    env: Env, ask: Ask, tools: Mapping[str, Callable[..., Any]], max_steps: int = MAX_STEPS
) -> Result[Conversation, Problem]:
    """Return the conversation that ends with an answer; functions run the tools of ``ask.tools``.

    A function gets the arguments of a call by name, once they meet the tool's schema. It returns
    a text, or anything that JSON can hold; what it raises goes to the model as an error. The calls
    of one turn run one after the other. Fails with kind usage after ``max_steps`` requests, and
    before the first one if a tool has no function, or a function no tool.
    """
    if fault := find_mismatch({tool.name for tool in ask.tools}, {*tools}):
        return fail("usage", fault)
    run = partial(call_functions, ask.tools, tools, find=env.find_schema_violation)
    *_, last = iterate_steps(env, ask, run, max_steps)
    return last


def find_mismatch(tools: set[str], functions: set[str]) -> str:
    """Return which function has no tool, or which tool no function; empty if all have."""
    if undeclared := sorted(functions - tools):
        return f"no Tool in ask.tools is named {', '.join(undeclared)}"
    if missing := sorted(tools - functions):
        return f"no function for {', '.join(missing)} of ask.tools: give one for every Tool"
    return ""


def iterate_steps(
    env: Env, ask: Ask, call_tools: CallTools, max_steps: int, ask_model: AskModel = answer
) -> Iterator[Result[Conversation, Problem]]:
    """Yield the conversation after each reply and after the results of each reply's calls.

    The last one ends with an answer, or is why there is none.
    """
    if max_steps < 1:
        yield fail("usage", f"max_steps is {max_steps}: at least one is needed to ask anything")
        return
    ask = with_deadline(env, ask)
    conversation = Conversation(ask.messages)
    for step in range(1, max_steps + 1):
        reply = ask_model(env, next_ask(ask, conversation))
        if not isinstance(reply, Success):
            yield Failure(add_cost_so_far(conversation, reply.failure()))
            return
        conversation = add_reply(conversation, reply.unwrap())
        yield Success(conversation)
        if not wants_tools(conversation.reply):
            return
        if step == max_steps:  # nobody would read the results
            break
        results = call_tools(conversation.reply.tool_calls)
        conversation = replace(conversation, messages=(*conversation.messages, *results))
        yield Success(conversation)
    yield Failure(explain_too_many_steps(conversation, max_steps))


# ---- the steps ---------------------------------------------------------------------------------


def with_deadline(env: Env, ask: Ask) -> Ask:
    """Return the ask; a limit on the time for everything spans all of its steps."""
    limits = ask.limits
    if limits.total is None or limits.deadline is not None:
        return ask
    return replace(ask, limits=replace(limits, deadline=env.clock() + limits.total))


def next_ask(ask: Ask, conversation: Conversation) -> Ask:
    """Return what the next step asks, for what is left of the money.

    A tool that had to be called has been called after the first step: now the model is free.
    """
    following = replace(ask, messages=conversation.messages)
    if not conversation.replies:
        return following
    choice = "none" if ask.tool_choice == "none" else None
    following = replace(following, tool_choice=choice)
    if ask.max_cost is None:
        return following
    left = max(Decimal(0), ask.max_cost - spent_at_most(conversation))
    return replace(following, max_cost=left)


def spent_at_most(conversation: Conversation) -> Decimal:
    """Return the most that the replies can have cost: what is unknown of one is its worst case."""
    costs = (
        worst_cost(reply.request.target, reply.request.draft.changes)
        if reply.cost is None
        else reply.cost
        for reply in conversation.replies
    )
    return sum((cost or Decimal(0) for cost in costs), Decimal(0))


def add_reply(conversation: Conversation, reply: Reply) -> Conversation:
    """Return the conversation with one more reply."""
    return Conversation((*conversation.messages, message_of(reply)), (*conversation.replies, reply))


def wants_tools(reply: Reply) -> bool:
    """Return whether a reply has calls that are to be run: whole ones, of a whole answer."""
    return bool(reply.tool_calls) and reply.finish not in ("length", "filter")


def explain_too_many_steps(conversation: Conversation, max_steps: int) -> Problem:
    """Return the Problem of a model that goes on calling tools."""
    names = ", ".join(sorted({call.name for call in conversation.reply.tool_calls}))
    steps = f"{count_of(max_steps, 'step')} (--max-steps)"
    message = f"no answer after {steps}: the model still calls {names}"
    problem = Problem("usage", message, answer_text=conversation.reply.text)
    return add_cost_so_far(conversation, problem)


def add_cost_so_far(conversation: Conversation, problem: Problem) -> Problem:
    """Return a problem with what the replies before it took: it was billed."""
    if not conversation.replies:
        return problem
    usages = [reply.usage for reply in conversation.replies]
    own = [problem.usage] if problem.usage else []
    costs = (conversation.cost, Decimal(0) if is_free(problem) else problem.cost)
    known = [cost for cost in costs if cost is not None]
    spent = format_dollars(spent_at_most(conversation))
    steps = f"; {count_of(len(usages), 'step')} before it cost {spent}"
    return replace(
        problem,
        message=problem.message + (steps if problem.kind == "budget" else ""),
        sent=True,
        usage=add_usages([*usages, *own]),
        cost=sum(known, Decimal(0)) if len(known) == len(costs) else None,
    )


def sum_replies(conversation: Conversation) -> Reply:
    """Return the last reply with the tokens, cost, times and attempts of all of them."""
    replies = conversation.replies
    seconds = [reply.seconds for reply in replies if reply.seconds is not None]
    return replace(
        conversation.reply,
        usage=add_usages([reply.usage for reply in replies]),
        cost=conversation.cost,
        seconds=sum(seconds) if len(seconds) == len(replies) else None,
        first_token_seconds=replies[0].first_token_seconds,
        attempts=sum(reply.attempts for reply in replies),
    )
