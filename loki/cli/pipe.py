"""loki-pipe: flags and stdin -> Ask -> answer on stdout -> exit code."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from math import inf
from typing import Any

from returns.result import Failure, Result, Success

from loki.cli import console
from loki.cli.main import Course
from loki.cli.startup import env_of, environment, failed, how_to_ask, today
from loki.edge import files, stdin
from loki.edge.auth.credentials import masked
from loki.formats.attachments import attach
from loki.formats.openai_messages import read_json, read_messages, read_tools
from loki.formats.structured_output import checked, code_block, read_schema
from loki.pipeline import Env, in_turn, prepare, stream
from loki.problems import Problem, fail
from loki.railway import gather
from loki.records import Ask, Media, Message, Request, Text
from loki.replies import Done, Event, Opened, Reasoning, Reply, Stream
from loki.stages.parse import collect
from loki.stages.resolve import resolve


def pipe(prog: str, flags: Namespace) -> int:
    """Ask what the flags and stdin say; the exit code."""
    environ = environment(flags)
    ready = env_of(flags, environ, prog, on_idle=console.left_alone).bind(
        lambda env: ask_of(flags, end_of(env, flags)).map(lambda ask: (env, ask))
    )
    if not isinstance(ready, Success):
        return failed(prog, ready.failure(), flags.output)
    env, ask = ready.unwrap()
    if flags.explain:
        from loki.cli.explain import explain

        explain(env, ask, environ)
    if flags.dry_run:
        from loki.cli.explain import dry_run

        return dry_run(prog, env, ask, flags.dry_run)
    return converse(prog, noting_departure(env, flags.course), ask, flags)


def noting_departure(env: Env, course: Course) -> Env:
    """Return the same Env; once it opens a connection, a request may have left."""

    def open_(request: Request) -> Result[Opened, Problem]:
        before, course.sent = course.sent, True
        return env.open(request).alt(lambda problem: noted(problem, before))

    def noted(problem: Problem, before: bool) -> Problem:
        course.sent = before or problem.sent
        return problem

    return replace(env, open=open_)


# ---- asking ------------------------------------------------------------------------------------


def end_of(env: Env, flags: Namespace) -> float | None:
    """Return when all is to be over, on the clock of Env; None where nobody gave a limit."""
    total: float | None = flags.timeout
    if total is None and any(client.limits.total for client in env.config.clients):
        target = resolve(env.config)(how_to_ask(flags))
        total = target.map(lambda found: found.client.limits.total).value_or(None)
    return total and env.clock() + total


def ask_of(flags: Namespace, end: float | None) -> Result[Ask, Problem]:
    """Return what the flags and stdin ask; they are waited for until ``end``."""
    parts = (messages_of(flags, inf if end is None else end), schema_of(flags), tools_of(flags))
    how = how_to_ask(flags)
    return gather(parts).map(
        lambda told: replace(
            how,
            limits=replace(how.limits, end=end),
            messages=told[0],
            schema=told[1],
            tools=told[2],
            stream=False if flags.no_stream else None,
            max_cost=flags.max_cost,
        )
    )


def messages_of(flags: Namespace, end: float) -> Result[tuple[Message, ...], Problem]:
    """The system prompt, the conversation so far, and what is asked now."""
    takers = [*flags.file, *([flags.messages] if flags.messages else [])].count("-")
    if takers > 1:
        return fail("usage", "stdin can be read once: more than one - is given")
    system = (Message("system", flags.prompt),) if flags.prompt else ()
    before = conversation(flags.messages, end) if flags.messages else Success(())
    optional = bool(flags.text or flags.messages or flags.file)
    piped = Success("") if takers else read_stdin(optional, end)
    attached = gather(attachment(path, flags.proxy, end) for path in flags.file)
    return gather((before, piped, attached)).bind(
        lambda told: with_prompt((*system, *told[0]), words_of(flags.text), told[1], told[2])
    )


def words_of(text: list[str]) -> str:
    """TEXT, in UTF-8 whatever the locale; a dash alone is stdin, which is read anyway."""
    words = [] if text == ["-"] else text
    return os.fsencode(" ".join(words)).decode("utf-8", "surrogateescape")


def with_prompt(
    before: tuple[Message, ...], text: str, stdin: str, attached: tuple[Text | Media, ...]
) -> Result[tuple[Message, ...], Problem]:
    """The conversation with the new turn at its end: attachments first, then TEXT, then stdin."""
    prompt = f"{text}\n{stdin}" if text and stdin else text or stdin
    if prompt.strip() or attached:
        parts = (*attached, Text(prompt)) if prompt.strip() else attached
        return Success((*before, Message("user", joined(parts))))
    if any(message.role not in ("system", "developer") for message in before):
        return Success(before)
    return fail("usage", "no prompt: give TEXT, or pipe a document in")


def joined(parts: tuple[Text | Media, ...]) -> str | tuple[Text | Media, ...]:
    """Texts side by side become one, for the servers that take nothing but a string.

    >>> joined((Text("a"), Text("b")))
    'a\\nb'
    """
    texts = [part.text for part in parts if isinstance(part, Text)]
    media = tuple(part for part in parts if isinstance(part, Media))
    text = "\n".join(texts)
    return (*media, *((Text(text),) if text else ())) if media else text


def read_stdin(optional: bool, end: float = inf) -> Result[str, Problem]:
    """Return what is piped in; nothing where stdin is a terminal or closed."""
    try:
        if sys.stdin is None or sys.stdin.isatty():
            return Success("")
        return files.decode(stdin.read_stdin(end), "stdin")
    except TimeoutError:
        return fail("offline", stdin.LATE)
    except (OSError, ValueError) as error:
        return Success("") if optional else fail("input", f"cannot read stdin: {error}")


def conversation(path: str, end: float) -> Result[tuple[Message, ...], Problem]:
    """The messages of ``--messages``."""
    text = read_stdin(False, end) if path == "-" else files.read_text(path, "--messages")
    name = "stdin" if path == "-" else path
    return text.bind(lambda words: read_json(words, name)).bind(
        lambda told: read_messages(told, name)
    )


def attachment(
    path: str, proxy: str | None = None, end: float = inf
) -> Result[Text | Media, Problem]:
    """Return one ``--file``; an address is fetched by way of the proxy, if one is given."""
    if path == "-":
        try:
            return attach(stdin.read_stdin(end), "stdin")
        except TimeoutError:
            return fail("offline", stdin.LATE)
    if path.startswith(("http://", "https://")):
        from loki.edge.http.fetch import fetch

        return fetch(path, proxy, end).bind(lambda data: attach(data, path))
    return files.read_bytes(path, "--file").bind(lambda data: attach(data, path))


def schema_of(flags: Namespace) -> Result[Any, Problem]:
    """The schema of ``--schema``, a file's or the words themselves."""
    given = flags.schema
    if given is None:
        return Success(None)
    inline = given.lstrip().startswith("{")
    text = Success(given) if inline else files.read_text(given, "--schema")
    name = "--schema" if inline else given
    return text.bind(lambda words: read_json(words, name)).bind(
        lambda told: read_schema(told, name)
    )


def tools_of(flags: Namespace) -> Result[Any, Problem]:
    """The tools of ``--tools``."""
    if flags.tools is None:
        return Success(())
    text = files.read_text(flags.tools, "--tools")
    return text.bind(lambda words: read_json(words, flags.tools)).bind(
        lambda told: read_tools(told, flags.tools)
    )


# ---- answering ---------------------------------------------------------------------------------


def converse(prog: str, env: Env, ask: Ask, flags: Namespace) -> int:
    """Ask, tell the answer as it comes, and say how it went."""
    limits = ask.limits if flags.timeout else replace(ask.limits, end=None)  # a client's own
    asks = [ask, *(replace(ask, model=name, limits=limits) for name in flags.fallback)]
    sayable = gather(prepare(replace(env, authorize=masked), each) for each in asks[1:])
    if not isinstance(sayable, Success):  # better said now than when it is needed
        return failed(prog, sayable.failure(), flags.output)
    started = in_turn(
        partial(stream_in_time, env),
        asks,
        partial(fallen_back, prog, flags),
    )
    form = "held" if flags.output == "text" and (flags.code or ask.schema) else flags.output
    told = started.bind(lambda events: TELLERS[form](events, flags))
    good = told.bind(partial(checked, ask)).map(lambda pair: (only_code(pair[0], flags), pair[1]))
    if not isinstance(good, Success):
        return failed(prog, good.failure(), flags.output)
    reply, data = good.unwrap()
    ENDS[form](reply, data, flags)
    warn(prog, reply, flags)
    return 0


def stream_in_time(env: Env, ask: Ask) -> Result[Stream, Problem]:
    """Ask a model, if there is time left for it."""
    limits = ask.limits
    if limits.end is not None and env.clock() >= limits.end:
        within = "in time" if limits.total is None else f"within {limits.total:g} s"
        return fail("offline", f"no answer {within} for everything")
    return stream(env, ask)


def fallen_back(prog: str, flags: Namespace, problem: Problem, following: Ask) -> None:
    """Say that the next model is tried."""
    if not flags.quiet:
        console.talk(
            f"{prog}: {problem.kind}: {console.one_line(problem.message)}; trying {following.model}"
        )


def only_code(reply: Reply, flags: Namespace) -> Reply:
    """The reply, with ``-c`` cut down to its first block of code."""
    return replace(reply, text=code_block(reply.text)) if flags.code else reply


def warn(prog: str, reply: Reply, flags: Namespace) -> None:
    """What a reader of the answer should know about it."""
    if flags.verbose:
        console.talk(f"{prog}: {console.summary(reply, '' if flags.no_ledger else today())}")
    if flags.quiet:
        return
    if warning := WARNINGS.get(reply.finish):
        console.talk(f"{prog}: {warning} ({console.one_line(str(reply.finish_raw))})")
    if reply.tool_calls and flags.output == "text":
        names = ", ".join(call.name for call in reply.tool_calls)
        console.talk(f"{prog}: the model wants to call {names}: -o json tells how")


WARNINGS = {
    "length": "the answer was cut off: it reached the longest that was allowed",
    "filter": "the answer was stopped by the provider's filter",
    "other": "the answer ended in an unusual way",
}


# ---- telling: a stream -> the reply, shown on the way --------------------------------------------


def tell_text(events: Stream, flags: Namespace) -> Result[Reply, Problem]:
    """Text as it comes; what has been told is not kept."""
    write, end = console.text_writer()
    think, rest = console.thinker(flags.show_reasoning)

    def seen(event: Event) -> None:
        if type(event) is Text:
            rest()
            write(event.text)
        elif type(event) is Reasoning:
            think(event.text)

    return last(tap(events, seen)).map(lambda reply: (end(), reply)[1])


def tell_nothing(events: Stream, flags: Namespace) -> Result[Reply, Problem]:
    """Nothing but thoughts until the answer is whole."""
    think, rest = console.thinker(flags.show_reasoning)
    told = collect(tap(events, lambda event: think_of(event, think)))
    rest()
    return told


def think_of(event: Event, think: Callable[[str], None]) -> None:
    """Show a thought, and nothing else."""
    if isinstance(event, Reasoning):
        think(event.text)


def tell_events(events: Stream, flags: Namespace) -> Result[Reply, Problem]:
    """Every event but the last as a JSON line."""

    def seen(event: Event) -> None:
        if not isinstance(event, Done):
            console.say(console.compact(console.event_json(event)) + "\n")

    return collect(tap(events, seen))


def tap(events: Stream, seen: Callable[[Event], None]) -> Stream:
    """The same stream, each good event shown to a function as it passes."""
    with closing(events):
        for result in events:
            if isinstance(result, Success):
                seen(result.unwrap())
            yield result


def last(events: Stream) -> Result[Reply, Problem]:
    """The reply at the end of a stream, without its words."""
    with closing(events):
        for result in events:
            if not isinstance(result, Success):
                return Failure(result.failure())
            event = result.unwrap()
            if type(event) is Done:
                return Success(event.reply)
    return fail("garbled", "the stream ended without an answer", sent=True)


def end_held(reply: Reply, data: Any, flags: Namespace) -> None:
    """A text that was waited for."""
    console.say(reply.text.rstrip("\n") + "\n")


def end_json(reply: Reply, data: Any, flags: Namespace) -> None:
    """The whole answer as one object."""
    console.say(console.compact(console.reply_json(reply, data)) + "\n")


def end_events(reply: Reply, data: Any, flags: Namespace) -> None:
    """The last event, with the whole answer."""
    console.say(console.compact({"type": "done", **console.reply_json(reply, data)}) + "\n")


TELLERS: dict[str, Callable[[Stream, Namespace], Result[Reply, Problem]]] = {
    "text": tell_text,
    "held": tell_nothing,
    "json": tell_nothing,
    "events": tell_events,
}

ENDS: dict[str, Callable[[Reply, Any, Namespace], None]] = {
    "text": lambda reply, data, flags: None,
    "held": end_held,
    "json": end_json,
    "events": end_events,
}
