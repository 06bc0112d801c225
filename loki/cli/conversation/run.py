"""A conversation goes on, to an answer: it is printed, and all that was words is kept."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from math import inf
from typing import NamedTuple, Protocol

from returns.result import Failure, Result, Success

from loki.cli.console import Console
from loki.cli.conversation.input import continue_conversation, read_tool_commands
from loki.cli.conversation.tools import tool_runner
from loki.cli.conversation.transcript import Transcript, Turns
from loki.cli.describe import format_summary, one_line, reply_json
from loki.edge import conversation as conversation_file
from loki.formats.conversation import message_json, write_lines
from loki.formats.turns import find_open_calls, is_complete
from loki.json_text import Json
from loki.pipeline import Env
from loki.problems import Problem, excerpt
from loki.railway import fold
from loki.record import replace
from loki.records import Ask
from loki.replies import Reply, Stream
from loki.tool_use import MAX_STEPS, CallTools, Conversation, add_reply, iterate_steps, sum_replies


class AskModels(Protocol):
    """Asks the model, then each fallback."""

    def __call__(
        self, env: Env, ask: Ask, tap: Callable[[Stream], Stream]
    ) -> Result[Reply, Problem]:
        """Return the reply; what comes of it passes through ``tap``."""


class Speaker(NamedTuple):
    """A command that asks: its flags and streams, and what it does with one answer."""

    flags: Namespace
    environ: Mapping[str, str]
    console: Console
    ask_models: AskModels
    check_reply: Callable[[Ask, Reply], Result[tuple[Reply, Json], Problem]]  # checked, as printed
    finish: Callable[[Reply, Json], None]  # prints the end of it
    exit_code: Callable[[Reply, Namespace, Console], int]  # says what should be known of it


def converse(env: Env, ask: Ask, speaker: Speaker) -> int:
    """Go on with a conversation to an answer; print and keep it; return the exit code."""
    flags, console = speaker.flags, speaker.console
    with open_conversation(flags, ask, console) as before:
        ready = Result.do(
            (asked, new, commands)
            for turns in before
            for asked, new in continue_conversation(flags, turns, ask)
            for commands in read_tool_commands(flags)
        )
        if not isinstance(ready, Success):
            return console.report(ready.failure(), flags.output)
        asked, new, commands = ready.unwrap()
        if unanswered := ", ".join(find_open_calls(before.unwrap())):
            console.warn(
                f"{flags.conversation}: the model is told that nobody answered {unanswered}"
            )
        call_tools = tool_runner(env, asked, flags, speaker.environ, console, commands)
        return speak(env, asked, speaker, Transcript(asked.messages, new), call_tools)


@contextmanager
def open_conversation(
    flags: Namespace, ask: Ask, console: Console
) -> Iterator[Result[Turns, Problem]]:
    """Yield the conversation so far, which no other command goes on with meanwhile."""
    path = flags.conversation
    if path is None:
        yield Success(())
        return

    def warn() -> None:
        console.warn(f"{path}: waiting for another command that goes on with it")

    end = inf if ask.limits.deadline is None else ask.limits.deadline
    with conversation_file.lock_turns(path, end, warn) as turns:
        yield turns


def speak(
    env: Env, ask: Ask, speaker: Speaker, transcript: Transcript, call_tools: CallTools
) -> int:
    """Ask to an answer; print and keep it, also if that is interrupted; return the exit code."""
    kept: Result[None, Problem] = Success(None)
    try:
        reply = last_reply(
            run_steps(env, ask, speaker, transcript, call_tools), speaker, transcript
        )
        answer = reply.bind(partial(speaker.check_reply, ask))
        if isinstance(answer, Success) and is_complete(reply.unwrap()):
            transcript.accept()
        elif isinstance(reply, Success):
            transcript.reject()
    finally:
        kept = save_turns(speaker, transcript)
    code = show_answer(answer, speaker, transcript)
    if isinstance(kept, Success):
        return code
    return code or speaker.console.report(kept.failure(), speaker.flags.output)


def run_steps(
    env: Env, ask: Ask, speaker: Speaker, transcript: Transcript, call_tools: CallTools
) -> Iterable[Result[Conversation, Problem]]:
    """Return the conversation after each step: one, or as many as the tools take."""

    def ask_model(env: Env, ask: Ask) -> Result[Reply, Problem]:
        reply = speaker.ask_models(env, ask, transcript.tap)
        return reply.map(
            lambda reply: replace(reply, text=transcript.text, reasoning=transcript.reasoning)
        )

    if speaker.flags.run_tools:
        max_steps = speaker.flags.max_steps or MAX_STEPS
        return iterate_steps(env, ask, call_tools, max_steps, ask_model)
    return (ask_model(env, ask).map(partial(add_reply, Conversation(ask.messages))),)


def last_reply(
    steps: Iterable[Result[Conversation, Problem]], speaker: Speaker, transcript: Transcript
) -> Result[Reply, Problem]:
    """Follow a conversation to its end; return the last reply, with what all of them took."""
    for result in steps:
        if not isinstance(result, Success):
            return Failure(result.failure())
        transcript.note(result.unwrap())
        if speaker.flags.verbose and transcript.new[-1].tool_calls:
            print_step(transcript.conversation, speaker.console)
    return Success(sum_replies(transcript.conversation))


def print_step(conversation: Conversation, console: Console) -> None:
    """Print a line about a step that called tools."""
    reply = conversation.reply
    words = f" · {one_line(excerpt(reply.text, 200))}" if reply.text else ""
    console.note(f"step {len(conversation.replies)}: {format_summary(reply)}{words}")


# ---- what is kept and shown ----------------------------------------------------------------------


def save_turns(speaker: Speaker, transcript: Transcript) -> Result[None, Problem]:
    """Add the new turns to the file; keep aside what is no whole answer, or cannot be added."""
    path = speaker.flags.conversation
    if path is None:
        return Success(None)
    kept, aside = transcript.parts()
    added = conversation_file.append(path, write_lines(kept)) if kept else Success(None)
    lost = kept if isinstance(added, Failure) else ()
    if lost or aside:
        place = conversation_file.save_aside(path, write_lines((*lost, *aside)))
        where = fold(place, lambda place: f"it is in {place}", str)
        reason = f" ({transcript.describe_end()})" if aside else ""
        speaker.console.note(f"the answer was not added to {path}: {where}{reason}")
    return added


def show_answer(
    answer: Result[tuple[Reply, Json], Problem],
    speaker: Speaker,
    transcript: Transcript,
) -> int:
    """Print the end of an answer, or why there is none; return the exit code.

    What the steps before a failure answered was paid for: it is printed before the error. An
    answer that is refused is not printed: the error has it.
    """
    flags, console = speaker.flags, speaker.console
    if isinstance(answer, Success):
        reply, data = answer.unwrap()
        print_end(reply, data, speaker, transcript.conversation, transcript.since_prompt)
        return speaker.exit_code(reply, flags, console)
    if flags.run_tools and flags.output != "events" and transcript.since_prompt:
        steps = transcript.before_refusal
        reply = sum_replies(steps)
        if reply.text or flags.output == "json":
            print_end(reply, ..., speaker, steps, transcript.since_prompt)
    problem: Problem = answer.failure()
    is_lost = flags.output == "text" and flags.conversation is None
    return console.report(console.keep_answer(problem) if is_lost else problem, flags.output)


def print_end(
    reply: Reply, data: Json, speaker: Speaker, conversation: Conversation, turns: Turns
) -> None:
    """Print the end of an answer; JSON with the turns of all steps, where tools may have run."""
    flags = speaker.flags
    if not flags.run_tools or flags.output not in ("json", "events"):
        speaker.finish(reply, data)
        return
    kind = {"type": "done"} if flags.output == "events" else {}
    steps = {
        "steps": len(conversation.replies),
        "messages": [message_json(turn) for turn in turns],
    }
    shown = reply_json(reply, speaker.console.redactor, data)
    speaker.console.write_json({**kind, **shown, **steps})
