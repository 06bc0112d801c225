"""What a model can do, and how it is asked to think: data of its family, never of its wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from loki.record import record


@record
class ReasoningSupport:
    """How a model is asked to think; the defaults are for one of which nothing is known."""

    by: str = ""  # a row of its wire's table REASONING; "": as its server does; none: it cannot
    off: str | None = "none"  # the word that switches it off; "": by not asking; None: it cannot be
    efforts: tuple[str, ...] = ("low", "medium", "high")  # that it knows, the weakest first
    budgets: Mapping[str, int] = field(default_factory=dict)  # tokens, by effort
    tokens: bool | None = None  # takes a number of tokens as well; None: as its server does
    least: int = 1  # of those tokens
    encrypted: bool = True  # its thoughts come encrypted, to be sent back


@record
class Abilities:
    """What a model can do: True, False, or None where nobody knows."""

    vision: bool | None = None  # takes images
    pdf: bool | None = None
    audio: bool | None = None
    tools: bool | None = None
    forced_tools: bool | None = None  # can be made to call a tool
    schema: bool | None = None  # keeps to a JSON Schema
    schema_with_tools: bool | None = None  # in one request
    sampling: bool | None = None  # takes temperature and top_p
    reasoning: ReasoningSupport = ReasoningSupport()
