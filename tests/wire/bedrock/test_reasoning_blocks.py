"""Thoughts of a stream have the shape of an answer's, and go back where they are signed."""

from __future__ import annotations

from typing import Any

import pytest

from loki.wire.bedrock.reasoning_blocks import is_carried, whole_block

#: a block as a stream builds it -> as an answer in one piece has it, whether it goes back
BLOCKS: dict[str, tuple[dict[str, Any], dict[str, Any], bool]] = {
    "signed": (
        {"text": "Hm.", "signature": "s"},
        {"reasoningText": {"text": "Hm.", "signature": "s"}},
        True,
    ),
    "a signature alone": (
        {"signature": "s"},
        {"reasoningText": {"text": "", "signature": "s"}},
        True,
    ),
    "unsigned": ({"text": "Hm."}, {"reasoningText": {"text": "Hm."}}, False),
    "an empty signature": (
        {"text": "Hm.", "signature": ""},
        {"reasoningText": {"text": "Hm.", "signature": ""}},
        False,
    ),
    "encrypted": ({"redactedContent": "YQ=="}, {"redactedContent": "YQ=="}, True),
    "encrypted nothing": ({"redactedContent": ""}, {"redactedContent": ""}, False),
}


@pytest.mark.parametrize(("streamed", "whole", "carried"), BLOCKS.values(), ids=list(BLOCKS))
def test_a_streamed_block_is_as_a_whole_answer_has_it(
    streamed: dict[str, Any], whole: dict[str, Any], carried: bool
) -> None:
    assert whole_block(streamed) == whole
    assert is_carried(whole) is carried


@pytest.mark.parametrize("odd", [{}, {"reasoningText": None}, {"reasoningText": {"signature": 1}}])
def test_a_block_of_another_shape_does_not_go_back(odd: dict[str, Any]) -> None:
    assert is_carried(odd) is False
