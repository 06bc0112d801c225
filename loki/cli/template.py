"""-T, --template: a prompt as a file -> the flags that it sets, and the text that it becomes."""

from __future__ import annotations

import os
import re
from argparse import ArgumentTypeError, Namespace
from collections.abc import Mapping
from math import inf
from typing import Any

from returns.result import Result, Success

from loki.cli.flags import PIPE
from loki.config.prompt_file import FrontSetting, PromptFile, read_prompt_file
from loki.edge import files
from loki.edge.render import Renderer, TemplateNames, suggest_name, undefined_name
from loki.edge.stdin import MAX_TEMPLATE, Opener
from loki.edge.trust import open_user_file, require_safe_folder
from loki.formats.structured_output import read_schema
from loki.json_text import Json, compact
from loki.problems import Problem, fail, suggest_nearest
from loki.railway import gather
from loki.record import record


@record
class Template:
    """A prompt file, and what ``--set`` gives it."""

    path: str
    file: PromptFile
    values: Mapping[str, str]


def apply_template(
    flags: Namespace, environ: Mapping[str, str], deadline: float = inf
) -> Result[Namespace, Problem]:
    """Return the flags with what the front matter sets and the command line does not.

    Adds ``prompt_file``, and ``origins``: where the settings of the front matter stand, by name.
    """
    if flags.template_file is None:
        return fail("usage", "--set fills in a prompt file: name one with -T")
    return Result.do(
        with_settings(flags, Template(path, file, values), settings)
        for values in values_of(flags.set)
        for path, content in find_template(flags.template_file, environ, deadline)
        for file in read_prompt_file(content, path)
        for settings in gather(
            convert(path, name, setting) for name, setting in file.settings.items()
        )
    )


def with_settings(
    flags: Namespace, template: Template, settings: tuple[tuple[str, Any], ...]
) -> Namespace:
    """Return the flags with those settings that the command line leaves open."""
    given = flags.given | ({"prompt"} if flags.__dict__.get("system_file") else set())
    free = {name: value for name, value in settings if DESTS[name] not in given}
    values = {DESTS[name]: value for name, value in free.items() if DESTS[name] in flags}
    lines = {name: template.file.settings[name].line for name in free}
    origins = {name.replace("-", "_"): f"{template.path}:{line}" for name, line in lines.items()}
    values |= {"prompt_file": template, "origins": {"template": template.path, **origins}}
    return Namespace(**{**vars(flags), **values})


# ---- front matter --------------------------------------------------------------------------------

#: The rows of the flags that front matter may set, by their long names.
ROWS = {
    name.removeprefix("--"): (names.split(), options)
    for rows in PIPE.values()
    for names, options in rows
    for name in names.split()
    if name.startswith("--")
}
#: The names of their values among the parsed flags.
DESTS = {
    name: options.get("dest") or names[-1].removeprefix("--").replace("-", "_")
    for name, (names, options) in ROWS.items()
}


def convert(path: str, name: str, setting: FrontSetting) -> Result[tuple[str, Any], Problem]:
    """Return a setting with its value as the flag has it, or what is wrong with it and where."""
    place = f"{path}:{setting.line}: {name}"
    if name == "schema":
        return read_schema(setting.value, place).map(lambda schema: (name, compact(schema)))
    _, options = ROWS[name]
    known, kind = options.get("choices"), options.get("type", lambda value: value)
    try:
        value = kind(setting.value)
    except ArgumentTypeError as error:
        return fail("input", f"{place}: {error}")
    if known and value not in known:
        return fail("input", f"{place}: {value!r} is none of {', '.join(known)}")
    return Success((name, value))


# ---- the file, and what fills it in --------------------------------------------------------------


def find_template(
    name: str, environ: Mapping[str, str], deadline: float = inf
) -> Result[tuple[str, str], Problem]:
    """Return the path and the content of a prompt file.

    A name alone is first looked for in ``templates`` of the configuration folder, where nobody
    else may have put it, then in the working folder, where another user's is refused: who misspells
    one has not chosen it. Who names a path has.
    """
    folder = f"{files.directory('config', environ)}/templates"
    inside = os.path.join(folder, name)
    if os.path.basename(name) == name and os.path.lexists(inside):
        return read_template(inside, open_inside, deadline)
    if not os.path.exists(name):
        known = os.listdir(folder) if os.path.isdir(folder) else []
        where = "" if os.path.dirname(name) else f", nor in {folder}{suggest_nearest(name, known)}"
        return fail("missing", f"--template: no file {name}{where}")
    return read_template(name, None if os.path.dirname(name) else open_user_file, deadline)


def open_inside(path: str, flags: int) -> int:
    """Open a file that nobody else may have written, or put there; raise UntrustedFileError."""
    require_safe_folder(path)
    return open_user_file(path, flags)


def read_template(
    path: str, opener: Opener | None = None, deadline: float = inf
) -> Result[tuple[str, str], Problem]:
    """Return a path and the text there."""
    text = files.read_text(path, "--template", opener, deadline, MAX_TEMPLATE)
    return text.map(lambda content: (path, content)).alt(files.strip_hint)


def values_of(arguments: list[str]) -> Result[dict[str, str], Problem]:
    """Return the values of ``--set name=value``.

    >>> values_of(["lang=fr", "a=b=c"]).unwrap()
    {'lang': 'fr', 'a': 'b=c'}
    """
    values = {}
    for argument in arguments:
        name, sign, value = argument.partition("=")
        if not sign or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            return fail("usage", f"--set {argument!r} is not NAME=VALUE, as in --set lang=fr")
        if name == "input":
            return fail("usage", "--set input: that is what is piped in")
        values[name] = os.fsencode(value).decode("utf-8", "surrogateescape")
    return Success(values)


# ---- filling in ----------------------------------------------------------------------------------


def fill_template(
    template: Template, text: str, piped: str, deadline: float
) -> Result[tuple[str, str], Problem]:
    """Return the prompt, with TEXT after it, and what is left of stdin: all that is not in it."""
    values: dict[str, Json] = {**template.values, "input": piped}
    with renderer_of(template) as renderer:
        filled = Result.do(
            (prompt, names)
            for names in start(renderer, template, deadline)
            for prompt in renderer.render(values, deadline).alt(hinted([*values]))
        )
    return filled.map(
        lambda found: (
            "\n".join(filter(None, (found[0], text))),
            "" if "input" in found[1].used else piped,
        )
    )


def renderer_of(template: Template) -> Renderer:
    """Return what fills in a template."""
    return Renderer(template.file.template, template.path, template.file.line)


def start(
    renderer: Renderer, template: Template, deadline: float
) -> Result[TemplateNames, Problem]:
    """Return the names that a template uses; fail if ``--set`` gives one that it does not."""

    def check(names: TemplateNames) -> Result[TemplateNames, Problem]:
        extra = next((name for name in template.values if name not in names.used), None)
        if extra is None:
            return Success(names)
        lack = f"--set {extra}: {template.path} does not use that name"
        return fail("usage", lack + suggest_nearest(extra, sorted(names.used - {"input"})))

    return renderer.start(deadline).bind(check)


def hinted(known: list[str]) -> Any:
    """Return a step that adds to a problem how a name that is missing can be given."""

    def step(problem: Problem) -> Problem:
        name = undefined_name(problem)
        return Problem(problem.kind, problem.message + (suggest_name(name, known) if name else ""))

    return step
