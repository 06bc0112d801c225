"""A configuration of the original's successor: it loads, and what concerns models works."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from commands import Home
from servers import ANSWER, plain, reply, serving
from support import SHARED

from loki.config.build_config import build_config
from loki.config.grammar import CHAT_ONLY
from loki.config.parse_config import find_complaints, parse_config, secret_positions
from loki.edge import files
from loki.messages import Message
from loki.records import Ask, Config
from loki.stages import draft, resolve

HI = (Message("user", "Hi"),)
KEYS = SHARED / "upstream" / "keys.md"

WHOLE = """
model: openai:gpt-5
reasoning_effort: low
raw_markdown: true
no_workspace_mcp: false
skills_enabled: true
visible_skills: [a, b]
enabled_skills: a,b
enabled_tools: fs,web
visible_tools:
  - fs
auto_continue: true
max_auto_continues: 3
memory: true
memory_cap_with_tools: 4000
workspace_instructions_files: [AGENTS.md]
rag_extractor_model: openai:gpt-5-mini
rag_graph_hops: 2
secrets_provider:
  type: local
  password_file: /nowhere/password
clients:
  - type: openai
    auth: oauth
    extra:
      read_timeout: 0
    oauth:
      client_id: mine
      client_secret: cs-0123456789
      authorize_url: https://a.example/authorize
      token_url: https://a.example/token
      device_authorization_url: https://a.example/device
      redirect_port: 8085
      flow: device_code
      scopes: [a, b]
      token_request_format: json
      extra_authorize_params:
        audience: api
      extra_token_headers:
        X-Token: tk-0123456789
      extra_request_headers:
        X-Team: blue-0123456789
      echo_pkce_in_token_exchange: true
      use_pkce_in_device_flow: true
      include_state_in_token_exchange: false
    models:
      - name: gpt-5
        reasoning_levels: [low, high]
        default_reasoning_effort: high
      - name: other
        default_reasoning_level: medium
        patch:
          body:
            max_tokens: null
          responses:
            body:
              top_p: null
    patch:
      responses:
        'o3.*':
          body:
            top_p: null
"""


def read(text: str, environ: dict[str, str] | None = None) -> Config:
    """Return a configuration by its text."""
    loaded = parse_config(text, "c.yaml").unwrap()
    texts = files.read_catalogue({}), files.read_families()
    return build_config(loaded, "c.yaml", environ or {}, *texts).unwrap()


def test_a_whole_configuration_of_it_loads() -> None:
    assert find_complaints(WHOLE)[1] == ()
    config = read(WHOLE)
    assert config.notes == () and config.vault_password_file == "/nowhere/password"
    assert config.clients[0].limits.idle == math.inf


@pytest.mark.skipif(not KEYS.exists(), reason="no list of the successor's keys in ../shared")
def test_every_key_of_the_first_level_is_accepted() -> None:
    listed = KEYS.read_text().partition("refuses today")[2].partition("`enabled_tools`")[0]
    words = set(re.findall(r"\b[a-z]+(?:_[a-z]+)+\b|\bmemory\b", listed))
    assert len(words) >= 23
    ours = {"reasoning_effort", "secrets_provider"}
    assert words <= CHAT_ONLY | ours, words - CHAT_ONLY - ours


@pytest.mark.skipif(not KEYS.exists(), reason="no list of the successor's keys in ../shared")
def test_every_key_of_a_login_and_a_model_is_accepted() -> None:
    listed = KEYS.read_text().partition("\nModels: ")[2].partition("Their names")[0]
    words = set(re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", listed))
    known = {*re.findall(r"\w+", WHOLE), "redirect_uri", "read_timeout", "openai_compatible"}
    flows = {"client_credentials", "device_code"}
    assert words <= known | flows, words - known - flows


def test_its_names_of_a_login_mean_ours_and_ours_go_before_them() -> None:
    oauth = read(WHOLE).clients[0].oauth
    assert oauth["token_format"] == "json" and oauth["authorize_params"] == {"audience": "api"}
    assert oauth["request_headers"] == {"X-Team": "blue-0123456789"}
    assert oauth["token_headers"] == {"X-Token": "tk-0123456789"}
    assert not [name for name in oauth if name.startswith("extra_")]
    both = WHOLE.replace("      flow:", "      token_format: form\n      flow:")
    assert read(both).clients[0].oauth["token_format"] == "form"


def test_no_secret_of_a_login_is_cached() -> None:
    plain = parse_config(WHOLE, "c.yaml").unwrap()
    places = secret_positions(plain, WHOLE.encode())
    assert places is not None
    texts = {WHOLE.encode()[start:end].decode() for _, start, end in places}
    assert texts == {"cs-0123456789", "tk-0123456789", "blue-0123456789"}


# ---- how hard a model thinks ---------------------------------------------------------------------

CLIENT = "clients:\n- type: openai\n  api_key: k\n"
LOCAL = "clients:\n- type: openai-compatible\n  name: local\n  api_base: https://a.example\n"


def listed(*lines: str) -> str:
    """Return a client that lists one model."""
    return LOCAL + "  models:\n  - name: m\n" + "".join(f"    {line}\n" for line in lines)


EFFORTS: list[tuple[str, str, Any]] = [
    (f"reasoning_effort: low\n{CLIENT}", "openai:gpt-5", "low"),
    (f"reasoning_effort: low\n{CLIENT}", "openai:gpt-4o", None),  # which does not reason
    (f"reasoning_effort: low\n{LOCAL}", "local:unknown", "low"),
    (listed("default_reasoning_effort: high"), "local:m", "high"),
    (listed("default_reasoning_level: high"), "local:m", "high"),
    ("reasoning_effort: low\n" + listed("default_reasoning_effort: high"), "local:m", "low"),
    (
        "reasoning_effort: low\n" + listed("supports_vision: true", "reasoning_levels: [low]"),
        "local:m",
        "low",
    ),
    ("reasoning_effort: low\n" + listed("supports_reasoning: false"), "local:m", None),
]


@pytest.mark.parametrize(("text", "model", "effort"), EFFORTS)
def test_a_configured_effort_is_asked_of_models_that_reason(
    text: str, model: str, effort: Any
) -> None:
    asked = resolve(read(text))(Ask(HI, model=model))
    assert asked.unwrap().ask.reasoning == effort
    body = asked.bind(draft).unwrap().body
    assert body.get("reasoning_effort") == effort


def test_an_ask_goes_before_the_configuration_and_a_variable_before_the_file() -> None:
    text = f"reasoning_effort: low\n{LOCAL}"
    asked = resolve(read(text))(Ask(HI, model="local:m", reasoning="high"))
    assert asked.unwrap().ask.reasoning == "high"
    varied = resolve(read(text, {"LOKI_REASONING_EFFORT": "medium"}))(Ask(HI, model="local:m"))
    assert varied.unwrap().ask.reasoning == "medium"


@pytest.mark.parametrize("effort", ["hgih", "-1", "1.5"])
def test_an_effort_that_nobody_knows_is_told_with_its_place(effort: str) -> None:
    ((place, message),) = find_complaints(f"reasoning_effort: '{effort}'\n")[1]
    assert place == (1, 19) and message.startswith("expected one of none, minimal, low")


def test_explain_says_where_the_effort_comes_from(home: Home) -> None:
    with serving(ANSWER) as server:
        home.configure("reasoning_effort: low\n" + home.local(server.address).read_text())
        done = home.run("Hi", "--explain")
    assert server.asked[0].json["reasoning_effort"] == "low"
    assert re.search(r"^reasoning +low \(.*config\.yaml\)$", done.err, re.MULTILINE)


# ---- secrets and times ---------------------------------------------------------------------------


def test_another_place_for_secrets_is_a_note_with_the_command(home: Home) -> None:
    with serving(ANSWER) as server:
        home.configure(
            "secrets_provider:\n  type: one_password\n  vault: v\n"
            + home.local(server.address).read_text()
        )
        done, quiet = home.run("Hi"), home.run("Hi", "-q")
    note = "secrets_provider one_password has no effect; the same is api_key_cmd: 'op read op://"
    assert (done.code, done.out) == (0, "Hello.\n") and note in done.err
    assert quiet.err == ""
    assert note in home.run("--check", prog="loki").err


def test_an_unknown_place_for_secrets_is_an_error() -> None:
    ((place, message),) = find_complaints("secrets_provider:\n  type: drawer\n")[1]
    assert place == (2, 9) and message.startswith("expected one of local, aws_secrets_manager")


@pytest.mark.parametrize(
    ("seconds", "code"), [("0.2", 69), ("0", 0)], ids=["is kept", "0 is no limit"]
)
def test_a_read_timeout(home: Home, seconds: str, code: int) -> None:
    with serving([0.6, *plain(reply())]) as server:
        home.local(server.address, client=f"extra:\n  read_timeout: {seconds}\n")
        assert home.run("Hi", "-S", "--retries", "0").code == code
