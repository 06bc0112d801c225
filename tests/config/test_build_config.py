"""Values and environment -> Config; .env, and the cache of what was parsed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from loki import __version__
from loki.config.build_config import build_config
from loki.config.parse_config import find_complaints
from loki.config.setting_names import PATCH_KINDS, SETTINGS
from loki.edge.config_cache import read_config
from loki.edge.env_file import environment, read_env
from loki.problems import Problem
from loki.providers import KNOWN, TYPES
from loki.records import Client, Config, Limits, Patch, Setting

CONFIGS = Path(__file__).parent / "files"


def mended(*values: Any, was: str) -> Any:
    """Parameters that failed once, and why."""
    assert was
    return pytest.param(*values)


def configured(name: str, environ: Mapping[str, str] | None = None) -> Config:
    """A configuration on disk, with an environment."""
    plain, complaints = find_complaints((CONFIGS / f"{name}.yaml").read_text())
    assert complaints == ()
    return build_config(plain, "c.yaml", environ or {}).unwrap()


def one(client: Mapping[str, Any], environ: Mapping[str, str] | None = None) -> Client:
    """A configuration's only client."""
    config = build_config({"clients": [dict(client)]}, "c.yaml", environ or {}).unwrap()
    return config.clients[0]


def problem_of(environ: Mapping[str, str], plain: dict[str, Any] | None = None) -> Problem:
    """What is wrong with an environment."""
    clients: dict[str, Any] = {"clients": [{"type": "openai"}]}
    problem = build_config(clients if plain is None else plain, "c.yaml", environ).failure()
    assert problem.kind == "config"
    return problem


# ---- the file --------------------------------------------------------------------------------


def test_the_original_s_configuration_makes_the_clients_it_lists() -> None:
    config = configured("example")
    assert config.model == "claude:claude-sonnet-4-5"
    assert (config.temperature, config.top_p, config.stream) == (None, None, True)
    assert [(client.name, client.type) for client in config.clients] == [
        ("openai", "openai"),
        ("ollama", "openai-compatible"),
        ("gemini", "gemini"),
        ("claude", "claude"),
        ("cohere", "cohere"),
        ("azure-openai", "azure-openai"),
        ("vertexai", "vertexai"),
        ("vertex-team", "vertexai"),
        ("bedrock", "bedrock"),
    ]


@pytest.mark.parametrize(
    ("client", "setting", "value", "form"),
    [
        (0, "api_base", "https://api.openai.com/v1", "literal"),
        (0, "api_key", "OPENAI_API_KEY", "name"),
        (0, "organization_id", "org-7", "literal"),
        (2, "api_key", "GEMINI_API_KEY", "name"),
        (4, "api_key", "pass show cohere", "cmd"),
        (5, "api_key", "~/.secrets/azure", "file"),
        (6, "location", "us-central1", "literal"),
        (7, "adc_file", "~/.config/gcloud/team.json", "literal"),
        (8, "secret_access_key", "AWS_SECRET", "name"),
    ],
)
def test_a_setting_is_its_value_or_where_that_is(
    client: int, setting: str, value: str, form: str
) -> None:
    found = configured("example").clients[client].settings[setting]
    assert (found.value, found.source) == (value, form)
    assert found.origin.startswith(f"c.yaml clients[{client}].{setting}")


def test_null_settings_are_not_set() -> None:
    clients = configured("example").clients
    assert "api_key" not in clients[1].settings
    assert "adc_file" not in clients[6].settings


def test_every_setting_of_a_client_is_kept() -> None:
    client = configured("settings").clients[0]
    assert {name: setting.value for name, setting in client.settings.items()} == {
        "api_base": "https://all.example/v1",
        "api_key": "k1",
        "access_token": "k2",
        "access_key_id": "k3",
        "secret_access_key": "k4",
        "session_token": "k5",
        "auth": "oauth",
        "organization_id": "0123",
        "project_id": "0123",
        "location": "global",
        "adc_file": "~/adc.json",
        "region": "eu-west-1",
        "profile": "work",
        "api_version": "2024-10-21",
    }
    assert client.limits == Limits(
        connect=1.5,
        idle=2.0,
        total=3.0,
        retries=5,
        max_wait=4.0,
        proxy="http://localhost:3128",
        ca_bundle="ca.pem",
        client_cert="cert.pem",
        client_key="key.pem",
        retry_after_send=True,
    )
    at = "c.yaml clients[0].patch"
    assert client.patches == {
        "chat_completions": (
            ("m", Patch(url="https://a.example", origin=f"{at}.chat_completions.'m'")),
        ),
        "embeddings": (("e", Patch(body={"dimensions": 256}, origin=f"{at}.embeddings.'e'")),),
        "rerank": (
            ("r", Patch(headers={"X-Team": "red", "User-Agent": None}, origin=f"{at}.rerank.'r'")),
        ),
    }


def test_every_setting_of_the_top_level_is_kept() -> None:
    config = configured("settings")
    assert (config.model, config.temperature, config.top_p) == ("all", 0.5, 1.0)
    assert (config.stream, config.user_agent, config.origin) == (False, "curl/8", "c.yaml")
    assert config.budget == {"per_day": "1.50", "per_month": "20"}
    assert config.allow_unpriced is True
    assert configured("block").allow_unpriced is False


# ---- the environment -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "words", "field", "value"),
    [
        ("LOKI_MODEL", "b:c:d", "model", "b:c:d"),
        ("LOKI_TEMPERATURE", "0.9", "temperature", 0.9),
        ("LOKI_TEMPERATURE", "0", "temperature", 0.0),
        ("LOKI_TOP_P", ".5", "top_p", 0.5),
        ("LOKI_STREAM", "true", "stream", True),
        ("LOKI_STREAM", "FALSE", "stream", False),
        ("LOKI_STREAM", "off", "stream", False),
        ("LOKI_USER_AGENT", "mine/1", "user_agent", "mine/1"),
        ("LOKI_BUDGET", '{"per_day": 2.50}', "budget", {"per_day": "2.50"}),
        ("LOKI_BUDGET", '{"per_day": 2}', "allow_unpriced", False),  # all of it, not one part
        ("LOKI_BUDGET", '{"allow_unpriced": true}', "allow_unpriced", True),
        ("LOKI_BUDGET", '{"allow_unpriced": true}', "budget", {}),
        ("LOKI_BUDGET", "{}", "budget", {}),
        ("LOKI_BUDGET", "", "budget", {"per_day": "1.50", "per_month": "20"}),
        ("LOKI_BUDGET", "", "allow_unpriced", True),
        ("LOKI_MODEL", "", "model", "all"),
        ("LOKI_STREAM", "", "stream", False),
        ("MODEL", "x", "model", "all"),
    ],
)
def test_a_variable_wins_over_the_file_unless_empty(
    variable: str, words: str, field: str, value: Any
) -> None:
    assert getattr(configured("settings", {variable: words}), field) == value


SHAPE = 'expected {"per_day": US dollars, "per_month": US dollars, "allow_unpriced": true or false}'


@pytest.mark.parametrize(
    ("variable", "words", "message"),
    [
        ("LOKI_TEMPERATURE", "hot", "expected a number from 0 to 2, found 'hot'"),
        ("LOKI_TEMPERATURE", "2.1", "expected a number from 0 to 2, found '2.1'"),
        ("LOKI_TEMPERATURE", "nan", "expected a number from 0 to 2, found 'nan'"),
        ("LOKI_TOP_P", "-1", "expected a number from 0 to 1, found '-1'"),
        ("LOKI_STREAM", "maybe", "expected true or false, found 'maybe'"),
        ("LOKI_BUDGET", '{"allow_unpriced": "true"}', SHAPE),
        ("LOKI_BUDGET", '{"allow_unpriced": 1}', SHAPE),
        ("LOKI_BUDGET", '{"per_day": true}', SHAPE),
        ("LOKI_BUDGET", '{"per_day": -1}', SHAPE),
        ("LOKI_BUDGET", '{"per_day": null}', SHAPE),
        ("LOKI_BUDGET", '{"per_week": 1}', SHAPE),
        ("LOKI_BUDGET", "5", SHAPE),
        ("LOKI_BUDGET", "{", SHAPE),
    ],
)
def test_a_bad_variable_is_named(variable: str, words: str, message: str) -> None:
    assert problem_of({variable: words}).message == f"{variable}: {message}"


NAMES = {
    "openai": "OPENAI",
    "my-claude.2": "MY_CLAUDE_2",
    "a b/c:d": "A_B_C_D",
    "Straße": "STRA_E",
    "x_1": "X_1",
}


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize(("name", "prefix"), NAMES.items())
def test_every_client_setting_has_a_variable_that_wins(
    name: str, prefix: str, setting: str
) -> None:
    variable = f"{prefix}_{setting.upper()}"
    for listed in ({}, {setting: "old"}, {setting: "{{OLD}}"}):
        client = one({"type": "openai", "name": name, **listed}, {variable: "new"})
        assert client.settings[setting] == Setting("new", "literal", variable)


@pytest.mark.parametrize("form", ["api_key_cmd", "api_key_file"])
def test_a_variable_wins_over_a_command_and_a_file(form: str) -> None:
    client = one({"type": "claude", "name": "c", form: "x"}, {"C_API_KEY": "new"})
    assert client.settings["api_key"].value == "new"


def test_an_empty_variable_is_none() -> None:
    client = one({"type": "openai", "api_key": "old"}, {"OPENAI_API_KEY": ""})
    assert client.settings["api_key"].value == "old"


def test_a_variable_is_for_its_own_client() -> None:
    environ = {"OPENAI_API_KEY": "a", "WORK_API_KEY": "b"}
    plain = {"clients": [{"type": "openai"}, {"type": "openai", "name": "work"}]}
    clients = build_config(plain, "c.yaml", environ).unwrap().clients
    assert [client.settings["api_key"].value for client in clients] == ["a", "b"]


@pytest.mark.parametrize("proxy", ["http://p:1", "-", ""])
def test_a_proxy_may_come_from_the_environment(proxy: str) -> None:
    client = one({"type": "openai", "extra": {"proxy": "http://old"}}, {"OPENAI_PROXY": proxy})
    assert client.limits.proxy == proxy


# ---- patches from the environment ------------------------------------------------------------


@pytest.mark.parametrize("kind", PATCH_KINDS)
@pytest.mark.parametrize(("name", "prefix"), NAMES.items())
def test_a_variable_replaces_the_patches_of_its_kind(name: str, prefix: str, kind: str) -> None:
    variable = f"LOKI_PATCH_{prefix}_{kind.upper()}"
    words = '{"a.*": {"body": {"n": 1.0, "t": "1", "z": null}}, "b": {"headers": {"X": null}}}'
    listed = {each: [["old", {"body": {"old": each}}]] for each in PATCH_KINDS}
    patches = one({"type": "openai", "name": name, "patch": listed}, {variable: words}).patches
    assert patches[kind] == (
        ("a.*", Patch(body={"n": 1.0, "t": "1", "z": None}, origin=f"{variable} 'a.*'")),
        ("b", Patch(headers={"X": None}, origin=f"{variable} 'b'")),
    )
    assert all(patches[other][0][0] == "old" for other in PATCH_KINDS if other != kind)


PATCH = "LOKI_PATCH_OPENAI_CHAT_COMPLETIONS"
SHAPE = """ 'm': expected {"url": "…", "body": {…}, "headers": {…}}"""
FALSY = "an empty value of the wrong type passes: `or {}` in read_patch"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("{", ": not JSON: "),
        ("body: x", ": not JSON: "),
        ("[]", ': expected {"pattern": {"body": …}}'),
        ('"x"', ': expected {"pattern": {"body": …}}'),
        ("null", ': expected {"pattern": {"body": …}}'),
        ('{"(": {}}', ": '(' is not a regular expression: missing )"),
        ('{"m": {}, "*": {}}', ": '*' is not a regular expression: nothing to repeat"),
        ('{"m": null}', SHAPE),
        ('{"m": []}', SHAPE),
        ('{"m": {"bdy": {}}}', " 'm': unknown key 'bdy'; did you mean 'body'?"),
        ('{"body": {"a": 1}}', " 'body': unknown key 'a'; known: url, body, headers"),
        ('{"m": {"body": [1]}}', SHAPE),
        ('{"m": {"body": 1}}', SHAPE),
        ('{"m": {"headers": ["X"]}}', SHAPE),
        ('{"m": {"url": 5}}', SHAPE),
        mended('{"m": {"body": []}}', SHAPE, was=f"{FALSY}; the whole body becomes []"),
        mended('{"m": {"body": false}}', SHAPE, was=f"{FALSY}; the whole body becomes false"),
        mended('{"m": {"body": ""}}', SHAPE, was=f'{FALSY}; the whole body becomes ""'),
        mended('{"m": {"headers": []}}', SHAPE, was=FALSY),
        mended('{"m": {"url": 0}}', SHAPE, was=FALSY),
        mended('{"m": {"headers": {"X": {"a": 1}}}}', PATCH, was="sent as X: {'a': 1}"),
        mended('{"m": {"headers": {"X": true}}}', PATCH, was="sent as X: True, a word of Python's"),
        mended('{"m": {"body": {"x": NaN}}}', ": not JSON", was="NaN is no JSON: sent as NaN"),
        mended('{"m{5000000000}": {}}', "regular expression", was="OverflowError of re.compile"),
        mended("[" * 100_000, PATCH, was="RecursionError of json.loads"),
    ],
)
def test_a_bad_patch_variable_is_named(words: str, message: str) -> None:
    text = problem_of({PATCH: words}).message
    assert text.startswith(PATCH)
    assert message in text


def test_an_empty_patch_variable_is_none_and_an_empty_object_takes_all_away() -> None:
    listed = {"type": "openai", "patch": {"chat_completions": [["m", {}]]}}
    assert one(listed, {PATCH: ""}).patches["chat_completions"][0][0] == "m"
    assert one(listed, {PATCH: "{}"}).patches["chat_completions"] == ()


# ---- without a file --------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*TYPES, *KNOWN])
def test_a_platform_without_a_file_is_the_first_client_and_the_model(name: str) -> None:
    key = f"{name.upper().replace('-', '_')}_API_KEY"
    config = build_config(None, "c.yaml", {"LOKI_PLATFORM": name, key: "k"}).unwrap()
    first = config.clients[0]
    assert (config.model, first.name) == (name, name)
    assert first.type == (name if name in TYPES else "openai-compatible")
    assert first.settings["api_key"].value == "k"
    assert {client.name for client in config.clients} == {*TYPES, *KNOWN}
    assert config.origin == "no configuration file"


def test_a_model_variable_wins_over_the_platform() -> None:
    environ = {"LOKI_PLATFORM": "groq", "LOKI_MODEL": "openai:x"}
    config = build_config(None, "c.yaml", environ).unwrap()
    assert (config.model, config.clients[0].name) == ("openai:x", "groq")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("opnai", "no platform 'opnai'; did you mean 'openai'"),
        ("ollma", "no platform 'ollma'; did you mean 'ollama'"),
        mended(
            "OpenAI",
            "no platform 'OpenAI'; did you mean 'openai'",
            was="difflib tells capitals apart: the whole list instead",
        ),
        ("zzz", "no platform 'zzz'; known: openai, "),
    ],
)
def test_an_unknown_platform_is_told_with_its_nearest(name: str, message: str) -> None:
    problem = build_config(None, "c.yaml", {"LOKI_PLATFORM": name}).failure()
    assert problem.kind == "config"
    assert problem.message.startswith(f"LOKI_PLATFORM: {message}")


@pytest.mark.parametrize("name", ["openai", "ollama", "no such thing"])
@pytest.mark.parametrize("plain", [{}, {"clients": [{"type": "claude"}]}])
def test_with_a_file_the_platform_says_nothing(name: str, plain: dict[str, Any]) -> None:
    config = build_config(plain, "c.yaml", {"LOKI_PLATFORM": name}).unwrap()
    assert config.model is None
    assert [client.name for client in config.clients] == ["claude"] * len(plain)


# ---- .env ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("A=1", {"A": "1"}),
        ("A=1\nB=2\n", {"A": "1", "B": "2"}),
        ("  A = b c  ", {"A": "b c"}),
        ("export A=1\nexport   B='2'", {"A": "1", "B": "2"}),
        ("A='b c'\nB=\"d e\"", {"A": "b c", "B": "d e"}),
        ("A='b # c' # d\nB=\"e#f\"#", {"A": "b # c", "B": '"e#f"#'}),
        ("A=b # c\nB=d#e", {"A": "b", "B": "d#e"}),
        ("# A=1\n  # B=2\n\n\nC=3", {"C": "3"}),
        ("A=b=c==\nB='d=e'", {"A": "b=c==", "B": "d=e"}),
        ("A=\nB=''\nC=2", {"A": "", "B": "", "C": "2"}),
        ("A=\"it's\"\nB=it's", {"A": "it's", "B": "it's"}),
        ("A=1\r\nB='2'\r\n# c\r\nC=3 # d\r\n", {"A": "1", "B": "2", "C": "3"}),
        ("A=1\nA=2", {"A": "2"}),
        ("A=$B", {"A": "$B"}),
        ('A={"m": {"body": {}}}', {"A": '{"m": {"body": {}}}'}),
        ("A='{\"m\": 1}'", {"A": '{"m": 1}'}),
        ("A\nB: 2\n1C=3\nD-E=4\n=5", {}),
        ("A=größe", {"A": "größe"}),
        mended("A= # c", {"A": ""}, was="a comment after an empty value becomes the value"),
        mended("\ufeffA=1", {"A": "1"}, was="a byte order mark hides the first variable"),
        mended('A="b\nc"\nD=1', {"A": "b\nc", "D": "1"}, was="a quoted value over several lines"),
        mended("A='b\nc'\nD=1", {"A": "b\nc", "D": "1"}, was="a quoted value over several lines"),
        mended("A\n=1", {}, was=r"\s* before = also takes a line end"),
    ],
)
def test_what_a_dot_env_file_says(text: str, variables: dict[str, str]) -> None:
    assert read_env(text) == variables


def dot_env(folder: Path, data: bytes, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment with a .env file."""
    file = folder / "my.env"
    file.write_bytes(data)
    monkeypatch.setenv("LOKI_ENV_FILE", str(file))
    return environment()


def test_a_dot_env_file_never_overrides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOKI_TEST_REAL", "real")
    monkeypatch.setenv("LOKI_TEST_EMPTY", "")
    monkeypatch.delenv("LOKI_TEST_NEW", raising=False)
    data = b"LOKI_TEST_REAL=no\r\nLOKI_TEST_EMPTY=no\r\nLOKI_TEST_NEW=new\r\n"
    found = dot_env(tmp_path, data, monkeypatch)
    assert [found[f"LOKI_TEST_{name}"] for name in ("REAL", "EMPTY", "NEW")] == ["real", "", "new"]


def test_a_dot_env_file_stands_in_the_config_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("LOKI_TEST_NEW=here")
    monkeypatch.delenv("LOKI_ENV_FILE", raising=False)
    monkeypatch.setenv("LOKI_CONFIG_DIR", str(tmp_path))
    assert environment()["LOKI_TEST_NEW"] == "here"
    monkeypatch.setenv("LOKI_CONFIG_DIR", str(tmp_path / "none"))
    assert "LOKI_TEST_NEW" not in environment()


def test_a_dot_env_file_of_another_encoding_loses_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert dot_env(tmp_path, b"# gr\xf6\xdfe\nLOKI_TEST_NEW=k\n", monkeypatch)["LOKI_TEST_NEW"]


# ---- the file and its cache ------------------------------------------------------------------

PLAIN = "model: a:b\nclients:\n  - type: openai\n    api_key: '{{KEY}}'\n"
READ = """
import json, os, sys
from loki.edge.config_cache import read_config
plain = read_config(sys.argv[1], dict(os.environ)).unwrap()
print(json.dumps([plain, sorted(m for m in sys.modules if m.startswith("strictyaml"))]))
"""


class Home:
    """A configuration file, and a folder for its cache."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "config.yaml"
        self.cache = folder / "cache"
        self.environ = {"LOKI_CACHE_DIR": str(self.cache)}

    def write(self, text: str, nanoseconds: int = 1_700_000_000_123_456_789) -> None:
        self.file.write_text(text)
        os.utime(self.file, ns=(nanoseconds, nanoseconds))

    def read(self) -> Any:
        return read_config(str(self.file), self.environ).unwrap()

    def kept(self) -> list[Path]:
        return sorted(self.cache.iterdir()) if self.cache.is_dir() else []


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_the_second_reading_needs_no_yaml(home: Home) -> None:
    home.write(PLAIN)

    def read() -> Any:
        environ = {**os.environ, **home.environ}
        command = [sys.executable, "-c", READ, str(home.file)]
        done = subprocess.run(command, env=environ, capture_output=True, check=True)
        return json.loads(done.stdout)

    first, modules = read()
    assert "strictyaml" in modules
    assert read() == [first, []]
    assert first == {"model": "a:b", "clients": [{"type": "openai", "api_key": "{{KEY}}"}]}


def test_the_cache_is_for_its_owner_alone_and_nothing_else_is_left(home: Home) -> None:
    home.write(PLAIN)
    home.read()
    (file,) = home.kept()
    assert file.stat().st_mode & 0o777 == 0o600
    assert home.cache.stat().st_mode & 0o777 == 0o700
    assert __version__ in json.loads(file.read_text())["key"]


CHANGES: dict[str, Callable[[Home], None]] = {
    "size": lambda home: home.write(PLAIN.replace("a:b", "longer:x")),
    "mtime": lambda home: home.write(PLAIN.replace("a:b", "c:d"), 1_700_000_000_123_456_790),
    "older": lambda home: home.write(PLAIN.replace("a:b", "c:d"), 1),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_file_is_read_again(home: Home, change: str) -> None:
    home.write(PLAIN)
    assert home.read()["model"] == "a:b"
    CHANGES[change](home)
    assert home.read()["model"] in ("longer:x", "c:d")
    assert len(home.kept()) == 1
    assert home.read()["model"] in ("longer:x", "c:d")


def test_every_file_has_its_own_cache(home: Home) -> None:
    home.write(PLAIN)
    home.read()
    other = Home(home.file.parent)
    other.file = home.file.parent / "other.yaml"
    other.write(PLAIN.replace("a:b", "x:y"))
    assert (other.read()["model"], home.read()["model"]) == ("x:y", "a:b")
    assert len(home.kept()) == 2


def secret(client: str) -> str:
    """A configuration with a client that has a secret."""
    return f"clients:\n  - {{type: openai, {client}}}\n"


SECRETS = {
    **{name: secret(f"{name}: s3cret") for name in SETTINGS if "key" in name or "token" in name},
    "patch header": secret("patch: {rerank: {m: {headers: {X-Api-Key: s3cret}}}}"),
    "authorization": secret("patch: {rerank: {m: {headers: {authorization: Bearer s3cret}}}}"),
    "cookie": secret("patch: {rerank: {m: {headers: {COOKIE: s3cret}}}}"),
    "patch body": secret("patch: {rerank: {m: {body: {a: {api_key: s3cret}}}}}"),
    "model's header": secret("models: [{name: m, patch: {headers: {X-Auth: s3cret}}}]"),
    "proxy": secret("extra: {proxy: 'http://me:s3cret@proxy:3128'}"),
    "oauth": secret("oauth: {client_secret: s3cret}"),
    "half a reference": secret("api_key: '{{A}}-s3cret'"),
    "two references": secret("api_key: '{{A}}{{s3cret}}'"),
}
UNSEEN_SECRETS = {
    "password header": secret("patch: {rerank: {m: {headers: {X-Password: s3cret}}}}"),
    "key in a url": secret("patch: {rerank: {m: {url: 'https://a.example/?key=s3cret'}}}"),
    "url of a model": secret("models: [{name: m, patch: {url: 'https://me:s3cret@a.example'}}]"),
    "api_base": secret("api_base: 'https://me:s3cret@a.example/v1'"),
    "key in api_base": secret("api_base: 'https://a.example/?key=s3cret'"),
    "list in a body": secret("patch: {rerank: {m: {body: {tokens: [s3cret]}}}}"),
}


@pytest.mark.parametrize("name", [*SECRETS, *UNSEEN_SECRETS])
def test_a_secret_in_the_file_is_written_nowhere_else(home: Home, name: str) -> None:
    home.write({**SECRETS, **UNSEEN_SECRETS}[name])
    first = home.read()
    (file,) = home.kept()
    assert "s3cret" not in file.read_text()
    assert home.read() == first and "s3cret" in json.dumps(first)


@pytest.mark.parametrize("text", [PLAIN, SECRETS["proxy"]])
def test_a_file_with_a_secret_is_read_without_yaml_too(home: Home, text: str) -> None:
    home.write(text.replace("openai", "claude").replace("{{KEY}}", "s3cret"))
    plain = home.read()
    environ = {**os.environ, **home.environ}
    command = [sys.executable, "-c", READ, str(home.file)]
    done = subprocess.run(command, env=environ, capture_output=True, check=True)
    assert json.loads(done.stdout) == [plain, []]


REPEATED = {
    "as a name": secret("name: s3cret, api_key: s3cret"),
    "in a text": secret("api_base: 'http://s3cret.example', api_key: s3cret"),
    "without its scheme": secret(
        "name: s3cret-words, patch: {rerank: {m: {headers: {X-Key: Bearer s3cret-words}}}}"
    ),
    "of one letter": secret("api_key: s"),
    "after letters of several bytes": f"# größe\n{secret('api_key: s3crét')}",
    "after a byte order mark": f"\ufeff{secret('api_key: s3cret')}",
}


@pytest.mark.parametrize("name", REPEATED)
def test_a_secret_that_is_repeated_is_nowhere_in_the_cache(home: Home, name: str) -> None:
    home.write(REPEATED[name])
    first = home.read()
    (file,) = home.kept()
    assert "s3cr" not in file.read_text() and home.read() == first


UNCLEAR = {
    "escaped": secret('api_key: "s3cret\\x41"'),
    "folded": "clients:\n  - type: openai\n    api_key: s3cret\n      s3cret\n",
    "in a key": secret("api_key: s3cret, patch: {rerank: {m: {body: {s3cret: 1}}}}"),
}


@pytest.mark.parametrize("name", UNCLEAR)
def test_a_secret_that_cannot_be_found_again_takes_the_old_cache_away(
    home: Home, name: str
) -> None:
    home.write(PLAIN)
    home.read()
    assert home.kept()
    home.write(UNCLEAR[name])
    assert "s3cret" in json.dumps(home.read())
    assert not home.kept()


def test_a_secret_is_not_read_from_a_file_that_was_changed_unseen(home: Home) -> None:
    home.write(secret("name: aa, api_key: s3cret"))
    home.read()
    home.write(secret("api_key: s3cret, name: aa"))  # of the same size, at the same time
    assert home.read()["clients"][0]["api_key"] == "s3cret"


def test_a_place_that_is_none_is_not_believed(home: Home) -> None:
    home.write(SECRETS["api_key"])
    first = home.read()
    (file,) = home.kept()
    good = json.loads(file.read_text())
    for places in ([[["clients", 7, "api_key"], 0, 1]], [[["clients"], 0, 1]], [[[], 0, 1]], 5):
        file.write_text(json.dumps({**good, "secrets": {**good["secrets"], "places": places}}))
        assert home.read() == first
        assert json.loads(file.read_text()) == good


@pytest.mark.parametrize(
    "text",
    [
        secret("api_key: '{{KEY}}'"),
        secret("api_key_cmd: pass show openai"),
        secret("patch: {rerank: {m: {body: {max_tokens: 5}}}}"),
        mended(
            secret("patch: {rerank: {m: {headers: {Authorization: 'Bearer {{KEY}}'}}}}"),
            was="a reference in a header counts as a secret: YAML is parsed at every start",
        ),
        mended(secret("oauth: {client_secret: '{{KEY}}'}"), was="the same in oauth"),
    ],
)
def test_where_there_is_no_secret_there_is_a_cache(home: Home, text: str) -> None:
    home.write(text)
    home.read()
    assert home.kept()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b"null",
        b'{"key": 1, "plain": {"model": "evil"}}',
        b'{"plain": {"model": "evil"}}',
        mended(b"[" * 100_000, was="RecursionError of json.load: read_cache catches ValueError"),
    ],
)
def test_a_damaged_cache_is_made_anew(home: Home, data: bytes) -> None:
    home.write(PLAIN)
    home.read()
    (file,) = home.kept()
    good = file.read_text()
    file.write_bytes(data)
    assert home.read()["model"] == "a:b"
    assert file.read_text() == good


@pytest.mark.parametrize("key", ["key", "plain"])
def test_a_cache_without_a_part_is_made_anew(home: Home, key: str) -> None:
    home.write(PLAIN)
    home.read()
    (file,) = home.kept()
    whole = json.loads(file.read_text())
    file.write_text(json.dumps({**whole, key: None}))
    assert home.read()["model"] == "a:b"


def test_the_cache_of_another_version_is_made_anew(home: Home) -> None:
    home.write(PLAIN)
    home.read()
    (file,) = home.kept()
    kept = json.loads(file.read_text())
    file.write_text(json.dumps({"key": [*kept["key"][:3], "0.0.0"], "plain": {"model": "old"}}))
    assert home.read()["model"] == "a:b"


def test_a_cache_that_cannot_be_written_is_no_failure(home: Home) -> None:
    home.write(PLAIN)
    home.cache.write_text("a file where the folder should be")
    assert home.read()["model"] == "a:b"
    home.environ = {"LOKI_CACHE_DIR": "/proc/nothing/here"}
    assert home.read()["model"] == "a:b"


def test_a_wrong_configuration_is_not_kept(home: Home) -> None:
    home.write("modle: x\n")
    problem = read_config(str(home.file), home.environ).failure()
    assert problem.kind == "config"
    assert problem.message.startswith(f"{home.file}:1:1: unknown key 'modle'")
    assert not home.kept()


def test_no_file_is_no_configuration_unless_it_was_named(home: Home) -> None:
    assert read_config(str(home.file), home.environ).unwrap() is None
    named = {**home.environ, "LOKI_CONFIG_FILE": str(home.file)}
    problem = read_config(str(home.file), named).failure()
    assert (problem.kind, problem.message) == ("config", f"no configuration file {home.file}")


def test_a_folder_in_place_of_the_file_is_a_problem(home: Home) -> None:
    home.file.mkdir()
    problem = read_config(str(home.file), home.environ).failure()
    assert problem.kind == "config"
    assert problem.message == f"configuration: cannot read {home.file}: is a directory"


@pytest.mark.parametrize("data", ["# größe\n".encode("latin-1"), PLAIN.encode("utf-16")])
def test_another_encoding_is_told_in_words_that_fit(home: Home, data: bytes) -> None:
    home.file.write_bytes(data)
    problem = read_config(str(home.file), home.environ).failure()
    assert problem.kind == "config" and "UTF-8" in problem.message
    assert "-f" not in problem.message
