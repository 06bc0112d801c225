"""Lines of a journal that cannot be gone by are named, never skipped."""

from __future__ import annotations

import json
from typing import Any

import pytest

from loki.batch.api.journal import Journal, read_lines

PLAN: dict[str, Any] = {
    "plan": "a",
    "time": 1.0,
    "kind": "openai",
    "model": "openai:m",
    "account": "h",
    "n": 1,
    "hours": 24,
    "task": "chat",
    "bytes": 9,
    "worst": "0.1",
    "tag": "",
    "keeps": False,
}
SEEN: dict[str, Any] = {"seen": "a", "time": 2, "id": "b", "state": "completed", "is_final": True}

SOUND: list[Any] = [
    {"rows": "a", "items": [["k", None, 1], ["l", 7, 2]]},
    {"intent": "a", "time": 2.0},
    {"job": "a", "id": "b", "time": 2.0},
    {"job": "a", "id": "b", "found": True},
    {**SEEN, "files": ["f"], "bad_lines": [2], "done": None, "expires": 3.5},
    {"looked": "a", "time": 5},
    {"collected": "a", "time": 5, "rows": 1, "cost": "0.1", "again": ["k"]},
    {"dropped": "a", "why": "forgotten"},
    {"newer": 5},
]

UNSOUND: list[Any] = [
    {"plan": 5},
    {"plan": "b"},
    {**PLAN, "worst": "zz"},
    {**PLAN, "worst": "NaN"},
    {**PLAN, "task": "song"},
    {**PLAN, "task": []},
    {**PLAN, "time": None},
    {**PLAN, "n": "1"},
    {"rows": "a", "items": [[1, 2, 3]]},
    {"rows": "a", "items": [["k"]]},
    {"rows": "a"},
    {"rows": "nobody", "items": []},
    {"intent": "nobody", "time": 2},
    {"intent": "a"},
    {"intent": "a", "time": 10**400},
    {"intent": "a", "time": float("nan")},
    {"job": "nobody", "id": "b"},
    {"job": "a", "id": 5},
    {**SEEN, "files": "f"},
    {**SEEN, "is_final": None},
    {"collected": "a", "cost": "much"},
    {"collected": ["a"]},
    {"dropped": "a"},
]


def read(*lines: Any) -> int:
    """Read lines; return the number of the one that cannot be gone by."""
    found, _, bad = read_lines(json.dumps(line).encode() + b"\n" for line in lines)
    Journal(found)
    return bad


@pytest.mark.parametrize("line", SOUND, ids=str)
def test_lines_that_are_whole_are_read(line: Any) -> None:
    assert read(PLAN, line) == 0


@pytest.mark.parametrize("line", UNSOUND, ids=str)
def test_lines_that_are_not_are_named(line: Any) -> None:
    assert read(PLAN, line) == 2
