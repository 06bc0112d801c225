"""Files of ours that somebody damaged: vault, tokens, .env, caches; never a crash, nor a lie."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from returns.result import Success

from loki.edge.auth import token_cache
from loki.edge.auth.token_cache import Token, from_json, is_valid
from loki.edge.auth.vault_format import encrypt, new_vault, read, text_with_value, value_of
from loki.edge.config_cache import read_cache
from loki.edge.env_file import read_env

KEY = bytes(32)
SECRETS = {"ONE": "s3cret-one", "TWO": "s3cret-two", "three.3": "ä" * 50}


def vault_text() -> str:
    """Return the text of a vault with some secrets under a key that no password has."""
    vault = new_vault("vault.yml", b"password", bytes(16), bytes(12)).unwrap()
    for number, (name, value) in enumerate(SECRETS.items(), 1):
        text = text_with_value(vault, name, encrypt(KEY, name, value, bytes([number] * 12)))
        vault = read(text, "vault.yml").unwrap()
    return "\n".join(vault.lines) + "\n"


VAULT = vault_text()

#: Damages of a text: where, how much is taken out, and what is put in its place.
DAMAGES = st.lists(
    st.tuples(
        st.floats(0, 1),
        st.integers(0, 40),
        st.text("\n: #'{}AZaz09+/=\t\r\0é", max_size=6) | st.sampled_from(VAULT.splitlines(True)),
    ),
    min_size=1,
    max_size=4,
)


def damaged(text: str, damages: list[tuple[float, int, str]]) -> str:
    """Return a text with some damages."""
    for place, size, noise in damages:
        at = int(place * len(text))
        text = text[:at] + noise + text[at + size :]
    return text


@given(damages=DAMAGES)
def test_a_damaged_vault_says_so_or_has_no_other_secret(damages: Any) -> None:
    result = read(damaged(VAULT, damages), "vault.yml")
    if not isinstance(result, Success):
        assert result.failure().message.startswith("vault.yml:")
        return
    vault = result.unwrap()
    for name in vault.places:
        value = value_of(vault, name, KEY)
        assert value == Success(SECRETS.get(name)) or value.failure().message


NUMBERS: Any = st.integers() | st.floats() | st.sampled_from([10**400, -(10**400), True, None, "1"])
TOKENS = st.fixed_dictionaries(
    {"access": st.text(max_size=3) | st.none(), "refresh": st.text(max_size=3)},
    optional={"obtained": NUMBERS, "expires": NUMBERS},
)


@given(data=TOKENS, now=st.floats(0, 1e12))
@example(data={"access": "a", "refresh": "", "obtained": 0, "expires": 10**400}, now=1.0)
@example(data={"access": "a", "refresh": "", "obtained": -(10**400), "expires": 5}, now=1.0)
def test_a_token_is_valid_or_not_or_none(data: Any, now: float) -> None:
    token = from_json(json.loads(json.dumps(data)))
    if token is not None:
        assert is_valid(token, "", now) in (True, False)
        assert max([token, Token("x")], key=lambda each: each.obtained)


WHOLE = json.dumps(Token("access", "refresh", 1.0, 2.0)._asdict())
WITHIN = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(damages=DAMAGES, tail=st.binary(max_size=5))
@WITHIN
def test_a_damaged_token_file_is_a_token_or_none(damages: Any, tail: bytes, tmp_path: Path) -> None:
    path = tmp_path / "token.json"
    path.write_bytes(damaged(WHOLE, damages).encode() + tail)
    token = token_cache.read_token(str(path))
    assert token is None or isinstance(token.access, str)


ODD: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


@given(plain=ODD, places=ODD, damages=DAMAGES | st.just([]))
@WITHIN
def test_a_damaged_cache_is_a_configuration_or_none(
    plain: Any, places: Any, damages: Any, tmp_path: Path
) -> None:
    from loki.edge.config_cache import file_key

    config, cache = tmp_path / "config.yaml", tmp_path / "cache.json"
    config.write_text("key: s3cret\n")
    status = config.stat()
    key = file_key(str(config), status)
    secrets = {"file": [*key, status.st_ctime_ns], "places": places}
    text = json.dumps({"key": key, "plain": plain, "secrets": secrets})
    cache.write_text(damaged(text, damages))
    found = read_cache(str(cache), str(config), status)
    assert found is None or isinstance(found, dict)


@given(
    st.lists(
        st.sampled_from(
            ["A=b", "export C='d", 'E="f"', "=", "# x", "G = h # i", "'", '"', "\r", ""]
        )
        | st.text(max_size=5),
        max_size=8,
    )
)
def test_any_lines_are_variables_or_none(lines: list[str]) -> None:
    variables = read_env("\n".join(lines))
    assert all(name.isidentifier() for name in variables)


@pytest.mark.parametrize(
    "line", ["A=" + "'" * 5000, 'B="' + "x" * 10**6, "C" * 10**6, "D= " * 10**5]
)
def test_no_line_of_an_env_file_takes_long(line: str) -> None:
    assert len(read_env(line)) <= 1
