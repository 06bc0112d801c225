"""Passages and matches as they leave: flat, and best first."""

from __future__ import annotations

from loki import Match, Passage
from loki.retrieval.passages import match_json, rank_matches


def test_a_match_is_one_flat_object_with_our_names_first() -> None:
    passage = Passage("Hi", 7, "a.txt", 3, {"lang": "en", "text": "other", "id": 8})
    assert list(match_json(Match(0.5, passage)).items()) == [
        ("score", 0.5),
        ("id", 7),
        ("source", "a.txt"),
        ("line", 3),
        ("text", "Hi"),
        ("lang", "en"),
    ]


def test_matches_alike_keep_their_order_and_low_ones_go() -> None:
    found = [Match(score, Passage(text)) for score, text in ((0.5, "a"), (0.9, "b"), (0.5, "c"))]
    assert [match.text for match in rank_matches([*found, Match(-0.1, Passage("d"))], 0.0)] == [
        *("b", "a", "c")
    ]
    assert len(rank_matches([Match(-1.0, Passage("d"))], None)) == 1
