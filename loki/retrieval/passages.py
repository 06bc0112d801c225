"""What goes into a store and what comes out: passages, matches, and the count of what was added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from decimal import Decimal

from loki.json_text import Json, JsonObject
from loki.record import record


@record
class Passage:
    """A text to find again, and where it came from."""

    text: str
    id: Json = None
    source: str | None = None  # the file that it stood in
    line: int | None = None  # of the source, from 1
    fields: JsonObject = field(default_factory=dict)  # what else is known of it


@record
class Match:
    """A passage of a store; ``score`` is the cosine similarity to a query, at most 1."""

    score: float
    passage: Passage

    @property
    def text(self) -> str:
        """Return the text that was found."""
        return self.passage.text


@record
class Stored:
    """How many texts were added to a store, and how many were there already."""

    model: str  # client:model
    added: int
    present: int
    cost: Decimal | None = None  # US dollars; None is unknown


def match_json(match: Match) -> JsonObject:
    """Return a match as one flat object; a kept field never replaces one of ours.

    >>> match_json(Match(0.5, Passage("Hi", fields={"lang": "en", "score": 9})))
    {'score': 0.5, 'id': None, 'source': None, 'line': None, 'text': 'Hi', 'lang': 'en'}
    """
    passage = match.passage
    own = {
        "score": match.score,
        "id": passage.id,
        "source": passage.source,
        "line": passage.line,
        "text": passage.text,
    }
    return {**own, **{name: value for name, value in passage.fields.items() if name not in own}}


def rank_matches(matches: Sequence[Match], min_score: float | None) -> tuple[Match, ...]:
    """Return matches by score, without those below the lowest that is wanted.

    >>> [m.score for m in rank_matches([Match(s, Passage("")) for s in (0.1, 0.9, 0.5)], 0.2)]
    [0.9, 0.5]
    """
    wanted = [match for match in matches if min_score is None or match.score >= min_score]
    return tuple(sorted(wanted, key=lambda match: -match.score))
