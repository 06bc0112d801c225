"""Messages: what their content is, however it was given."""

from __future__ import annotations

import pytest

from loki.messages import CachedText, Media, Message, Text, as_turns

PICTURE = Media("image/png", b"...")


@pytest.mark.parametrize(
    ("content", "parts", "text"),
    [
        ("", (), ""),
        ("Hi", (Text("Hi"),), "Hi"),
        ((Text("a"), PICTURE, Text("b")), (Text("a"), PICTURE, Text("b")), "ab"),
    ],
)
def test_a_content_is_parts_and_text(content: str, parts: tuple[Text, ...], text: str) -> None:
    message = Message("user", content)
    assert message.parts == parts and message.text == text


def test_a_conversation_is_turns_or_one_text_of_the_user() -> None:
    assert as_turns("Hi") == (Message("user", "Hi"),)
    assert as_turns([Message("system", "Be brief.")]) == (Message("system", "Be brief."),)


def test_only_a_cached_text_says_where_a_cached_prompt_ends() -> None:
    mark = {"type": "ephemeral"}
    assert Text("a").cache_control is None and CachedText("a", mark).cache_control == mark
    assert "ephemeral" not in repr(CachedText("a", mark))
