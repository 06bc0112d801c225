"""A line of the input -> a row to ask, or what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from returns.result import Failure, Result, Success

from loki.batch.done_rows import HashSet
from loki.batch.row_files import as_embed_ask, has_unread_files
from loki.batch.row_key import ask_key
from loki.batch.row_settings import SETTINGS, read_settings
from loki.batch.rows import Content, InvalidRow, Line, RaggedLine, ReadyRow, Row, RowDefaults
from loki.batch.run_key import run_key
from loki.batch.template import fill_template
from loki.config.patches import patch_from_params
from loki.formats.openai_messages import read_json, read_messages, read_tools, without_nul
from loki.formats.structured_output import read_schema
from loki.json_text import Json, JsonObject
from loki.messages import Media, Message, Text
from loki.problems import Problem, fail, suggest_nearest
from loki.railway import gather
from loki.record import replace
from loki.records import Ask, Patch


def read_rows(defaults: RowDefaults, lines: Iterable[Line]) -> Iterator[Row]:
    """The rows in their order; empty lines are none, and an id that comes again is made its own."""
    seen = HashSet()
    for number, content in lines:
        row = read_row(defaults, number, content)
        if isinstance(row, ReadyRow) and row.id == "":
            row = row._replace(id=row.key if seen.add(row.key) else f"{row.key}:{number}")
        yield row


def read_row(defaults: RowDefaults, number: int, content: Result[Content, Problem]) -> Row:
    """Return one row; whatever is in it, it is the only one that suffers."""
    try:
        return build_row(defaults, number, content)
    except Exception as bug:
        return InvalidRow(number, "", defaults.report_bug(bug))


def build_row(defaults: RowDefaults, number: int, content: Result[Content, Problem]) -> Row:
    """Read one row."""
    result = content.bind(lambda words: row_fields(defaults, number, words))
    if not isinstance(result, Success):
        return InvalidRow(number, "", result.failure())
    fields, lack = result.unwrap()
    name = row_id({"id": fields.get("id")} if defaults.input_format == "csv" else fields)
    kept = {n: value for n, value in fields.items() if n != "id"} if defaults.keep_fields else None
    is_openai = "custom_id" in fields and defaults.input_format != "csv"
    read = read_openai_ask if is_openai else read_own_ask
    made = Failure(lack) if lack else read(defaults, fields)
    if not isinstance(made, Success):
        problem = made.failure()
        placed = replace(problem, message=f"line {number}: {problem.message}")
        return InvalidRow(number, name, placed, kept)
    ask, patch = made.unwrap()
    ask = as_embed_ask(ask) if defaults.embed and not has_unread_files(ask) else ask
    earlier_key = ask_key(ask, patch)
    key = run_key(earlier_key, ask, defaults.settings)
    return ReadyRow(number, name, key, ask, patch, kept, earlier_key)


def row_fields(
    defaults: RowDefaults, number: int, words: Content
) -> Result[tuple[JsonObject, Problem | None], Problem]:
    """Return the fields of a line, and what it lacks of being a row."""
    if isinstance(words, RaggedLine):
        return Success((dict(words.fields), words.problem))
    if not isinstance(words, str):
        return Success((dict(words), None))
    if defaults.input_format == "lines":
        return Success(({"prompt": words}, None))
    result = read_json(words, f"line {number}")
    return result.bind(
        lambda value: (
            Success((value, None))
            if isinstance(value, dict)
            else fail("input", f'line {number}: expected an object such as {{"prompt": "…"}}')
        )
    )


def row_id(fields: JsonObject) -> str | int:
    """The id that a line gives itself, empty if none."""
    result = fields.get("custom_id", fields.get("id"))
    return result if isinstance(result, int) else "" if result is None else str(result)


# ---- our own rows ------------------------------------------------------------------------------

AskResult: TypeAlias = Result[tuple[Ask, Patch | None], Problem]


def read_own_ask(defaults: RowDefaults, fields: JsonObject) -> AskResult:
    """A row with a prompt or messages, and with what it wants otherwise than the run.

    >>> read_own_ask(RowDefaults(Ask()), {"promt": "Hi"}).failure().message
    "unknown field 'promt'; did you mean 'prompt' or 'param'?"
    """
    if (
        defaults.input_format == "csv"
    ):  # its columns are what it is about, and neither files nor settings
        return read_prompt(defaults, fields).map(lambda turns: (build_ask(defaults, turns), None))
    if defaults.template is None and defaults.fill is None:
        for name in (each for each in fields if each not in FIELDS):
            return fail("input", f"unknown field {name!r}{suggest_nearest(name, [*FIELDS])}")
    settings = read_settings(fields)
    if not isinstance(settings, Success):
        return Failure(settings.failure())
    system = fields.get("system")
    if system is not None and not isinstance(system, str):
        return fail("input", f"system: {json.dumps(system)[:60]} is not a text")
    params = fields.get("param") or {}
    if not isinstance(params, dict):
        return fail("input", f"param: {json.dumps(params)[:60]} is not an object")
    parts = (
        read_prompt(defaults, fields),
        read_schema(fields["schema"], "schema")
        if "schema" in fields
        else Success(defaults.ask.schema),
        read_tools(fields["tools"], "tools")
        if fields.get("tools")
        else Success(defaults.ask.tools),
    )
    return gather(parts).map(
        lambda found: (
            replace(
                defaults.ask,
                messages=with_system(defaults.ask.messages, system, found[0]),
                schema=found[1],
                tools=found[2],
                **settings.unwrap(),
            ),
            patch_from_params(params, "param of the row") if params else None,
        )
    )


def build_ask(defaults: RowDefaults, turns: tuple[Message, ...]) -> Ask:
    """Return what a row asks that wants nothing otherwise than the run."""
    return replace(defaults.ask, messages=(*defaults.ask.messages, *turns))


def read_prompt(defaults: RowDefaults, fields: JsonObject) -> Result[tuple[Message, ...], Problem]:
    """The turns that a row asks with."""
    attached = read_attachments(defaults, {} if defaults.input_format == "csv" else fields)
    if defaults.fill is not None:
        words = defaults.fill(fields).bind(lambda text: without_nul(text, "prompt"))
    elif defaults.template is not None:
        words = fill_template(defaults.template, fields).bind(
            lambda text: without_nul(text, "prompt")
        )
    elif isinstance(fields.get("messages"), list) and defaults.input_format != "csv":
        return read_messages(fields["messages"], "messages")
    elif isinstance(fields.get("prompt"), str):
        words = without_nul(fields["prompt"], "prompt")
    else:
        return fail("input", 'no prompt: expected "prompt": "…" or "messages": […]')
    return gather((words, attached)).bind(lambda found: build_user_turn(*found))


def read_attachments(
    defaults: RowDefaults, fields: Mapping[str, Json]
) -> Result[tuple[Text | Media, ...], Problem]:
    """Return what the files of a row hold.

    >>> read_attachments(RowDefaults(Ask()), {"files": 5}).failure().message
    'files: 5 is not a list of paths'
    """
    files = fields.get("files") or []
    files = [files] if isinstance(files, str) else files
    if not isinstance(files, list) or not all(isinstance(each, str) for each in files):
        return fail("input", f"files: {json.dumps(files)[:60]} is not a list of paths")
    if "-" in files:
        return fail("input", "files: '-' is stdin, which no row can have")
    return gather(map(defaults.attach, files))


def build_user_turn(
    words: str, attached: tuple[Text | Media, ...]
) -> Result[tuple[Message, ...], Problem]:
    """One turn of the user's."""
    if attached:
        return Success((Message("user", (*attached, Text(words)) if words else attached),))
    if words.strip():
        return Success((Message("user", words),))
    return fail("input", "no prompt: the text is empty")


def with_system(
    before: tuple[Message, ...], system: str | None, turns: tuple[Message, ...]
) -> tuple[Message, ...]:
    """The row's turns after the run's; a row's own system prompt stands in for the run's."""
    if system is None:
        return (*before, *turns)
    kept = (message for message in before if message.role not in ("system", "developer"))
    return (Message("system", system), *kept, *turns)


#: The fields that a row of ours may have.
FIELDS = ("id", "prompt", "messages", "system", "schema", "files", "tools", "param", *SETTINGS)


# ---- rows of OpenAI's batch format --------------------------------------------------------------


def read_openai_ask(defaults: RowDefaults, fields: JsonObject) -> AskResult:
    """A line of OpenAI's batch format; what its body has beyond our words goes along as it is.

    Source: OpenAI API reference, Batch, the request input object.
    """
    body = fields.get("body")
    if not isinstance(body, dict):
        return fail("input", 'a line with custom_id needs "body": {…}')
    if not isinstance(body.get("messages"), list):
        return fail("input", f"body has no messages: {fields.get('url', 'its kind')} is not a chat")
    known: JsonObject = {
        "model": choose_model(defaults.ask.model, body.get("model")),
        "max_tokens": body.get("max_completion_tokens", body.get("max_tokens")),
        **{name: body.get(name) for name in ("temperature", "top_p", "seed")},
        "stop": [body["stop"]] if isinstance(body.get("stop"), str) else body.get("stop"),
    }
    rest = {name: value for name, value in body.items() if name not in OPENAI_KNOWN}
    result = {**{n: v for n, v in known.items() if v is not None}, "messages": body["messages"]}
    return read_own_ask(
        replace(defaults, template=None, fill=None, input_format="json"), result
    ).map(lambda asked: (asked[0], Patch(body=rest, origin="body of the line") if rest else None))


def choose_model(model: str | None, named: Json) -> Json:
    """The model that a body names, at the run's client unless it names one itself.

    >>> choose_model("groq:llama-3", "gpt-4.1"), choose_model("openai", None)
    ('groq:gpt-4.1', 'openai')
    >>> choose_model(None, "openai:gpt-4.1")
    'openai:gpt-4.1'
    """
    if not isinstance(named, str) or not model or ":" in named:
        return named or model
    return f"{model.partition(':')[0]}:{named}"


OPENAI_KNOWN = frozenset(
    ("model", "messages", "max_tokens", "max_completion_tokens", "stop", "stream")
    + ("temperature", "top_p", "seed")
)
