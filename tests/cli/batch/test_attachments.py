"""loki-batch: what rows attach is read beside the other rows, and once."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from commands import Done, Home
from servers import CLOSE, Asked, Script, Server, plain, reply, serving

PNG = b"\x89PNG\r\n\x1a\nx"
MODEL = "supports_vision: true\ninput_price: 1\noutput_price: 2"

#: The key of an earlier version, of the prompt "p" with that picture: it was made of its bytes.
OLD_KEY = "6d5e7739b1752c4fc35ece90"


def file(body: bytes) -> Script:
    """Return the script of a server that has a file."""
    head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    return [head.encode() + body, CLOSE]


def write(home: Home, *rows: Any) -> str:
    """Write an input; return its path."""
    path = home.folder / "in"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def batch(home: Home, model: Server, *words: str) -> Done:
    """Run the command."""
    home.local(model.address, MODEL)
    return home.run("-m", "local:m", *words, prog="loki-batch")


@pytest.mark.parametrize("words", [[], ["--ordered"], ["-j", "2"], ["--max-cost", "9"]])
def test_a_slow_attachment_holds_up_no_other_row(home: Home, words: list[str]) -> None:
    """It comes when all the others were asked; where they wait for it, it never does."""
    others, seen, is_free = 30, list[bytes](), threading.Event()

    def model(asked: Asked) -> Script:
        seen.append(asked.body)
        if len(seen) == others:
            is_free.set()
        return plain(reply("one"))

    def slow(asked: Asked) -> Script:
        return file(b"the notes") if is_free.wait(30) else None

    with serving(slow) as files, serving(model) as server:
        first = {"id": 0, "prompt": "p", "files": [f"{files.address}/notes"]}
        rows = write(home, first, *({"id": n, "prompt": f"p{n}"} for n in range(1, others + 1)))
        if "--ordered" in words:  # which holds back no more rows than twice those in flight
            words = [*words, "-j", "30"]
        done = batch(home, server, rows, "--max-tokens", "9", *words)
    assert done.code == 0 and sorted(row["id"] for row in done.lines) == [*range(others + 1)]
    assert b"the notes" in seen[-1] and not any(b"the notes" in each for each in seen[:-1])


@pytest.mark.parametrize("name", ["out", "out.csv"])
def test_a_row_that_was_answered_is_known_by_the_address_of_its_file(home: Home, name: str) -> None:
    """Neither is the file read again, nor the row asked."""
    with serving(file(PNG)) as files, serving(plain(reply("one"))) as model:
        url = f"{files.address}/a.png"
        rows = [{"id": "a"}, {}, {}]
        path = write(home, *({**row, "prompt": "p", "files": [url]} for row in rows))
        out = str(home.folder / name)
        for _ in range(2):
            done = batch(home, model, path, "-o", out)
            assert done.code == 0, done.err
        assert (len(files.asked), len(model.asked)) == (3, 3)
    assert "3 answered before" in done.err


@pytest.mark.parametrize("words", [[], ["--check"]])
def test_a_row_that_an_earlier_version_answered_is_known_by_what_its_file_holds(
    home: Home, words: list[str]
) -> None:
    out, summary = home.folder / "out", home.folder / "summary"
    ids = ["a", OLD_KEY, f"{OLD_KEY}:3"]
    old = [{"id": id, "line": n, "key": OLD_KEY, "text": "x"} for n, id in enumerate(ids, 1)]
    out.write_text("".join(json.dumps(line) + "\n" for line in old))
    with serving(file(PNG)) as files, serving(plain(reply("one"))) as model:
        url = f"{files.address}/a.png"
        rows = [{"id": "a"}, {}, {}, {"id": "new"}]
        path = write(home, *({**row, "prompt": "p", "files": [url]} for row in rows))
        more = words or ["--summary", str(summary)]
        done = batch(home, model, path, "-o", str(out), *more)
        assert done.code == 0 and "asked before with another" not in done.err, done.err
        assert len(model.asked) == (not words)
    if words:
        assert done.out.startswith("1 left") and "3 answered before" in done.out
        return
    found = json.loads(summary.read_text())
    assert (found["good"], found["skipped"], found["left"], found["ended"]) == (1, 3, 0, None)
    assert [json.loads(line)["id"] for line in out.read_text().splitlines()] == [*ids, "new"]


def test_local_files_are_known_by_what_they_hold(home: Home) -> None:
    """As ever: an earlier version's key holds, and a file that changed is a new row."""
    picture = home.folder / "a.png"
    picture.write_bytes(PNG)
    path, out = write(home, {"id": "a", "prompt": "p", "files": [str(picture)]}), "out"
    with serving(plain(reply("one"))) as model:
        words = [path, "-o", str(home.folder / out)]
        earlier = {"id": "a", "line": 1, "key": OLD_KEY, "model": "local:m", "text": "one"}
        (home.folder / out).write_text(json.dumps(earlier) + "\n")
        batch(home, model, *words)
        assert not model.asked
        picture.write_bytes(PNG + b"y")
        batch(home, model, *words)
    keys = [json.loads(line)["key"] for line in (home.folder / out).read_text().splitlines()]
    assert len({*keys}) == 2 and keys[0] == OLD_KEY and len(model.asked) == 1


def test_files_that_cannot_be_read_end_no_run(home: Home) -> None:
    """More of them than would end it if the model's server were not there."""
    with serving(None) as files, serving(plain(reply("one"))) as model:
        bad = ({"id": n, "prompt": "p", "files": [f"{files.address}/{n}"]} for n in range(8))
        path = write(home, *bad, {"id": "last", "prompt": "p"})
        done = batch(home, model, path, "--ordered", "-j", "2", "--keep")
    *failed, last = done.lines
    assert done.code == 1 and last["text"] == "one" and len(failed) == 8, done.err
    assert {row["error"]["kind"] for row in failed} == {"offline"}
    assert failed[3]["error"]["message"].startswith("line 4: --file: cannot fetch http://")
    assert failed[3]["error"]["sent"] is False and failed[3]["key"] and failed[3]["prompt"] == "p"


def test_words_to_be_embedded_may_stand_at_an_address(home: Home) -> None:
    vector = {"data": [{"index": 0, "embedding": [1.0]}], "usage": {"prompt_tokens": 9}}
    with serving(file(b"the notes")) as files, serving(plain(vector)) as model:
        home.local(model.address, "type: embedding\ninput_price: 1")
        path = write(home, {"id": "a", "prompt": "p", "files": [f"{files.address}/n"]})
        words = ["-m", "local:m", "--embed", path, "-o", str(home.folder / "out")]
        done = home.run(*words, prog="loki-batch")
        again = home.run(*words, prog="loki-batch")
        assert (done.code, again.code, len(model.asked)) == (0, 0, 1), done.err + again.err
    assert "the notes" in json.dumps(model.asked[0].json["input"])


def test_a_pipe_is_read_when_its_row_is_sent(home: Home) -> None:
    """It is written once the row after it was answered."""
    pipe, asked = home.folder / "pipe", threading.Event()
    os.mkfifo(pipe)

    def answer(request: Asked) -> Script:
        asked.set()
        return plain(reply("one"))

    def write_late() -> None:
        if asked.wait(30):
            pipe.write_text("piped words")

    path = write(home, {"id": 0, "prompt": "p", "files": [str(pipe)]}, {"id": 1, "prompt": "q"})
    threading.Thread(target=write_late, daemon=True).start()
    with serving(answer) as model:
        done = batch(home, model, path)
    assert done.code == 0 and "piped words" in model.asked[1].body.decode(), done.err


def test_a_run_that_ends_waits_for_no_attachment(home: Home) -> None:
    summary = home.folder / "summary"
    with serving([300.0]) as files, serving(plain(reply("one"))) as model:
        slow = {"id": 0, "prompt": "p", "files": [f"{files.address}/slow"]}
        path = write(home, slow, {"id": 1, "prompt": "q"})
        words = ["--max-time", "2", "--summary", str(summary)]
        done = batch(home, model, path, "-o", str(home.folder / "out"), *words)
    assert done.code == 75 and "ended early (--max-time)" in done.err, done.err
    assert json.loads(summary.read_text())["left"] == 1
    assert len(Path(home.folder / "out").read_text().splitlines()) == 1


def test_a_dry_run_shows_what_stands_at_an_address(home: Home) -> None:
    with serving(file(b"the notes")) as files, serving(plain(reply("one"))) as model:
        path = write(home, {"prompt": "p", "files": [f"{files.address}/n"]})
        done = batch(home, model, path, "--dry-run")
        assert done.code == 0 and "the notes" in done.out and not model.asked, done.err
