"""loki-batch -T: a prompt file is filled in for each row."""

from __future__ import annotations

import pytest
from commands import Done, Home
from servers import Server, plain, reply, serving

FRONT = "---\nmodel: local:m\nsystem: Be brief.\ntemperature: 0.5\nstop: [A, B]\n---\n"


def written(home: Home, content: str) -> str:
    """Write a prompt file; return its path."""
    path = home.folder / "a.md"
    path.write_text(content)
    return str(path)


def batch(home: Home, *words: str, stdin: str) -> Done:
    """Run loki-batch on some rows."""
    return home.run("-j", "1", "--ordered", *words, prog="loki-batch", stdin=stdin)


def prompts(server: Server) -> list[str]:
    """Return what was asked, in the order in which it was."""
    return [asked.json["messages"][-1]["content"] for asked in server.asked]


@pytest.mark.parametrize(
    ("content", "words", "stdin", "expected"),
    [
        ("To {{ lang }}: {{ text }}", [], '{"lang": "fr", "text": "Hi"}\n', ["To fr: Hi"]),
        ("{{ n + 1 }}{{ xs|join }}", [], '{"n": 1, "xs": [2, 3]}\n', ["223"]),
        ("To {{ lang }}:", ["--set", "lang=fr"], '{"prompt": "Hi"}\n', ["To fr:\nHi"]),
        ("<{{ input }}>", [], '{"prompt": "Hi"}\n{"prompt": "Ho"}\n', ["<Hi>", "<Ho>"]),
        ("<{{ prompt }}>", [], '{"prompt": "Hi"}\n', ["<Hi>"]),
        ("Sum up:", ["--lines"], "one\ntwo\n", ["Sum up:\none", "Sum up:\ntwo"]),
        ("<{{ input }}>", ["--lines"], "one\n", ["<one>"]),
        ("{{ a }} {{ row['b c'] }}", ["--csv"], "id,a,b c\n1,x,y\n", ["x y"]),
    ],
)
def test_rows_fill_in_a_prompt_file(
    home: Home, content: str, words: list[str], stdin: str, expected: list[str]
) -> None:
    with serving(plain(reply())) as server:
        home.local(server.address)
        done = batch(home, "-T", written(home, content), *words, stdin=stdin)
        assert done.code == 0, done.err + done.out
        assert prompts(server) == expected


def test_front_matter_holds_for_rows_too(home: Home) -> None:
    with serving(plain(reply())) as server:
        home.local(server.address)
        path = written(home, FRONT.replace("---\n", "---\ncode: true\n", 1) + "{{ x }}")
        done = batch(home, "-T", path, "-t", "1", stdin='{"x": "1"}\n')
    assert done.code == 0, done.err
    body = server.asked[0].json
    assert (body["temperature"], body["stop"]) == (1.0, ["A", "B"])
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert f"{path}: code is for loki-pipe" in done.err


def test_a_row_that_cannot_be_filled_in_is_the_only_one_that_fails(home: Home) -> None:
    rows = '{"x": "1"}\n{"y": "2"}\n{"x": "__loop"}\n{"x": "3"}\n'
    loop = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
    content = "{% if x == '__loop' %}" + loop + "{% endif %}{{ x }}"
    with serving(plain(reply())) as server:
        home.local(server.address)
        done = batch(home, "-T", written(home, content), stdin=rows)
        assert prompts(server) == ["1", "3"]
    errors = [line["error"] for line in done.lines if "error" in line]
    assert done.code == 1 and [each["kind"] for each in errors] == ["input", "input"]
    assert "'x' is undefined" in errors[0]["message"] and "takes over" in errors[1]["message"]


@pytest.mark.parametrize(
    ("content", "words", "message"),
    [
        ("{{ lnag }}", ["--csv"], "uses 'lnag', and stdin has no such column; did you mean 'lang'"),
        ("{{ lang }}", ["--csv", "--set", "x=y"], "--set x: "),
        ("{{ lang }}", ["--csv", "--template", "{lang}"], "--template and -T"),
        ("{% if %}", ["--csv"], "Expected an expression"),
    ],
)
def test_a_template_that_fits_no_row_is_refused_before_anything_is_sent(
    home: Home, content: str, words: list[str], message: str
) -> None:
    with serving(plain(reply())) as server:
        home.local(server.address)
        done = batch(home, "-T", written(home, content), *words, stdin="id,lang\n1,fr\n")
        assert done.code in (64, 65) and message in done.err, done.err
        assert server.asked == [] and done.out == ""


def test_a_column_with_a_default_may_be_missing(home: Home) -> None:
    with serving(plain(reply())) as server:
        home.local(server.address)
        path = written(home, "{{ lang|default('fr') }}{% if x is defined %}{{ x }}{% endif %}")
        assert batch(home, "-T", path, "--csv", stdin="id,a\n1,b\n").code == 0
        assert prompts(server) == ["fr"]
