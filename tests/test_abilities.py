"""What is taken of a model of which nothing is known."""

from __future__ import annotations

from dataclasses import fields

from loki.abilities import Abilities, ReasoningSupport


def test_of_a_model_that_nobody_knows_nothing_is_denied_and_nothing_claimed() -> None:
    unknown = Abilities()
    names = [each.name for each in fields(Abilities) if each.name != "reasoning"]
    assert names and all(getattr(unknown, name) is None for name in names)


def test_it_is_asked_to_think_as_its_server_does() -> None:
    support = ReasoningSupport()
    assert (support.by, support.off, support.tokens) == ("", "none", None)
    assert support.efforts == ("low", "medium", "high")
