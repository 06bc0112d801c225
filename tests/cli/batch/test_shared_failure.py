"""What concerns one row is its error row; what concerns every row ends the run, each time alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from commands import Done, Home
from servers import Asked, Script, plain, reply, serving

from loki.batch.rows import InvalidRow, ReadyRow
from loki.cli.batch.shared_failure import SharedFailures
from loki.problems import Problem
from loki.records import Ask, Patch

PRICED = "input_price: 1\noutput_price: 2\nsupports_vision: false\nsupports_function_calling: false"
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
SEEN = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}]

#: What a row wants of its own, the flags, and the kind of its failure.
OWN: dict[str, tuple[dict[str, Any], list[str], str]] = {
    "tools": ({"tools": [TOOL]}, [], "usage"),
    "image": ({"messages": [{"role": "user", "content": SEEN}]}, [], "usage"),
    "price": ({"param": {"model": "other"}}, ["--max-cost", "1", "--max-tokens", "9"], "budget"),
    "client": ({"model": "nobody:x"}, [], "config"),
    "search": (
        {"param": {"web_search_options": {}}},
        ["--max-cost", "1", "--max-tokens", "9"],
        "budget",
    ),
}


def write(home: Home, rows: list[Any]) -> Path:
    """Write rows."""
    path = home.folder / "in"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def run(home: Home, *words: str) -> Done:
    """Run the rows."""
    path, out = home.folder / "in", home.folder / "out"
    return home.run("-m", "local:m", str(path), "-o", str(out), *words, prog="loki-batch")


def errors(home: Home) -> list[Any]:
    """The kind of each line's error, None of an answer, by their ids."""
    lines = [json.loads(line) for line in (home.folder / "out").read_text().splitlines()]
    return [
        line.get("error", {}).get("kind") for line in sorted(lines, key=lambda line: line["id"])
    ]


@pytest.mark.parametrize("place", [0, 2])
@pytest.mark.parametrize("name", OWN)
def test_a_row_that_cannot_be_asked_is_an_error_row_now_and_again(
    home: Home, name: str, place: int
) -> None:
    own, words, kind = OWN[name]
    rows = [{"id": n, "prompt": f"p{n}"} for n in range(3)]
    rows[place] = {"id": place, **({} if "messages" in own else {"prompt": "x"}), **own}
    write(home, rows)
    with serving(plain(reply())) as server:
        home.local(server.address, PRICED)
        first, again = run(home, *words, "-j", "1"), run(home, *words)
        asked = len(server.asked)
    assert (first.code, again.code) == (1, 1), first.err + again.err
    assert asked == 2 and errors(home) == [kind if n == place else None for n in range(3)]


def test_a_row_alone_that_cannot_be_asked_is_an_error_row(home: Home) -> None:
    write(home, [{"id": 0, "prompt": "x", "tools": [TOOL]}])
    home.local("http://127.0.0.1:9", PRICED)
    assert [run(home).code, run(home).code] == [1, 1] and errors(home) == ["usage"]


def test_a_row_under_a_budget_whose_price_nobody_knows_is_an_error_row(home: Home) -> None:
    write(home, [{"id": 0, "prompt": "x", "param": {"model": "o"}}, {"id": 1, "prompt": "y"}])
    with serving(plain(reply())) as server:
        path = home.local(server.address, PRICED)
        path.write_text("budget:\n  per_day: 5\n" + path.read_text())
        done = run(home)
    assert done.code == 1 and errors(home) == ["budget", None]


@pytest.mark.parametrize(
    ("words", "code"),
    [(["--tools", json.dumps([TOOL])], 64), (["--max-cost", "1"], 80)],
)
def test_flags_that_no_row_can_be_asked_with_end_the_run_each_time(
    home: Home, words: list[str], code: int
) -> None:
    write(home, [{"id": n, "prompt": "x"} for n in range(40)])
    home.local("http://127.0.0.1:9", PRICED)
    for _ in range(2):
        assert run(home, *words).code == code
    assert not (home.folder / "out").exists() or errors(home) == []


def test_a_model_that_the_provider_does_not_know_ends_a_run_that_has_no_answers(home: Home) -> None:
    def script(asked: Asked) -> Script:
        missing = {"error": {"message": "no such model", "code": "model_not_found"}}
        return plain(missing, 404) if b"p1" in asked.body else plain(reply())

    write(home, [{"id": n, "prompt": f"p{n}"} for n in range(3)])
    with serving(script) as server:
        home.local(server.address, PRICED)
        assert [run(home, "-j", "1").code, run(home).code] == [1, 1]
        assert errors(home) == [None, "config", None]
        write(home, [{"id": n, "prompt": f"p1{n}"} for n in range(40)])
        (home.folder / "out").unlink()
        assert run(home, "-j", "1").code == 78 and errors(home) == []


def ready(model: str = "m", patch: Patch | None = None) -> ReadyRow:
    """Return a row."""
    return ReadyRow(1, "a", "k", Ask("x", model=model), patch)


AUTH = Problem("auth", "No.", status=401)
DENIED = Problem("auth", "No.", status=403)
FULL = Problem("budget", "the budget is spent", code="budget")
PATCH = Patch(body={"a": 1})


@pytest.mark.parametrize(
    ("row", "problem", "is_all"),
    [
        (ready(), AUTH, True),
        (ready(patch=PATCH), AUTH, True),
        (ready("other"), AUTH, False),
        (ready(), DENIED, True),
        (ready(patch=PATCH), DENIED, False),
        (ready(patch=PATCH), FULL, True),
        (ready(patch=PATCH), Problem("budget", "no known price"), False),
        (ready(), Problem("input", "bad"), False),
        (ready(), Problem("usage", "cannot"), False),
        (ready("other"), Problem("usage", "expected"), True),
        (InvalidRow(1, "a", AUTH), AUTH, False),
    ],
)
def test_a_failure_concerns_all_that_ask_alike(row: Any, problem: Problem, is_all: bool) -> None:
    shared = SharedFailures("m", 1, Problem("usage", "expected"))
    assert shared.concerns_all(row, problem, False) is is_all


def test_nobody_is_there_where_only_rows_of_the_runs_model_say_so() -> None:
    shared, down = SharedFailures("m", 2), Problem("offline", "refused")
    assert not any(shared.concerns_all(ready("other"), down, False) for _ in range(50))
    no_file = InvalidRow(1, "a", down)  # an attachment that cannot be fetched is its row's own
    assert not any(shared.concerns_all(no_file, down, False) for _ in range(50))
    assert [shared.concerns_all(ready(), down, False) for _ in range(4)] == [False] * 3 + [True]
    shared.record_answer()
    assert not shared.concerns_all(ready(), down, True)
