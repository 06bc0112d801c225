"""The names of settings: which are secret, which are references, which headers are public."""

from __future__ import annotations

from dataclasses import fields

import pytest

from loki.abilities import Abilities
from loki.config.setting_names import (
    ABILITY_SETTINGS,
    CREDENTIALS,
    LIMITS,
    MODEL_FIELDS,
    MODEL_SETTINGS,
    PUBLIC_HEADERS,
    SETTINGS,
    is_public,
    is_reference,
    is_sensitive,
)
from loki.records import Limits, Model


@pytest.mark.parametrize("name", [*CREDENTIALS, "client_secret", "Cookie", "X-Goog-Api-Key"])
def test_what_may_hold_a_secret_is_sensitive(name: str) -> None:
    assert is_sensitive(name)


@pytest.mark.parametrize("name", ["api_base", "region", "location", "profile", "content-type"])
def test_what_names_a_place_is_not_sensitive(name: str) -> None:
    assert not is_sensitive(name)


def test_every_credential_is_a_setting() -> None:
    assert set(CREDENTIALS) < set(SETTINGS)


def test_every_limit_of_extra_is_a_field_of_limits() -> None:
    """All but the end, which is a time of the clock and no setting."""
    assert set(LIMITS.values()) == {field.name for field in fields(Limits)} - {"deadline"}


@pytest.mark.parametrize("header", sorted(PUBLIC_HEADERS))
def test_public_headers_are_public_in_any_case(header: str) -> None:
    assert is_public(header) and is_public(header.title()) and is_public(header.upper())


@pytest.mark.parametrize("header", ["authorization", "x-team", "cookie", "api-key", ""])
def test_all_other_headers_are_not_public(header: str) -> None:
    assert not is_public(header)


@pytest.mark.parametrize("value", ["{{A}}", " {{A}}\n", "{{ A B }}"])
def test_a_name_in_double_braces_is_a_reference(value: str) -> None:
    assert is_reference(value)


@pytest.mark.parametrize("value", ["", "A", "{A}", "{{}}", "{{A}}x", "{{A}}{{B}}", "{{{A}}}"])
def test_anything_else_is_no_reference(value: str) -> None:
    assert not is_reference(value)


def test_the_table_of_a_model_s_settings_names_fields_that_there_are() -> None:
    assert {*MODEL_FIELDS} <= {each.name for each in fields(Model)}
    assert {*ABILITY_SETTINGS.values()} == {each.name for each in fields(Abilities)} - {"reasoning"}
    names = [each.name for each in MODEL_SETTINGS]
    assert len(names) == len({*names}) and all(each.help for each in MODEL_SETTINGS)
