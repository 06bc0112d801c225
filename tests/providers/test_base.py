"""The helpers that the rows of providers are written with."""

from __future__ import annotations

import pytest
from support import target

from loki.providers.base import (
    fixed_path,
    fixed_wire,
    header_auth,
    quoted_setting,
    setting_of,
)

CLIENT = target({"type": "openai", "organization_id": "a/b c?"}).client


@pytest.mark.parametrize(
    ("name", "value", "quoted"),
    [("organization_id", "a/b c?", "a%2Fb%20c%3F"), ("unset", "", "")],
)
def test_a_setting_is_one_segment_of_a_path_and_empty_if_unset(
    name: str, value: str, quoted: str
) -> None:
    assert (setting_of(CLIENT, name), quoted_setting(CLIENT, name)) == (value, quoted)


def test_fixed_rows_are_the_same_for_every_model() -> None:
    where = target({"type": "openai"})
    assert fixed_wire("openai")(where) == "openai"
    assert fixed_path("chat")(where, "https://a.example/v1") == "https://a.example/v1/chat"
    assert header_auth("x-key")("secret") == {"x-key": "secret"}
