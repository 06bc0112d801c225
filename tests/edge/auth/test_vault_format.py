"""The text of a vault: every line to the letter, and a sealed value that opens nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki.edge.auth.vault_format import (
    NONCE,
    SALT,
    Vault,
    decrypt,
    encrypt,
    new_vault,
    read,
    text_with_value,
    text_without_value,
    unlock,
    value_of,
)

PASSWORD, KEY, CHANCE = b"correct horse", b"k" * 32, b"n" * NONCE
VAULT = new_vault("vault.yml", PASSWORD, b"s" * SALT, CHANCE).unwrap()
NAMES = st.text(alphabet="ABCabc019_.-", min_size=1, max_size=6)


def with_values(values: dict[str, str]) -> Vault:
    """Return the vault with some values, sealed under KEY."""
    vault = VAULT
    for name, value in values.items():
        text = text_with_value(vault, name, encrypt(KEY, name, value, CHANCE))
        vault = read(text, "vault.yml").unwrap()
    return vault


def text_of(vault: Vault) -> str:
    """Return a vault's text."""
    return "\n".join(vault.lines) + "\n"


@given(st.dictionaries(NAMES, st.text(), max_size=5))
def test_every_value_that_went_in_comes_out(values: dict[str, str]) -> None:
    vault = with_values(values)
    assert {name: value_of(vault, name, KEY).unwrap() for name in vault.places} == values


@given(st.dictionaries(NAMES, st.text(), min_size=1, max_size=5), st.data())
def test_a_change_touches_one_line(values: dict[str, str], data: st.DataObject) -> None:
    vault = with_values(values)
    name = data.draw(st.sampled_from(sorted(values)))
    changed = text_with_value(vault, name, encrypt(KEY, name, "other", CHANCE)).splitlines()
    assert sum(a != b for a, b in zip(vault.lines, changed, strict=True)) <= 1
    rest = text_without_value(vault, name).splitlines()
    assert [line for line in vault.lines if line not in rest] == [vault.lines[vault.places[name]]]


@given(st.lists(NAMES, unique=True, max_size=6))
def test_names_stand_in_their_order_whatever_the_order_they_came_in(names: list[str]) -> None:
    assert list(with_values(dict.fromkeys(names, "v")).places) == sorted(names)


@given(st.text(), NAMES, NAMES)
def test_a_value_opens_only_under_its_own_name_and_key(value: str, name: str, other: str) -> None:
    token = encrypt(KEY, name, value, CHANCE)
    assert decrypt(KEY, name, token) == value
    assert decrypt(b"x" * 32, name, token) is None
    if other != name:
        assert decrypt(KEY, other, token) is None


@pytest.mark.parametrize("token", ["", "?", "YWI=", "A" * 64])
def test_what_was_never_sealed_is_damaged(token: str) -> None:
    assert decrypt(KEY, "A", token) is None


def test_a_damaged_value_is_told_with_its_line_and_the_cure() -> None:
    vault = read(text_with_value(VAULT, "A", "A" * 64), "vault.yml").unwrap()
    problem = value_of(vault, "A", KEY).failure()
    line = vault.places["A"] + 1
    cure = "A is damaged: set it again with loki --update-secret A"
    assert (problem.kind, problem.message) == ("config", f"vault.yml:{line}: {cure}")


def test_the_password_is_told_from_a_wrong_one() -> None:
    assert len(unlock(VAULT, PASSWORD, "password").unwrap()) == 32
    problem = unlock(VAULT, b"wrong", "the file p").failure()
    message = "wrong password in the file p for the vault vault.yml"
    assert (problem.kind, problem.message) == ("auth", message)


TEXT = text_with_value(VAULT, "A", encrypt(KEY, "A", "v", CHANCE))
LINES = TEXT.splitlines()
ROW = LINES.index("secrets:") + 1  # of A, from 0


def replaced(row: int, *lines: str) -> str:
    """Return the text with other lines in place of one."""
    return "\n".join([*LINES[:row], *lines, *LINES[row + 1 :]]) + "\n"


WRONG: list[tuple[str, str]] = [
    ("", "the rest of the file is missing"),
    ("\n".join(LINES[:-1]) + "\n", "the rest of the file is missing"),
    (replaced(1, "vault: 2"), "vault.yml:2: expected the line `vault: 1`"),
    (replaced(2, "key: none"), "vault.yml:3: expected the line `key: argon2id …`"),
    (replaced(2, LINES[2].replace("m=47104", "m=47105")), "vault.yml:3: the line of the key is"),
    (replaced(ROW, "A: x"), f"vault.yml:{ROW + 1}: expected a name, a colon, base64"),
    (replaced(ROW, LINES[ROW], LINES[ROW]), f"vault.yml:{ROW + 2}: a second A: the first is in"),
    (replaced(ROW, "<<<<<<< ours", LINES[ROW]), f"vault.yml:{ROW + 1}: a merge is not finished"),
]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_a_text_that_is_not_to_the_letter_is_refused_with_its_line(text: str, message: str) -> None:
    problem = read(text, "vault.yml").failure()
    assert problem.kind == "config" and message in problem.message, problem.message


@pytest.mark.parametrize(
    "text",
    [TEXT, TEXT.replace("\n", "\r\n"), replaced(ROW, "", "  # mine", LINES[ROW]), TEXT.rstrip()],
)
def test_line_ends_and_comments_are_free(text: str) -> None:
    vault = read(text, "vault.yml").unwrap()
    assert value_of(vault, "A", KEY).unwrap() == "v"


def test_a_fresh_vault_holds_nothing_and_says_how_it_is_changed() -> None:
    assert VAULT.places == {} and "loki --add-secret" in VAULT.lines[0]
    assert read(text_of(VAULT), "vault.yml").unwrap().salt == b"s" * SALT
