"""2,000 notes, and 50 questions that share no word of content with the note that answers them."""

from __future__ import annotations

import json
import re
from itertools import product
from pathlib import Path

DATA = json.loads((Path(__file__).parent / "retrieval" / "notes.json").read_text())
#: Question, and the note that answers it.
QUESTIONS: list[tuple[str, str]] = [(row["question"], row["note"]) for row in DATA["questions"]]


def notes() -> list[str]:
    """All notes: the answers, each with others around it, which are of thirteen topics."""
    others = [
        f"{who[0].upper()}{who[1:]} {what}."
        for topic in DATA["others"].values()
        for who, what in product(topic["who"], topic["what"])
    ]
    step = len(others) // len(QUESTIONS)
    for place, (_, note) in reversed([*enumerate(QUESTIONS)]):
        others.insert(place * step, note)
    return others


#: Words that say nothing of what a text is about.
EMPTY = {
    *("a", "about", "above", "against", "an", "and", "are", "at", "before", "can", "do", "does"),
    *("for", "from", "get", "goes", "how", "i", "in", "is", "it", "me", "much", "my", "no", "of"),
    *("on", "over", "should", "the", "them", "then", "to", "up", "was", "way", "what", "when"),
    *("where", "which", "who", "why", "with", "without"),
}


def content_words(text: str) -> set[str]:
    """The words of a text that say what it is about, by their first five letters."""
    words = re.findall(r"[a-z]+", text.lower())
    return {word[:5] for word in words if word not in EMPTY and len(word) > 1}
