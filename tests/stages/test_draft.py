"""What a client cannot do is said with its name, whichever wire says it."""

from __future__ import annotations

from typing import Any

import pytest
from support import CLIENTS, target

from loki.messages import Media, Message
from loki.records import Ask
from loki.stages import draft

ODD = (Message("user", (Media("application/x-odd", b"data", name="film"),)),)


@pytest.mark.parametrize("client", CLIENTS.values(), ids=lambda client: str(client["type"]))
def test_a_refusal_names_the_client(client: dict[str, Any]) -> None:
    name = client.get("name", client["type"])
    problem = draft(target(client, Ask(ODD, model=f"{name}:m"))).failure()
    assert problem.kind == "usage" and not problem.sent
    assert name in problem.message and "application/x-odd" in problem.message
