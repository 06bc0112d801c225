"""A template is filled in by another process, which has limits, and no secret to give away."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest
from returns.result import Result

from loki.edge.render import Renderer
from loki.problems import Problem


def filled(source: str, **values: Any) -> Result[str, Problem]:
    """Fill in a template that begins in line 3 of its file."""
    with Renderer(source, "a.md", 3) as renderer:
        return renderer.start().bind(lambda names: renderer.render(values))


@pytest.mark.parametrize(
    ("source", "values", "text"),
    [
        ("Hi {{ name }}!\n", {"name": "é☃"}, "Hi é☃!"),
        ("{% for x in xs %}{{ x }},{% endfor %}", {"xs": [1, 2.5, None, True]}, "1,2.5,None,True,"),
        ("{{ a|default('b') }}{% if c is defined %}c{% endif %}", {}, "b"),
        ("{{ text|tojson }}", {"text": '<"'}, '"\\u003c\\""'),
        ("{{ half }}", {"half": "\udcff"}, "\udcff"),
        ("{{ x|wordwrap(3) }} {{ x|title }} {{ x|pprint }}", {"x": "a bc"}, "a\nbc A Bc 'a bc'"),
        ("", {}, ""),
    ],
)
def test_a_template_is_jinja(source: str, values: Any, text: str) -> None:
    assert filled(source, **values).unwrap() == text


def test_the_names_that_a_template_uses_are_known_before() -> None:
    source = "{{ a }}{{ b|d(1) }}{% if c is defined %}{{ c }}{% endif %}{% set d = 1 %}{{ d }}"
    with Renderer(source + "{{ range(3)|list }}", "a.md") as renderer:
        names = renderer.start().unwrap()
    assert names.used == {"a", "b", "c"} and names.required == {"a"}


#: Templates of a stranger, and what is said.
ATTACKS: dict[str, str] = {
    "{% for i in range(10**12) %}x{% endfor %}": "a.md:3: Range too big",
    "{{ 'x' * 10**9 }}": "a.md: it needs more than 512 MiB of memory",
    "{{ 'x'|center(10**9) }}": "a.md: it needs more than 512 MiB of memory",
    "{{ ('%' ~ 10**9 ~ 'd') % 1 }}": "a.md: it needs more than 512 MiB of memory",
    "{% for i in range(99999) %}{% for j in range(999) %}{{ 'x' * 9 }}{% endfor %}{% endfor %}": (
        "a.md: the text is longer than 16 MiB"
    ),
    "\n{{ ''.__class__ }}": "a.md:4: access to attribute '__class__' of 'str' object is unsafe",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}": "a.md:3: access to attribute '__class__'",
    "{{ ''|attr('__class__') }}": "a.md:3: access to attribute '__class__'",
    "{{ '{0.__class__}'.format(1) }}": "a.md:3: access to attribute '__class__'",
    "{{ cycler.__init__.__globals__ }}": "a.md:3: access to attribute '__init__'",
    "{{ self._TemplateReference__context }}": "a.md:3: ",
    "{% set x = [] %}{{ x.append(1) }}": "a.md:3: access to attribute 'append'",
    "\n\n{% include '/etc/passwd' %}": "a.md:5: include, import and extends are not for a prompt",
    "{% import 'os' as os %}": "a.md:3: include, import and extends",
    "{% from 'os' import path %}": "a.md:3: include, import and extends",
    "{% extends 'a' %}": "a.md:3: include, import and extends",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}": "a.md: it is nested too deeply",
    "{{" + "(" * 5000: "a.md: it is nested too deeply",
    "{{ missing }}": "a.md:3: 'missing' is undefined",
    "{{ {}.x }}": "a.md:3: 'dict object' has no attribute 'x'",
    "{{ 1/0 }}": "a.md:3: division by zero",
    "\n{% if %}": "a.md:4: Expected an expression",
    "{{ 10**99999 }}": "a.md: Exceeds the limit (4300 digits)",
    "{% do 1 %}": "a.md:3: Encountered unknown tag 'do'",
}


@pytest.mark.parametrize("source", ATTACKS)
def test_a_template_of_a_stranger_ends_with_a_reason(source: str) -> None:
    problem = filled(source).failure()
    assert problem.kind == "input" and problem.message.startswith(ATTACKS[source]), problem.message
    assert "\n" not in problem.message and len(problem.message) < 400


def test_a_template_that_never_ends_is_ended() -> None:
    loop = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
    with Renderer(loop, "a.md") as renderer:
        problem = renderer.render({}).failure()
        assert problem.kind == "input" and "takes over " in problem.message
        assert renderer.process is None
        again = renderer.render({}, time.monotonic() + 0.5).failure()
    assert again.kind == "offline" and "total timeout" in again.message


def test_a_text_may_be_as_long_as_what_it_is_made_of() -> None:
    text = "é" * (20 << 20)
    assert filled("{{ input }}", input=text).unwrap() == text


def test_one_process_fills_in_many_and_a_new_one_takes_over() -> None:
    with Renderer("{{ 1 // n }}", "a.md") as renderer:
        renderer.start().unwrap()
        process = renderer.process
        assert process is not None
        texts = [renderer.render({"n": n}).value_or("no") for n in (1, 0, 2, 1)]
        assert texts == ["1", "no", "0", "1"] and renderer.process is process
        process.kill()
        assert "ends the program" in renderer.render({"n": 1}).failure().message
        assert renderer.render({"n": 1}).unwrap() == "1" and renderer.process is not process


@pytest.mark.skipif(not os.path.exists("/proc"), reason="the environment of a process is in /proc")
def test_the_process_has_no_environment_and_opens_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    with Renderer("x", "a.md") as renderer:
        renderer.start().unwrap()
        assert renderer.process is not None
        folder = f"/proc/{renderer.process.pid}"
        with open(f"{folder}/environ", "rb") as file:
            assert b"sk-secret" not in file.read()
        with open(f"{folder}/limits") as file:
            limits = {line[:26].strip(): line[26:].split() for line in file}
    assert limits["Max open files"][:2] == ["0", "0"]
    assert limits["Max core file size"][0] == "0"
    assert int(limits["Max address space"][0]) < 2**30
    assert int(limits["Max cpu time"][0]) < 60


def test_a_process_that_cannot_be_started_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    problem = filled("x").failure()
    assert problem.message == "a.md: cannot be filled in: no such file or directory"


def test_packages_of_the_working_folder_are_not_loaded(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "jinja2.py").write_text("raise SystemExit('mine')")
    monkeypatch.chdir(tmp_path)
    assert filled("{{ 1 }}").unwrap() == "1"
