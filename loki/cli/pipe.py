"""loki-pipe: flags and stdin -> Ask -> answer on stdout -> exit code."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from math import inf
from typing import Any

from returns.result import Failure, Result, Success

from loki.cli.console import Console
from loki.cli.describe import format_summary, one_line
from loki.cli.printers import OUTPUTS, AnswerPrinter, ReasoningPrinter, TextOutput, show_stream
from loki.cli.prompt import ask_of, flags_deadline
from loki.cli.startup import describe_spent_today, environment, open_env, with_template
from loki.edge.auth.credentials import mask_draft
from loki.formats.structured_output import check_answer, code_block
from loki.json_text import Json, JsonObject
from loki.pipeline import Env, first_success, prepare, stream
from loki.problems import Kind, Problem, fail
from loki.railway import gather
from loki.record import replace
from loki.records import Ask, Limits, Request
from loki.replies import OpenResponse, Reply, Stream


def pipe(flags: Namespace, console: Console) -> int:
    """Ask what the flags and stdin say; return the exit code."""
    flags.deadline = time.monotonic() + flags.timeout if flags.timeout else inf
    environ = environment(flags)
    complete = with_template(flags, environ)
    if not isinstance(complete, Success):
        return console.report(complete.failure(), flags.output)
    flags = complete.unwrap()
    console.output_format = flags.output
    ready = Result.do(
        (env, ask, shown)
        for env in open_env(flags, environ, console, on_idle=console.exit_if_stdout_closed)
        for ask in ask_of(flags, flags_deadline(env, flags), console.warn, env.redactor)
        for shown in (full_ask(flags, ask) if is_conversation(flags) else Success(ask))
    )
    if not isinstance(ready, Success):
        return console.report(ready.failure(), flags.output)
    env, ask, shown = ready.unwrap()
    if not shown.messages:
        return 0  # --if-input, and there is none
    if flags.explain:
        from loki.cli.explain import explain

        explain(env, shown, environ, console, origins=getattr(flags, "origins", {}))
    if flags.dry_run:
        from loki.cli.explain import dry_run

        return dry_run(env, shown, flags.dry_run, console)
    return send(note_when_sent(env, console), ask, flags, environ, console)


def is_conversation(flags: Namespace) -> bool:
    """Return whether a conversation is gone on with, or tools are run."""
    return flags.conversation is not None or flags.run_tools or flags.max_steps is not None


def full_ask(flags: Namespace, ask: Ask) -> Result[Ask, Problem]:
    """Return what is asked together with the conversation before it."""
    from loki.cli.conversation.input import preview

    return preview(flags, ask)


def note_when_sent(env: Env, console: Console) -> Env:
    """Return the same Env; once it opens a connection, a request may have left."""

    def open_(request: Request) -> Result[OpenResponse, Problem]:
        before, console.maybe_sent = console.maybe_sent, True
        return env.open(request).alt(lambda problem: noted(problem, before))

    def noted(problem: Problem, before: bool) -> Problem:
        console.maybe_sent = before or problem.sent
        return problem

    return replace(env, open=open_)


# ---- answering ---------------------------------------------------------------------------------


def send(env: Env, ask: Ask, flags: Namespace, environ: Mapping[str, str], console: Console) -> int:
    """Ask, print the answer as it comes, and what should be known of it; return the exit code."""
    whole = flags.output == "text" and (flags.code or ask.schema is not None or flags.run_tools)
    reasoning = ReasoningPrinter(console, flags.show_reasoning)
    output = OUTPUTS["whole text" if whole else flags.output](console, reasoning)
    ask_model = partial(ask_models, flags, console, output, reasoning)
    completing = partial(check_reply, env, flags, output)
    if is_conversation(flags):
        from loki.cli.conversation.run import Speaker, converse

        speaker = Speaker(
            flags, environ, console, ask_model, completing, output.finish, warn_and_exit_code
        )
        return converse(env, ask, speaker)
    answer = ask_model(env, ask).bind(partial(completing, ask))
    if not isinstance(answer, Success):
        problem: Problem = answer.failure()
        return console.report(console.keep_answer(problem) if whole else problem, flags.output)
    reply, data = answer.unwrap()
    output.finish(reply, data)
    return warn_and_exit_code(reply, flags, console)


def warn_and_exit_code(reply: Reply, flags: Namespace, console: Console) -> int:
    """Print what should be known of an answer that is printed; return the exit code."""
    warn(reply, flags, console)
    failed = find_failure(reply, flags.fail_on)
    return 0 if failed is None else console.report(failed, flags.output)


def ask_models(
    flags: Namespace,
    console: Console,
    output: AnswerPrinter,
    reasoning: ReasoningPrinter,
    env: Env,
    ask: Ask,
    tap: Callable[[Stream], Stream] = lambda events: events,
) -> Result[Reply, Problem]:
    """Ask the model, then each fallback; print what comes, which passes through ``tap``."""
    failures = ModelFailures(console, ask.model or env.config.model or "", env.clock)
    return Result.do(
        streamed
        for asks in with_fallbacks(env, ask, flags)
        for streamed in first_success(partial(stream_in_time, env), asks, failures.add)
        .bind(lambda events: show_stream(tap(events), output, reasoning))
        .alt(failures.explain if flags.fallback else lambda problem: problem)
    )


def check_reply(
    env: Env, flags: Namespace, output: AnswerPrinter, ask: Ask, reply: Reply
) -> Result[tuple[Reply, Json], Problem]:
    """Return the reply as it is printed, and the value of ``--schema``."""
    return Result.do(
        (shown, data)
        for checked, data in check_answer(ask, reply, env.find_schema_violation)
        for coded in (keep_code_block(checked, ask) if flags.code else Success(checked))
        for shown in check_text(coded, output, flags.output)
    )


def with_fallbacks(env: Env, ask: Ask, flags: Namespace) -> Result[tuple[Ask, ...], Problem]:
    """Return the Ask and one for each ``--fallback``, if all of these could be sent.

    What each may cost is seen to when its turn comes: most are never asked.
    """
    limits = ask.limits if flags.timeout else replace(ask.limits, deadline=None)  # a client's own
    fallbacks = [replace(ask, model=name, limits=limits) for name in flags.fallback]
    masked = replace(env, authorize=mask_draft)
    requests = gather(prepare(masked, replace(each, max_cost=None)) for each in fallbacks)
    return requests.map(lambda _: (ask, *fallbacks))


def stream_in_time(env: Env, ask: Ask) -> Result[Stream, Problem]:
    """Ask a model, if there is time left for it."""
    limits = ask.limits
    if is_too_late(env.clock, limits):
        within = "in time" if limits.total is None else f"within {limits.total:g} s"
        return fail("offline", f"no answer {within} for everything")
    return stream(env, ask)


def is_too_late(clock: Callable[[], float], limits: Limits) -> bool:
    """Return whether the time for everything is over."""
    return limits.deadline is not None and clock() >= limits.deadline


class ModelFailures:
    """The models that failed so far, so that the last failure names them, also under ``-q``."""

    def __init__(self, console: Console, model: str, clock: Callable[[], float]) -> None:
        self.console, self.model, self.clock = console, model, clock
        self.earlier: list[str] = []
        self.final: Problem | None = None  # of the last model that there was time for

    def add(self, problem: Problem, following: Ask) -> None:
        """Note that a model failed, and say that the next one is tried, if there is time."""
        if is_too_late(self.clock, following.limits):
            self.final = self.final or problem
            return
        self.earlier.append(f"{self.model}: {problem.kind}")
        self.model = following.model or ""
        message, worst = one_line(problem.message), problem.worst_cost
        spent = "" if worst is None else f"; it may have cost ${worst.normalize():f}"
        self.console.warn(f"{problem.kind}: {message}{spent}; trying {following.model}")

    def explain(self, problem: Problem) -> Problem:
        """Return the failure of the last model that was asked, with the names of all."""
        problem = self.final or problem
        earlier = f" (before it: {', '.join(self.earlier)})" if self.earlier else ""
        name = "" if problem.kind == "budget" else f"{self.model}: "  # which names it already
        return replace(problem, message=f"{name}{problem.message}{earlier}")


def keep_code_block(reply: Reply, ask: Ask) -> Result[Reply, Problem]:
    """Return the reply cut down to its first block of code; fail if it has none.

    The value of ``--schema`` is code already, and calls of tools need none.
    """
    code = code_block(reply.text)
    if code != reply.text or ask.schema is not None or reply.tool_calls:
        return Success(replace(reply, text=code))
    return Failure(
        Problem(
            "input",
            "the answer has no fenced code block, which -c prints",
            sent=True,
            answer_text=reply.text,
            usage=reply.usage,
            cost=reply.cost,
        )
    )


def check_text(reply: Reply, output: AnswerPrinter, form: str) -> Result[Reply, Problem]:
    """Return the reply, or the Problem that there is no text where nothing but text is printed."""
    if form != "text" or not reply.items or reply.tool_calls or has_text(reply, output):
        return Success(reply)
    message = f"the answer has no text, only {kinds_of(reply.items)}: -o json prints it"
    paid: Any = {"usage": reply.usage, "cost": reply.cost}
    return fail("garbled", message, sent=True, **paid)


def has_text(reply: Reply, output: AnswerPrinter) -> bool:
    """Return whether there is a text: in the reply, or printed as it came."""
    return bool(reply.text) or (isinstance(output, TextOutput) and output.text.has_begun)


def kinds_of(items: Sequence[JsonObject]) -> str:
    """Return what some parts of an answer are, in the provider's words, each once.

    >>> kinds_of([{"type": "mcp_call"}, {"inlineData": {}}, {"type": "mcp_call"}])
    'mcp_call, inlineData'
    """
    kinds = [str(item.get("type") or next(iter(item), "an empty part")) for item in items]
    return ", ".join(dict.fromkeys(kinds))


def find_failure(reply: Reply, fail_on: Collection[str]) -> Problem | None:
    """Return the Problem that ``--fail-on`` makes of an end; the answer has been printed."""
    ends = (reply.finish, "tools" if reply.tool_calls else "")
    name = next((name for name in FAILURES if name in fail_on and name in ends), None)
    if name is None:
        return None
    kind, message = FAILURES[name]
    paid: Any = {"answer_text": reply.text, "usage": reply.usage, "cost": reply.cost}
    return Problem(kind, f"{message} ({reply.finish_raw})", sent=True, **paid)


def warn(reply: Reply, flags: Namespace, console: Console) -> None:
    """Print what a reader of the answer should know about it."""
    if flags.verbose:
        console.note(format_summary(reply, "" if flags.no_ledger else describe_spent_today()))
    for note in reply.notes:
        console.warn(one_line(note))
    fails = find_failure(reply, flags.fail_on) is not None
    if (warning := WARNINGS.get(reply.finish)) and not fails:
        console.warn(f"{warning} ({one_line(str(reply.finish_raw))})")
    if reply.items and flags.output == "text":
        kinds = one_line(kinds_of(reply.items))
        console.warn(f"the answer has parts that are no text ({kinds}): use -o json to see them")
    if reply.tool_calls and flags.output == "text":
        names = ", ".join(call.name for call in reply.tool_calls)
        console.warn(f"the model wants to call {names}: use -o json to see the calls")


WARNINGS = {
    "length": "the answer was cut off at the limit of its length",
    "filter": "the answer was stopped by the provider's content filter",
    "other": "the answer ended for an unusual reason",
}

#: What ``--fail-on`` makes of an end: the kind of the Problem, and its message.
FAILURES: dict[str, tuple[Kind, str]] = {
    "length": ("input", WARNINGS["length"]),
    "filter": ("refused", WARNINGS["filter"]),
    "tools": ("usage", "the model wants to call tools"),
}
