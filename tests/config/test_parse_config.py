"""The configuration's text: what it says, how it is typed, and where it is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loki.config import grammar
from loki.config.parse_config import find_complaints, parse_config
from loki.config.setting_names import SETTINGS
from loki.problems import suggest_nearest

CONFIGS = Path(__file__).parent / "files"


def text_of(name: str) -> str:
    """A configuration on disk, its line ends untouched."""
    return (CONFIGS / f"{name}.yaml").read_bytes().decode()


def plain_of(name: str) -> dict[str, Any]:
    """A configuration on disk that nothing is wrong with."""
    plain, complaints = find_complaints(text_of(name))
    assert complaints == ()
    return plain


# ---- what it says ----------------------------------------------------------------------------


def test_a_configuration_of_the_original_program_loads_and_says_what_it_says() -> None:
    assert plain_of("example") == json.loads((CONFIGS / "example.json").read_text())


def test_every_setting_is_read_and_typed() -> None:
    plain = plain_of("settings")
    assert plain == json.loads((CONFIGS / "settings.json").read_text())
    assert {type(value) for value in plain["clients"][0]["extra"].values()} == {
        str,
        float,
        int,
        bool,
    }


def test_the_settings_fixture_has_every_setting_there_is() -> None:
    plain = plain_of("settings")
    message = set(plain["clients"][0]) | {"type"}
    assert set(SETTINGS) <= message
    assert set(grammar.TOP_RULES) <= set(plain)


def test_flow_style_says_the_same_as_block_style() -> None:
    assert plain_of("flow") == plain_of("block")


@pytest.mark.parametrize("key", sorted(grammar.CHAT_ONLY))
@pytest.mark.parametrize(
    "value", ["null", "true", "text", "[a, {b: c}]", "{a: [b]}", "|\n  a: [\n"]
)
def test_what_only_the_chat_program_reads_is_left_alone(key: str, value: str) -> None:
    assert find_complaints(f"model: m\n{key}: {value}\n") == ({"model": "m"}, ())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "# only a comment\n",
        "  # an indented one\n\n",
        pytest.param(
            "\ufeff",
        ),
        pytest.param(
            "---\n",
        ),
        pytest.param(
            "---\n# all commented out\n",
        ),
        pytest.param(
            "\ufeff# a comment after a byte order mark\n",
        ),
    ],
)
def test_a_file_that_says_nothing_is_no_mistake(text: str) -> None:
    assert find_complaints(text) == ({}, ())


TRUTHS: list[tuple[str, dict[str, Any]]] = [
    ("\ufeffmodel: x\n", {"model": "x"}),
    ("---\nmodel: x\n", {"model": "x"}),
    ("%YAML 1.2\n---\nmodel: x\n...\n", {"model": "x"}),
    ('"model": "x"\n', {"model": "x"}),
    ("model: 'null'\n", {"model": "null"}),
    ("model: ~\n", {}),
    ("model:\nstream: off\n", {"stream": False}),
    ("stream: 'true'\n", {"stream": True}),
    ("stream: Yes\n", {"stream": True}),
    ("stream: FALSE\n", {"stream": False}),
    ("temperature: 2\ntop_p: 0\n", {"temperature": 2.0, "top_p": 0.0}),
    ("temperature: '1'\n", {"temperature": 1.0}),
    ("budget: {per_day: 0.10}\n", {"budget": {"per_day": "0.10"}}),
    ("clients: null\n", {}),
    ("clients: []\n", {"clients": []}),
    ("model: vert:größe\n", {"model": "vert:größe"}),
    ("model: a:b:c # d\n", {"model": "a:b:c"}),
    ("user_agent: |-\n  a\n", {"user_agent": "a"}),
]


@pytest.mark.parametrize(("text", "plain"), TRUTHS)
def test_top_level_values(text: str, plain: dict[str, Any]) -> None:
    assert find_complaints(text) == (plain, ())


# ---- typing in patch bodies ------------------------------------------------------------------

TYPING: dict[str, list[tuple[str, Any]]] = json.loads((CONFIGS / "typing.json").read_text())

#: Where a body may stand, and how to get there.
BODIES = {
    "client": "clients:\n- type: openai\n  patch:\n    rerank:\n      m:\n        body:\n",
    "model": "clients:\n- type: openai\n  models:\n  - name: m\n    patch:\n      body:\n",
}


def in_body(where: str, words: str) -> str:
    """A configuration with a value in a patch body."""
    indent = " " * (10 if where == "client" else 8)
    words = re.sub(r"^(?=- )", "\n", words)
    return BODIES[where] + indent + f"k: {words}".replace("\n", f"\n{indent}") + "\n"


def body_of(where: str, plain: dict[str, Any]) -> Any:
    """The patch body again."""
    client = plain["clients"][0]
    if where == "client":
        return client["patch"]["rerank"][0][1]["body"]
    return client["models"][0]["patch"]["body"]


@pytest.mark.parametrize("where", BODIES)
@pytest.mark.parametrize(
    ("words", "value"),
    [pytest.param(*pair, id=f"{kind}-{pair[0]!r}") for kind in TYPING for pair in TYPING[kind]],
)
def test_a_body_is_typed_as_in_yaml_1_2(where: str, words: str, value: Any) -> None:
    plain, complaints = find_complaints(in_body(where, words))
    assert complaints == ()
    found = body_of(where, plain)["k"]
    assert json.dumps(found) == json.dumps(value)  # 1 is neither True nor 1.0


@pytest.mark.parametrize("where", BODIES)
def test_a_merge_key_in_a_body_is_a_complaint_that_names_it(where: str) -> None:
    _, complaints = find_complaints(in_body(where, "{<<: {a: 1}, b: 2}"))
    assert [each.message for each in complaints] == ["unknown key '<<'; there are no merge keys"]


@pytest.mark.parametrize("words", [".inf", "-.inf", ".nan"])
def test_what_no_json_can_say_stays_text(words: str) -> None:
    plain, complaints = find_complaints(in_body("client", words))
    assert complaints == () and body_of("client", plain)["k"] == words


def test_header_values_are_text_and_null_takes_one_away() -> None:
    patch = "{m: {headers: {A: 1, B: true, C: null, D: 'null', E: , F: 0x1F}}}"
    plain, complaints = find_complaints(f"clients: [{{type: cohere, patch: {{rerank: {patch}}}}}]")
    assert complaints == ()
    headers = plain["clients"][0]["patch"]["rerank"][0][1]["headers"]
    assert headers == {"A": "1", "B": "true", "C": None, "D": "null", "E": None, "F": "0x1F"}


def test_patterns_keep_their_order() -> None:
    names = [f"m{i}.*" for i in (5, 3, 9, 1, 7)]
    lines = "".join(f"      {name}: {{}}\n" for name in names)
    plain, _ = find_complaints(
        f"clients:\n- type: openai\n  patch:\n    chat_completions:\n{lines}"
    )
    assert [p for p, _ in plain["clients"][0]["patch"]["chat_completions"]] == names


# ---- where it is wrong -----------------------------------------------------------------------

WRONG = {file.stem: file.read_bytes().decode() for file in sorted(CONFIGS.glob("wrong/*.yaml"))}
assert WRONG


def wrong(but: Iterable[str] = ()) -> list[Any]:
    """Wrong configurations, as parameters."""
    return [pytest.param(WRONG[name], id=name) for name in WRONG if name not in set(but)]


def expected(text: str) -> list[tuple[int, int, str]]:
    """Complaints as a configuration's own comments have them; `...` stands for any words."""
    found = re.findall(r"^# (\d+):(\d+) (.*?)\r?$", text, re.MULTILINE)
    return [(int(line), int(column), message) for line, column, message in found]


def says(message: str, pattern: str) -> bool:
    """Whether a message is as expected."""
    pieces = re.split(r" ?\.\.\. ?", pattern)
    return re.fullmatch(".*".join(map(re.escape, pieces)), message) is not None


@pytest.mark.parametrize("text", wrong())
def test_every_mistake_is_told_with_its_line(text: str) -> None:
    complaints = find_complaints(text)[1]
    result = [(spot[0], message) for spot, message in complaints]
    wanted = [(line, message) for line, _, message in expected(text)]
    assert [line for line, _ in result] == [line for line, _ in wanted]
    for (_, message), (_, pattern) in zip(result, wanted, strict=True):
        assert says(message, pattern), (message, pattern)


@pytest.mark.parametrize("text", wrong())
def test_every_mistake_is_told_with_its_column(text: str) -> None:
    spots = [spot for spot, _ in find_complaints(text)[1]]
    assert spots == [(line, column) for line, column, _ in expected(text)]


@pytest.mark.parametrize("text", wrong())
def test_lines_that_end_in_cr_lf_change_nothing(text: str) -> None:
    complaints = find_complaints(text.replace("\n", "\r\n"))[1]
    assert [spot[0] for spot, _ in complaints] == [line for line, _, _ in expected(text)]
    assert [message for _, message in complaints] == [
        message for _, message in find_complaints(text)[1]
    ]
    for (_, message), (_, _, pattern) in zip(complaints, expected(text), strict=True):
        assert says(message, pattern), (message, pattern)


LONG = (
    "summary_prompt: >\n  a: long {{text}}\n  folded # twice\n\n\n  'and\n"
    "right_prompt: |2-\n\n   |\n"
)
#: These mean something else where another key stands above them.
ALONE = ["indent-all", "indent-first", "list-where-mapping", "text-alone", "two-documents"]
MOVED = wrong(but=[*ALONE, "types-top"])


@pytest.mark.parametrize("before", [LONG, LONG.replace("\n", "\r\n"), "# é\n" * 300, "\n" * 7])
@pytest.mark.parametrize("text", MOVED)
def test_what_comes_before_only_moves_a_mistake_down(text: str, before: str) -> None:
    lines = before.count("\n")
    complaints = find_complaints(before + text)[1]
    assert [spot[0] - lines for spot, _ in complaints] == [line for line, _, _ in expected(text)]
    for (_, message), (_, _, pattern) in zip(complaints, expected(text), strict=True):
        assert says(message, pattern), (message, pattern)


def test_load_tells_the_first_mistake_and_how_many_more_there_are() -> None:
    problem = parse_config(WRONG["many"], "c.yaml").failure()
    first = "c.yaml:6:14: expected a number from 0 to 2, found '9'"
    assert problem.kind == "config"
    assert problem.message == f"{first} (and 4 more: loki --check)"
    alone = parse_config(WRONG["top-key"], "c.yaml").failure()
    assert alone.message == "c.yaml:3:1: unknown key 'modle'; did you mean 'model'?"


@pytest.mark.parametrize("kind", ["openia", "OpenAI", "gpt", ""])
def test_an_unknown_client_type_is_told_with_all_there_are(kind: str) -> None:
    message = find_complaints(f"clients: [{{type: '{kind}'}}]")[1][0].message
    assert message.endswith(f"found {kind!r}")
    for known in (
        "openai",
        "openai-compatible",
        "azure-openai",
        "claude",
        "cohere",
        "gemini",
        "vertexai",
        "bedrock",
    ):
        assert re.search(rf"[ ,]{known}[,;]", message)


def test_the_keys_shown_for_an_unlike_one_are_ours() -> None:
    ours = [*grammar.TOP_RULES, "clients"]
    message = find_complaints("zzz: 1")[1][0].message
    assert message == f"unknown key 'zzz'{suggest_nearest('zzz', ours)}"


def test_a_key_in_capitals_is_recognised() -> None:
    assert find_complaints("MODEL: x")[1][0].message == "unknown key 'MODEL'; did you mean 'model'?"


def test_a_client_s_name_with_a_colon_is_a_mistake() -> None:
    assert find_complaints("clients: [{type: openai, name: 'local:8b'}]")[1]


def test_two_clients_of_one_name_are_a_mistake() -> None:
    assert find_complaints("clients: [{type: openai}, {type: claude, name: openai}]")[1]


# ---- never a crash ---------------------------------------------------------------------------

DEEP = [
    pytest.param(text, id=f"{text[:12]!r}-{len(text)}")
    for text in (
        "[" * 5000,
        "user_agent: " + "[" * 3000 + "]" * 3000,
        "{a: " * 3000,
        "- " * 3000,
        "".join(f"{' ' * i}a:\n" for i in range(1500)),
    )
]


@pytest.mark.parametrize("text", DEEP)
def test_too_deep_a_nesting_is_a_complaint(text: str) -> None:
    assert find_complaints(text)[1]


@pytest.mark.parametrize("start", ["", "model: ", "{a: b, ", "# comment\nclients: {"])
def test_brackets_that_nobody_closes_are_named_before_they_take_a_minute(start: str) -> None:
    (complaint,) = find_complaints(start + "[" * 3000)[1]
    assert complaint.message == "too deeply nested"
    opened = start.count("{")
    assert complaint.position == (start.count("\n") + 1, len(start.split("\n")[-1]) + 201 - opened)


def test_deep_nesting_that_python_can_follow_is_fine() -> None:
    plain, complaints = find_complaints(in_body("client", "[" * 50 + "]" * 50))
    assert complaints == () and body_of("client", plain)


@pytest.mark.parametrize("text", ["? - ? x\n", "clients:\n  - type: openai\n    ? - -\n"])
def test_odd_keys_are_complaints(text: str) -> None:
    assert find_complaints(text)[1]


@pytest.mark.parametrize("key", ["max_rK7Zk9xWv2kRaM@h:1'", "sk-proj-0123456789", "9a8b7c6d"])
def test_a_secret_that_stands_where_a_name_is_due_is_not_shown(key: str) -> None:
    for text in (f'"{key}": x', f'clients: [{{type: openai, extra: {{"{key}": 3}}}}]'):
        (complaint,) = find_complaints(text)[1]
        assert complaint.message.startswith("unknown key '***'")


def test_a_comment_at_an_odd_place_is_a_complaint() -> None:
    text = '<<: #]\n  temperature@models&atemperature`{!!intclients---name\n\rpatch...|-\t"'
    plain, (complaint,) = find_complaints(text)
    assert plain == {} and complaint.message.startswith("not YAML that can be read: ")


OAUTH = "clients:\n- type: openai\n  oauth: "


def test_an_oauth_client_of_digits_stays_text() -> None:
    oauth = find_complaints(OAUTH + "{client_id: 007, client_secret: 1e3}")[0]["clients"][0][
        "oauth"
    ]
    assert oauth == {"client_id": "007", "client_secret": "1e3"}


def test_an_unknown_key_of_oauth_is_a_mistake() -> None:
    assert find_complaints(OAUTH + "{client: x}")[1]


#: Pieces that configurations are made of, and such as YAML has its own ideas about.
PIECES = st.sampled_from(
    [
        *("model", "clients", "type", "openai", "name", "models", "patch", "body", "headers"),
        *("chat_completions", "temperature", "extra", "{{X}}", "'.*'", "null", "~", "1", "1e3"),
        *("'", '"', "|", ">", "- ", ": ", ":", "-", "{", "}", "[", "]", ", ", "#", " # c"),
        *("\n", "\n  ", "\n    ", "\n      ", "\t", "\r\n", "\r", "\u2028", "\x85", "\x0c"),
        *("&a ", "*a", "!!int ", "!x ", "%", "@", "`", "---\n", "...\n", "=", "\\u12", "|2", ">-"),
        *("\ufeff", "é", "\U0001f600", "\x00", "\x7f", "\ud800"),
    ]
)
TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(PIECES, max_size=30).map("".join),
    st.lists(PIECES, max_size=20).map(lambda p: "clients:\n  - type: openai\n    " + "".join(p)),
).filter(lambda text: "?" not in text and "<<" not in text)  # the crashes above


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TEXTS)
def test_any_text_is_values_or_complaints(text: str) -> None:
    plain, complaints = find_complaints(text)
    assert isinstance(plain, dict)
    assert complaints == tuple(sorted(complaints))
    for (line, column), message in complaints:
        assert line >= 1 and column >= 1
        assert message == message.strip() and "\n" not in message and message


WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=8
)
JSONS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | WORDS.filter(lambda word: "\ufeff" not in word),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(JSONS)
def test_a_body_written_as_json_is_read_as_that_json(value: Any) -> None:
    words = json.dumps(value, ensure_ascii=False)
    patch = f'{{"m": {{"body": {{"k": {words}}}}}}}'
    text = f'{{"clients": [{{"type": "openai", "patch": {{"rerank": {patch}}}}}]}}'
    plain, complaints = find_complaints(text)
    assert complaints == ()
    assert json.dumps(body_of("client", plain)["k"]) == json.dumps(value)
