"""The program that fills in templates, called without its process."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import UndefinedError

from loki.edge import render_child
from loki.edge.render_child import (
    OutputLimitError,
    compile_template,
    make_environment,
    render,
    run_guarded,
    shorten,
)


def test_a_compiled_template_tells_its_names() -> None:
    result = compile_template(make_environment(), "{{ b }}{{ a }}{{ c is undefined }}{{ range }}")
    assert (result["names"], result["required"]) == (["a", "b", "c"], ["a", "b"])
    assert render(result["template"], {"a": 1, "b": 2}, 100).startswith("21True")


def test_a_text_that_grows_too_long_is_given_up() -> None:
    template = compile_template(make_environment(), "{% for i in range(9) %}ab{% endfor %}")
    assert len(render(template["template"], {}, 18)) == 18
    with pytest.raises(OutputLimitError):
        render(template["template"], {}, 17)


def test_an_error_is_told_with_its_line() -> None:
    template = compile_template(make_environment(), "\n\n{{ a }}")["template"]
    assert run_guarded(lambda: {"text": render(template, {}, 9)}) == {
        "error": "'a' is undefined",
        "line": 3,
    }
    with pytest.raises(UndefinedError):
        render(template, {}, 9)


def test_a_message_is_one_line_of_limited_length() -> None:
    assert shorten("a\n\tb  c") == "a b c" and len(shorten("x" * 1000)) == 301


def test_the_program_imports_nothing_of_loki() -> None:
    """It starts faster so, and there is less that a template could reach."""
    assert "loki" not in Path(render_child.__file__).read_text().partition('"""\n')[2].replace(
        "edge/render.py", ""
    )
