"""Flags and stdin -> Ask: the system prompt, the conversation, attachments, TEXT; schema, tools."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable
from functools import partial
from math import inf
from typing import Any

from returns.result import Result, Success

from loki.cli.prompt_notes import warn_of_empty_stdin, warn_of_file_names
from loki.cli.startup import ask_options, deadline_of, is_bare_json, is_json, text_or_file
from loki.cli.tools_flag import tools_of
from loki.edge import files, stdin
from loki.edge.decode import decode_stdin
from loki.formats.attachments import detect_media_type, read_attachment
from loki.formats.openai_messages import read_json
from loki.formats.structured_output import read_schema
from loki.messages import Media, Message, Text
from loki.pipeline import Env
from loki.problems import Problem, fail
from loki.railway import gather
from loki.record import replace
from loki.records import Ask
from loki.redaction.redactor import Redactor
from loki.stages.resolve import resolve


def flags_deadline(env: Env, flags: Namespace) -> float | None:
    """Return when the call must be over, on the clock of Env; None where no limit was given."""
    if flags.timeout:
        return deadline_of(flags)
    total: float | None = None
    if any(client.limits.total for client in env.config.clients):
        target = resolve(env.config)(ask_options(flags))
        total = target.map(lambda found: found.client.limits.total).value_or(None)
    return total and env.clock() + total


def ask_of(
    flags: Namespace, deadline: float | None, warn: Callable[[str], None], redactor: Redactor
) -> Result[Ask, Problem]:
    """Return what the flags and stdin ask; stdin is waited for until ``deadline``.

    It has no messages where ``--if-input`` finds none.
    """
    options = ask_options(flags)
    until = inf if deadline is None else deadline
    return Result.do(
        replace(
            options,
            limits=replace(options.limits, deadline=deadline),
            messages=messages,
            schema=schema,
            tools=tools,
            server_tools=server_tools,
            search=flags.search,
            raw=flags.output == "raw",
            stream=False if flags.no_stream else None,
            max_cost=flags.max_cost,
        )
        for messages in messages_of(flags, until, warn, redactor)
        for schema in schema_of(flags, until)
        for tools, server_tools in tools_of(flags, until)
    )


def messages_of(
    flags: Namespace, deadline: float, warn: Callable[[str], None], redactor: Redactor
) -> Result[tuple[Message, ...], Problem]:
    """Return the system prompt, the conversation so far, and the turn that is asked now."""
    return Result.do(
        messages
        for has_reader in should_read_stdin(flags)
        for system in read_system(flags, deadline)
        for before in read_given_messages(flags, deadline, warn)
        for piped in read_piped(flags, has_reader, deadline, warn)
        for attached in gather(
            attach_stdin(flags, deadline, warn)
            if path == "-"
            else load_attachment(redactor, path, flags.proxy, deadline)
            for path in flags.file
        )
        for text, rest in prompt_texts(flags, piped, deadline)
        for messages in (
            Success(())
            if flags.if_input and not piped
            else with_prompt((*system, *before), text, rest, attached, flags)
        )
    )


def prompt_texts(flags: Namespace, piped: str, deadline: float) -> Result[tuple[str, str], Problem]:
    """Return TEXT, after the prompt file if there is one, and what follows it of stdin."""
    text = text_of(flags.text)
    if not flags.template_file or (flags.if_input and not piped):
        return Success((text, piped))
    from loki.cli.template import fill_template

    return fill_template(flags.prompt_file, text, piped, deadline)


def should_read_stdin(flags: Namespace) -> Result[bool, Problem]:
    """Return whether a flag reads stdin, or must leave it alone; fail if flags contradict."""
    readers = [*flags.file, *([flags.messages] if flags.messages else [])].count("-")
    if readers > 1:
        return fail("usage", "stdin can be read once: more than one - is given")
    if flags.no_stdin and (readers or flags.text == ["-"]):
        return fail("usage", "--no-stdin and - contradict each other")
    if flags.if_input and (readers or flags.no_stdin):
        other = "-" if readers else "--no-stdin"
        return fail("usage", f"--if-input needs the prompt on stdin: it cannot go with {other}")
    return Success(bool(readers) or flags.no_stdin)


def read_system(flags: Namespace, deadline: float) -> Result[tuple[Message, ...], Problem]:
    """Return the message of ``--system`` or ``--system-file``, if one is given."""
    if flags.system_file is None:
        return Success((Message("system", flags.prompt),) if flags.prompt else ())
    if flags.prompt is not None:
        return fail("usage", "--system and --system-file contradict each other")
    text = files.read_text(flags.system_file, "--system-file", deadline=deadline)
    return text.map(lambda text: (Message("system", text),) if text else ())


def text_of(arguments: list[str]) -> str:
    """Return TEXT, in UTF-8 whatever the locale; a dash alone is stdin, which is read anyway."""
    arguments = [] if arguments == ["-"] else arguments
    return os.fsencode(" ".join(arguments)).decode("utf-8", "surrogateescape")


def with_prompt(
    before: tuple[Message, ...],
    text: str,
    piped: str,
    attached: tuple[Text | Media, ...],
    flags: Namespace,
) -> Result[tuple[Message, ...], Problem]:
    """Return the conversation with the new turn: attachments first, then TEXT, then stdin."""
    prompt = f"{text}\n{piped}" if text and piped else text or piped
    if prompt.strip() or attached:
        parts = (*attached, Text(prompt)) if prompt.strip() else attached
        return Success((*before, Message("user", join_texts(parts))))
    if flags.conversation or any(message.role not in ("system", "developer") for message in before):
        return Success(before)
    return fail("usage", f"no prompt: give TEXT, or pipe a document in{prompt_hint(flags)}")


def prompt_hint(flags: Namespace) -> str:
    """Return what to say besides to whoever gave no prompt.

    >>> prompt_hint(Namespace(prompt="Be brief."))
    ' (--prompt, like -s, is the system prompt)'
    """
    if flags.prompt is not None:
        return " (--prompt, like -s, is the system prompt)"
    is_loki = hasattr(flags, "init")
    return " (see loki --help; loki --init writes a configuration)" if is_loki else ""


def join_texts(parts: tuple[Text | Media, ...]) -> str | tuple[Text | Media, ...]:
    """Join the texts of a message into one, for servers that take nothing but a string.

    >>> join_texts((Text("a"), Text("b")))
    'a\\nb'
    """
    texts = [part.text for part in parts if isinstance(part, Text)]
    media = tuple(part for part in parts if isinstance(part, Media))
    text = "\n".join(texts)
    return (*media, *((Text(text),) if text else ())) if media else text


def read_piped(
    flags: Namespace, has_reader: bool, deadline: float, warn: Callable[[str], None]
) -> Result[str, Problem]:
    """Return the text that is piped in, if no flag reads stdin; warn if TEXT names a file."""
    piped = Success("") if has_reader else read_stdin(flags, deadline, warn)
    warn_of_file_names(flags, piped.value_or(""), warn)
    return piped


def read_stdin(
    flags: Namespace, deadline: float, warn: Callable[[str], None]
) -> Result[str, Problem]:
    """Return the text that is piped in; nothing where stdin is a terminal or closed."""
    others = flags.text or flags.messages or flags.file or flags.conversation
    optional = bool(others) and flags.messages != "-"
    try:
        if sys.stdin is None or sys.stdin.isatty():
            return Success("")
        data = stdin.read_stdin(deadline)
    except TimeoutError:
        return fail("offline", stdin.LATE)
    except stdin.TooLargeError as error:
        return fail("input", f"stdin {error}")
    except (OSError, ValueError) as error:
        return Success("") if optional else fail("input", f"cannot read stdin: {error}")
    if not data:
        warn_of_empty_stdin(flags, warn)
    return decode_stdin(data, flags.encoding, warn)


# ---- files -------------------------------------------------------------------------------------


def read_given_messages(
    flags: Namespace, deadline: float, warn: Callable[[str], None]
) -> Result[tuple[Message, ...], Problem]:
    """Return the messages of ``--messages``, a file or the JSON itself; none without the flag."""
    path = flags.messages
    if not path:
        return Success(())
    is_stdin = path == "-"
    name = "stdin" if is_stdin else "--messages" if is_json(path) else path
    from loki.formats.conversation import read_conversation

    return Result.do(
        messages
        for text in (
            read_stdin(flags, deadline, warn)
            if is_stdin
            else text_or_file(path, "--messages", deadline=deadline)
        )
        for messages in read_conversation(text, name).bind(partial(require_messages, name))
    )


def require_messages(
    name: str, messages: tuple[Message, ...]
) -> Result[tuple[Message, ...], Problem]:
    """Return the messages of a conversation, or the Problem that there are none."""
    if messages:
        return Success(messages)
    return fail("input", f"{name}: expected messages, as a JSON array or as JSON lines")


def attach_stdin(
    flags: Namespace, deadline: float, warn: Callable[[str], None]
) -> Result[Text | Media, Problem]:
    """Return stdin as an attachment; text is decoded as it is without ``-f``."""
    try:
        data = stdin.read_stdin(deadline)
    except TimeoutError:
        return fail("offline", stdin.LATE)
    except stdin.TooLargeError as error:
        return fail("input", f"stdin {error}")
    text = Success("") if detect_media_type(data) else decode_stdin(data, flags.encoding, warn)
    return read_attachment(text.value_or("").encode("utf-8", "surrogatepass") or data, "stdin")


def load_attachment(
    redactor: Redactor, path: str, proxy: str | None = None, deadline: float = inf
) -> Result[Text | Media, Problem]:
    """Return one ``--file``: a URL (through the proxy, if one is given) or a file."""
    if path.startswith(("http://", "https://")):
        from loki.edge.http.fetch import fetch

        return fetch(path, redactor, proxy, deadline).bind(lambda data: read_attachment(data, path))
    data = files.read_bytes(path, "--file", deadline=deadline, limit=stdin.MAX_INPUT)
    return data.bind(lambda data: read_attachment(data, path))


def schema_of(flags: Namespace, deadline: float = inf) -> Result[Any, Problem]:
    """Return the schema of ``--schema``, a file or the JSON itself; None without the flag."""
    given = flags.schema
    if given is None:
        return Success(None)
    is_own = is_json(given) or is_bare_json(given)
    name = "--schema" if is_own else given
    return Result.do(
        schema
        for text in (
            Success(given) if is_own else text_or_file(given, "--schema", deadline=deadline)
        )
        for value in read_json(text, name)
        for schema in read_schema(value, name)
    )
