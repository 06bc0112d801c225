"""The records that travel: what one of them has of those it came from."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support import request

from loki.messages import Message
from loki.record import MANY
from loki.records import Ask


def test_a_request_knows_its_target() -> None:
    asked = request({"type": "openai"})
    assert asked.target is asked.draft.target
    assert asked.target.client.name == "openai"


@pytest.mark.parametrize("many", [1, MANY + 1], ids=["first", "compiled"])
def test_an_ask_takes_a_text_or_turns_and_always_holds_turns(many: int) -> None:
    turns = (Message("user", "Hi"),)
    for _ in range(many):
        asks = [Ask("Hi", model="m"), Ask(turns, model="m"), Ask([*turns], model="m")]
    assert [ask.messages for ask in asks] == [turns] * 3 and Ask().messages == ()
    assert replace(asks[0], messages="Bye").messages == (Message("user", "Bye"),)
