"""Notes on prompts that may not mean what they say: names of files, empty pipes."""

from __future__ import annotations

import subprocess

import pytest
from commands import BIN, Home
from servers import ANSWER, plain, serving

FILES = ("a.txt", "b.txt", "test", "my mail.txt", "notes/a")


@pytest.fixture
def at_home(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Go to a folder with some files."""
    (home.folder / "notes").mkdir()
    for name in FILES:
        (home.folder / name).write_text(name)
    monkeypatch.chdir(home.folder)
    return home


@pytest.mark.parametrize(
    ("words", "note"),
    [
        (["a.txt"], "TEXT is the name of a file, and sent as text: to attach the file, use -f a."),
        (["test"], "to attach the file, use -f test"),
        (["my mail.txt"], "to attach the file, use -f 'my mail.txt'"),
        (["Summarise", "a.txt"], "a.txt is the name of a file, and sent as text: to attach it, us"),
        (["Summarise", "notes/a"], "to attach it, use -f notes/a"),
        (["Summarise", "my mail.txt"], "to attach it, use -f 'my mail.txt'"),
        (["Compare 'a.txt' with b.txt."], "a.txt and b.txt are names of files, and sent as text:"),
        (["Compare", "a.txt", "b.txt"], "to attach them, use -f a.txt -f b.txt"),
        (["-f", "a.txt", "b.txt", "Compare"], "to attach it too, use -f a.txt -f b.txt"),
        (["-f", "a.txt", "Compare", "b.txt"], "-f takes one file, and b.txt is sent as text: to"),
        (["-f", "a.txt", "What is in a.txt and not in b.txt?"], ""),
        (["-f", "a.txt", "Summarise", "a.txt"], ""),
        (["Write", "a", "test"], ""),
        (["What is in notes/?"], ""),
        (["nowhere.txt"], ""),
        (["Summarise nowhere.txt"], ""),
    ],
    ids=" ".join,
)
def test_a_file_name_as_text_draws_a_note(at_home: Home, words: list[str], note: str) -> None:
    with serving(ANSWER) as server:
        at_home.local(server.address)
        done, quiet = at_home.call(*words), at_home.call("-q", *words)
    assert (done.code, quiet.err) == (0, "") and note in done.err
    assert len(done.err.splitlines()) == bool(note)


def test_a_sentence_about_what_is_piped_in_draws_none(at_home: Home) -> None:
    with serving(ANSWER) as server:
        at_home.local(server.address)
        assert at_home.call("What does a.txt say?", stdin="a text").err == ""
        assert "use -f a.txt" in at_home.call("Compare", "with", "a.txt", stdin="a text").err


def test_so_it_is_for_texts_to_embed(at_home: Home) -> None:
    vectors = {"data": [{"index": 0, "embedding": [1, 2]}], "usage": {"prompt_tokens": 1}}
    with serving(plain(vectors)) as server:
        at_home.local(server.address, "type: embedding")
        done = at_home.call("a.txt", prog="loki-embed")
        stored = at_home.call("--into", "store", "a.txt", prog="loki-embed")
    note = "TEXT is the name of a file, and sent as text: to attach the file, use -f a.txt\n"
    assert (done.code, stored.code) == (0, 0)
    assert done.err == f"loki-embed: {note}" and note in stored.err


# ---- nothing on stdin ----------------------------------------------------------------------------

EMPTY = "loki-pipe: stdin is empty: only TEXT is sent (-n leaves stdin alone)\n"


def test_a_pipe_that_has_nothing_draws_a_note(home: Home) -> None:
    with serving(ANSWER) as server:
        home.local(server.address)
        shell = f"cat missing.txt 2>/dev/null | {BIN}/loki-pipe Summarise"
        done = subprocess.run(["sh", "-c", shell], env=home.variables(), capture_output=True)
    assert (done.returncode, done.stderr.decode()) == (0, EMPTY)


@pytest.mark.parametrize(
    ("words", "stdin", "note"),
    [
        (["Hi"], "", EMPTY),
        (["Hi"], None, ""),  # /dev/null, as services have it
        (["Hi"], "x", ""),
        (["-n", "Hi"], "", ""),
        (["-q", "Hi"], "", ""),
        (["--if-input", "Hi"], "", ""),
        (["--messages", '[{"role": "user", "content": "a"}]', "Hi"], "", ""),
    ],
)
def test_only_where_something_was_expected(
    home: Home, words: list[str], stdin: str | None, note: str
) -> None:
    with serving(ANSWER) as server:
        home.local(server.address)
        done = home.call(*words, stdin=stdin)
    assert (done.code, done.err) == (0, note)
