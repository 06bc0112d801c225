"""loki-batch -T: the fields of a row -> its prompt, made by a prompt file."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from math import inf

from returns.result import Result, Success

from loki.batch.rows import Fill
from loki.cli.console import Console
from loki.cli.template import Template, hinted, renderer_of, start
from loki.edge.batch.input import Source
from loki.edge.render import TemplateNames
from loki.json_text import Json
from loki.problems import Problem, fail, suggest_nearest


def filler_of(flags: Namespace, rows: Source, console: Console) -> Result[Fill, Problem]:
    """Return what fills in the prompt file of ``-T`` for a row; it fits the columns, if any."""
    path, columns = flags.prompt_file.path, [*(rows.columns or ())]
    for name in sorted({"code", "output"} & {*flags.prompt_file.file.settings}):
        console.warn(f"{path}: {name} is for loki-pipe, and makes no difference here")

    def check(template: RowTemplate) -> Result[Fill, Problem]:
        missing = template.missing(columns) if columns else ""
        if not missing:
            return Success(template.fill)
        lack = f"{path} uses {missing!r}, and {rows.name} has no such column"
        return fail("usage", lack + suggest_nearest(missing, columns))

    return RowTemplate(flags.prompt_file).start().bind(check)


class RowTemplate:
    """A template that is filled in for each row: with its fields, its prompt being the input."""

    def __init__(self, template: Template) -> None:
        self.template = template
        self.renderer = renderer_of(template)
        self.names = TemplateNames(frozenset(), frozenset())

    def start(self) -> Result[RowTemplate, Problem]:
        """Return this once it is known which names the template uses."""
        return start(self.renderer, self.template, inf).map(self.with_names)

    def with_names(self, names: TemplateNames) -> RowTemplate:
        """Remember which names the template uses."""
        self.names = names
        return self

    def missing(self, columns: list[str]) -> str:
        """Return the first name that rows of these columns would lack, "" if none is."""
        given = {
            *columns,
            *self.template.values,
            "row",
            *(["input"] if "prompt" in columns else []),
        }
        return next(iter(sorted(self.names.required - given)), "")

    def fill(self, fields: Mapping[str, Json]) -> Result[str, Problem]:
        """Return the prompt of a row; its own prompt follows where the template does not use it."""
        prompt = fields.get("prompt")
        piped = {"input": prompt} if isinstance(prompt, str) else {}
        values = {"row": dict(fields), **piped, **self.template.values, **fields}
        text = self.renderer.render(values).alt(hinted([*values]))
        is_used = not piped or self.names.used & {"input", "prompt", "row"}
        return text if is_used else text.map(lambda before: f"{before}\n{prompt}")
