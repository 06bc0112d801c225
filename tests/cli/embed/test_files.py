"""loki-embed -f: the lines of files, or each as one text, with their places."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from commands import Done, Home
from embedding import answer, sent
from servers import Server, serving

from loki.cli.embed.files import records_in_files

FILES = {
    "a.txt": "one\ntwo\n",
    "b.txt": "\ufeffthree\r\n\nfive",
    "c.jsonl": '{"id":7,"text":"x"}\n',
}


def embed(home: Home, server: Server, *words: str, stdin: str = "") -> Done:
    """Run the command in a folder that has the files."""
    home.local(server.address, "type: embedding\ndefault_chunk_size: 9")
    for name, text in FILES.items():
        (home.folder / name).write_bytes(text.encode())
    before = Path.cwd()
    os.chdir(home.folder)
    try:
        return home.call(*words, prog="loki-embed", stdin=stdin)
    finally:
        os.chdir(before)


@pytest.mark.parametrize(
    ("words", "places", "texts"),
    [
        (["a.txt"], [("a.txt", 1), ("a.txt", 2)], ["one", "two"]),
        (["a.txt", "-f", "c.jsonl", "--jsonl"], None, None),
        (["c.jsonl", "--jsonl"], [("c.jsonl", 1)], ["x"]),
        (["a.txt", "--whole"], [("a.txt", 1)], ["one\ntwo"]),
        (["a.txt", "-0"], [("a.txt", 1)], ["one\ntwo\n"]),
        (
            ["a.txt", "b.txt", "--whole"],
            [("a.txt", 1), ("b.txt", 1)],
            ["one\ntwo", "three\r\n\nfive"],
        ),
    ],
)  # fmt: skip
def test_each_text_comes_with_its_file_and_line(
    home: Home, words: list[str], places: list[tuple[str, int]] | None, texts: list[str] | None
) -> None:
    with serving(answer) as server:
        done = embed(home, server, "-f", *words)
    if places is None:
        assert done.code == 65 and "a.txt:1:1:1: not JSON" in done.err
        return
    assert [(row["source"], row["line"]) for row in done.lines] == places and done.code == 0
    assert sent(server.asked) == texts
    assert [row["index"] for row in done.lines] == [*range(len(places))]


def test_a_wrong_line_is_named_by_its_place(home: Home) -> None:
    with serving(answer) as server:
        done = embed(home, server, "-f", "a.txt", "b.txt")
    problem: Any = done.lines[3]
    assert problem["error"]["message"] == "b.txt:2 is empty" and done.code == 65
    assert sent(server.asked) == ["one", "two", "three", "five"]


def test_a_piece_has_the_line_that_it_begins_in(home: Home) -> None:
    (home.folder / "long.txt").write_text(
        "First one of these.\n\nThen two of these, is it.\n\n\nLast three."
    )
    with serving(answer) as server:
        done = embed(home, server, "-f", "long.txt", "--whole", "--chunk")
    assert [(row["line"], row["text"]) for row in done.lines] == [
        (1, "First one of these."),
        (3, "Then two of these, is it."),
        (6, "Last three."),
    ]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["-f", "nowhere.txt"], 66, "missing: -f: no file nowhere.txt"),
        (["-f", "a.txt", "nowhere.txt"], 66, "missing: -f: no file nowhere.txt"),
        (["-f", "."], 65, "input: -f: cannot read .: is a directory"),
        (["-f", "a.txt/b"], 66, "missing: -f: cannot read a.txt/b: not a directory"),
        (["TEXT", "-f", "a.txt"], 64, "usage: -f names the texts, but TEXT is given as well"),
    ],
)
def test_what_cannot_be_read_is_said_before_anything_is_sent(
    home: Home, words: list[str], code: int, message: str
) -> None:
    with serving(answer) as server:
        done = embed(home, server, *words)
    assert (done.code, done.err.splitlines()[0]) == (code, f"loki-embed: {message}")
    assert not server.asked


@pytest.mark.parametrize(
    ("data", "words", "texts", "note"),
    [
        ("é\n☃\n".encode("utf-16"), [], ["é", "☃"], ""),
        (b"caf\xe9\nx\n", ["--encoding", "latin-1"], ["café", "x"], ""),
        (b"caf\xe9\nx\n", [], ["caf�", "x"], "in is not UTF-8 text: byte 3 is 0xe9"),
    ],
)
@pytest.mark.parametrize("is_file", [True, False])
def test_texts_are_decoded_as_their_mark_or_the_flag_says(
    home: Home, is_file: bool, data: bytes, words: list[str], texts: list[str], note: str
) -> None:
    (path := home.folder / "in").write_bytes(data)
    with serving(answer) as server:
        home.local(server.address, "type: embedding")
        named, stdin = (["-f", str(path)], b"") if is_file else ([], data)
        done = home.call(*words, *named, prog="loki-embed", stdin=stdin)
    assert done.code == 0 and sent(server.asked) == texts, done.err
    assert (note[2:] in done.err) if note else not done.err


def test_records_are_numbered_through_and_know_their_lines(tmp_path: Path) -> None:
    for name, data in (("a", b"1\n2\n"), ("b", b"x\ny\0z\0")):
        (tmp_path / name).write_bytes(data)
    paths = [str(tmp_path / "a"), str(tmp_path / "b")]
    found = [r for r in records_in_files(paths, b"\0", None, print).unwrap() if r]
    assert [(r.number, r.line, r.data) for r in found] == [
        (0, 1, b"1\n2\n"),
        (1, 1, b"x\ny"),
        (2, 2, b"z"),
    ]
