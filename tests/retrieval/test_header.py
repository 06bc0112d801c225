"""The header of a store: what makes vectors comparable, and what a key is of."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support import config

from loki.records import Ask, Patch
from loki.retrieval.header import (
    EmbeddingSettings,
    Header,
    describe_difference,
    embedding_settings,
    make_key_function,
    read_header,
    write_header,
)
from loki.stages.resolve import resolve

PLAIN = EmbeddingSettings("m", None, "document")


@pytest.mark.parametrize(
    ("ask", "patches", "expected"),
    [
        (Ask(), (), EmbeddingSettings("real")),
        (Ask(purpose="document"), (), EmbeddingSettings("real", None, "document")),
        (Ask(dimensions=256), (), EmbeddingSettings("real", 256)),
        (Ask(encoding="base64"), (), EmbeddingSettings("real")),
        (Ask(), (Patch(headers={"A": "b"}),), EmbeddingSettings("real")),
        (
            Ask(),
            (Patch(body={"truncate": True}),),
            EmbeddingSettings("real", patch="40f88dc9d93c2006"),
        ),
    ],
)
def test_a_signature_has_all_that_decides_a_vector(
    ask: Ask, patches: tuple[Patch, ...], expected: EmbeddingSettings
) -> None:
    models = [{"name": "m", "real_name": "real", "type": "embedding"}]
    client = {"type": "openai", "models": models}
    target = resolve(config(client), "embedding")(replace(ask, model="openai:m")).unwrap()
    assert embedding_settings(target, patches).unwrap() == expected


def test_a_secret_in_a_patch_is_not_in_the_header() -> None:
    target = resolve(config({"type": "openai"}), "embedding")(
        Ask(model="openai:text-embedding-3-small")
    ).unwrap()
    signature = embedding_settings(target, (Patch(body={"key": "sk-secret"}),)).unwrap()
    assert "secret" not in write_header(Header("openai:m", signature, 0.0))


@pytest.mark.parametrize(
    "other",
    [
        replace(PLAIN, name="n"),
        replace(PLAIN, dimensions=2),
        replace(PLAIN, purpose=None),
        replace(PLAIN, patch="ab"),
    ],
)
def test_another_signature_has_other_keys_and_says_what_differs(other: EmbeddingSettings) -> None:
    assert make_key_function(other)("Hi") != make_key_function(PLAIN)("Hi")
    assert describe_difference(PLAIN, other) and not describe_difference(PLAIN, PLAIN)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "it was not made by loki-embed --into"),
        ("[" * 100_000, "it was not made by loki-embed --into"),
        ("[]", "it was not made by loki-embed --into"),
        ('{"version": 1, "model": "a:b", "made": 0}', "it was not made by loki-embed --into"),
        ('{"version": 9}', "a later loki made it (version 9; this one reads 1): upgrade loki"),
    ],
)
def test_a_header_that_cannot_be_read_says_why(text: str | bytes, message: str) -> None:
    assert read_header(text).failure().message == message
