"""What goes along to Bedrock: by its bytes, under names that the provider takes."""

from __future__ import annotations

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loki.messages import Media, Message, Text
from loki.wire.bedrock.media import FORMS, draft_part, plain_name, with_distinct_names

DATA = base64.b64encode(b"abc").decode()


@pytest.mark.parametrize("media_type", FORMS)
def test_every_kind_goes_by_its_bytes_under_the_provider_s_word(media_type: str) -> None:
    kind, form = FORMS[media_type]
    drafted = draft_part(Media(media_type, b"abc", name="n")).unwrap()
    name = {"name": "n"} if kind == "document" else {}
    assert drafted == {kind: {"format": form, **name, "source": {"bytes": DATA}}}


def test_a_text_is_a_text() -> None:
    assert draft_part(Text("a")).unwrap() == {"text": "a"}


@pytest.mark.parametrize(
    ("media", "message"),
    [
        (
            Media("image/png", url="https://a.example/b.png"),
            "takes an image or a document itself, not its address: https://a.example/b.png",
        ),
        (Media("image/tiff", b"abc", name="a.tif"), "takes no image/tiff (a.tif)"),
        (Media("video/mp4", b"abc"), "takes no video/mp4 ()"),
    ],
)
def test_what_cannot_go_along_is_named(media: Media, message: str) -> None:
    problem = draft_part(media).failure()
    assert (problem.kind, problem.message) == ("usage", message)


NAMES = [("a.pdf", "a"), ("a_b--c.tar.gz", "a b--c tar"), ("", "document"), (".pdf", "document")]


@pytest.mark.parametrize(("name", "plain"), [*NAMES, ("x" * 300, "x" * 190), ("a  b.txt", "a b")])
def test_a_name_is_made_plain(name: str, plain: str) -> None:
    assert plain_name(name) == plain


@given(st.lists(st.text(max_size=6) | st.sampled_from(["a.pdf", "a.csv", "a (2)"]), max_size=6))
def test_no_two_documents_have_one_name_and_all_names_are_taken(names: list[str]) -> None:
    parts = tuple(Media("application/pdf", b"abc", name=name) for name in names)
    renamed = with_distinct_names([Message("user", (part,)) for part in parts])
    found = [part.name for each in renamed for part in each.parts if isinstance(part, Media)]
    assert len(found) == len(set(found)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9()\[\] -]{1,200}", name) for name in found)
    assert not any("  " in name for name in found)


def test_names_of_images_and_texts_stay() -> None:
    parts = (Media("image/png", b"abc", name="a_b.png"), Text("a_b.png"))
    assert with_distinct_names([Message("user", parts)])[0].parts == parts
