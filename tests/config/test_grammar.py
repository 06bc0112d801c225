"""The grammar: which keys a configuration may have, and what may stand there."""

from __future__ import annotations

from typing import Any

import pytest

from loki.config.grammar import CHAT_ONLY, RULES
from loki.config.setting_names import MODEL_SETTINGS, SETTINGS, TOP, ModelSetting
from loki.config.yaml_reader import read_yaml
from loki.config.yaml_schema import Complaint
from loki.providers import TYPES


def read(text: str) -> tuple[Any, tuple[Complaint, ...]]:
    """Return a configuration's plain values, and what is wrong with it."""
    return read_yaml(text, RULES)


def client(line: str) -> str:
    """Return a configuration with a line about its client."""
    return f"clients:\n- type: openai\n  {line}\n"


def model(line: str) -> str:
    """Return a configuration with a line about its model."""
    return f"clients:\n- type: openai\n  models:\n  - name: m\n    {line}\n"


@pytest.mark.parametrize("key", sorted(CHAT_ONLY))
def test_what_only_the_chat_program_uses_is_left_alone(key: str) -> None:
    assert read(f"{key}: [anything, {{at: all}}]\n") == ({}, ())


@pytest.mark.parametrize("kind", TYPES)
def test_every_type_of_client_is_known(kind: str) -> None:
    plain, complaints = read(f"clients:\n- type: {kind}\n")
    assert complaints == () and plain["clients"][0]["type"] == kind


@pytest.mark.parametrize("name", [each for each in SETTINGS if each != "auth"])
def test_every_setting_of_a_client_is_text(name: str) -> None:
    plain, complaints = read(client(f"{name}: 007"))
    assert complaints == () and plain["clients"][0][name] == "007"


#: A value for each kind of a model's settings, as written and as read.
VALUES: dict[str, tuple[str, Any]] = {
    "text": ("a", "a"),
    "count": ("12", 12),
    "flag": ("true", True),
    "price": ("0.5", "0.5"),
    "patch": ("{body: {a: 1}}", {"body": {"a": 1}}),
    "effort": ("xhigh", "xhigh"),
    "levels": ("[none, max]", ["none", "max"]),
}
OWN = [each for each in MODEL_SETTINGS if each.configured and each.name != "name"]


@pytest.mark.parametrize("setting", OWN, ids=lambda each: each.name)
def test_every_setting_of_a_model_may_be_configured(setting: ModelSetting) -> None:
    word = setting.kind.split()[-1]
    written, value = VALUES.get(setting.kind, (word, word))
    plain, complaints = read(model(f"{setting.name}: {written}"))
    assert complaints == ()
    assert plain["clients"][0]["models"][0][setting.name] == value


WRONG: list[tuple[str, tuple[int, int], str]] = [
    ("modle: x\n", (1, 1), "unknown key 'modle'; did you mean 'model'?"),
    ("temperature: 3\n", (1, 14), "3"),
    ("temperature: warm\n", (1, 14), "warm"),
    ("top_p: -1\n", (1, 8), "-1"),
    ("stream: perhaps\n", (1, 9), "perhaps"),
    ("budget: {per_day: -1}\n", (1, 19), "-1"),
    ("budget: {per_week: 1}\n", (1, 10), "unknown key 'per_week'"),
    ("clients:\n- name: x\n", (2, 3), "type"),
    ("clients:\n- type: opnai\n", (2, 9), "expected one of openai, "),
    (client("api_kye: k"), (3, 3), "unknown key 'api_kye'; did you mean 'api_key'"),
    (model("reasoning_levels: [extreme]"), (5, 24), "extreme"),
    ("reasoning_effort: extreme\n", (1, 19), "extreme"),
    (client("auth: magic"), (3, 9), "magic"),
    (client("name: 'a:b'"), (2, 3), "client 'a:b': a name has no colon"),
    (client("name: 'http://u:p@h'"), (2, 3), "client 'http://***@h': a name has no colon"),
    (client("extra: {max_retries: 1.5}"), (3, 24), "1.5"),
    (client("extra: {total_timeout: -1}"), (3, 26), "-1"),
    (client("extra: {timeout: 1}"), (3, 11), "unknown key 'timeout'"),
    (client("oauth: {token_format: xml}"), (3, 25), "xml"),
    (model("type: image"), (5, 11), "image"),
    (model("input_price: free"), (5, 18), "free"),
    (model("max_input_tokens: 1e3"), (5, 23), "1e3"),
    (model("supports_vision: maybe"), (5, 22), "maybe"),
    (model("endpoint: completions"), (5, 15), "completions"),
]


@pytest.mark.parametrize(("text", "spot", "message"), WRONG)
def test_what_is_wrong_is_told_with_its_place(
    text: str, spot: tuple[int, int], message: str
) -> None:
    (complaint,) = read(text)[1]
    assert complaint.position == spot and message in complaint.message, complaint


def test_two_clients_have_two_names() -> None:
    (complaint,) = read("clients:\n- type: openai\n- type: openai\n")[1]
    assert complaint.position[0] == 3
    assert complaint.message == "a second client named 'openai': give each a name of its own"


def test_every_mistake_is_told_at_once_in_the_order_of_the_lines() -> None:
    text = "modle: x\ntop_p: 7\nclients:\n- type: openai\n  api_kye: k\n"
    assert [each.position[0] for each in read(text)[1]] == [1, 2, 5]


@pytest.mark.parametrize("key", [key for key in TOP if key != "budget"])
def test_a_key_at_the_top_takes_no_keys_of_its_own(key: str) -> None:
    (complaint,) = read(f"{key}: {{a: b}}\n")[1]
    assert complaint.message.endswith("found keys and values")
