"""loki-search as a shell sees it: the nearest lines, in order, and why there are none."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from commands import Done, Home
from embedding import answer
from servers import Server, plain, serving

TEXTS = [
    {"id": "a", "text": "a bicycle has two wheels", "lang": "en"},
    {"id": "b", "text": "bread needs flour and water"},
    {"id": "c", "text": "the moon has no air"},
]


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(answer) as server:
        yield server


@pytest.fixture
def notes(home: Home, server: Server) -> Home:
    """A home with a store that has the texts."""
    home.local(server.address, "type: embedding")
    stdin = "".join(json.dumps(each) + "\n" for each in TEXTS)
    words = ["--jsonl", "--into", str(home.folder / "notes")]
    assert home.call(*words, stdin=stdin, prog="loki-embed").code == 0
    server.asked.clear()
    return home


def search(home: Home, *words: str, stdin: str | bytes = "") -> Done:
    """Search the notes."""
    return home.call(str(home.folder / "notes"), *words, stdin=stdin, prog="loki-search")


# ---- finding -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "stdin", "expected"),
    [
        (["bread and water", "--top", "1"], "", "bread needs flour and water\n"),
        (["bread", "and", "water", "--top", "1"], "", "bread needs flour and water\n"),
        (["the moon", "--top", "1", "-0"], "", "the moon has no air\0"),
        (["the moon", "--min-score", "0.99"], "", ""),
        (["the moon", "--min-score", "-1", "--top", "1"], "", "the moon has no air\n"),
        (["--min-score", "-.5", "--top", "1", "the moon"], "", "the moon has no air\n"),
        (["--top", "1"], "the moon\n\nwheels\n", "the moon has no air\na bicycle has two wheels\n"),
        (["--top", "1", "-0"], "the\nmoon\0", "the moon has no air\0"),
        ([], "", ""),
    ],
)  # fmt: skip
def test_the_nearest_texts_are_printed_best_first(
    notes: Home, words: list[str], stdin: str, expected: str
) -> None:
    done = search(notes, *words, stdin=stdin)
    assert (done.code, done.out, done.err) == (0, expected, "")


def test_all_are_printed_where_there_are_fewer_than_ten(notes: Home) -> None:
    done = search(notes, "water and bread")
    assert sorted(done.out.splitlines()) == sorted(each["text"] for each in TEXTS)
    assert done.out.startswith("bread ")


def test_json_says_where_a_text_came_from_and_what_was_kept(notes: Home) -> None:
    done = search(notes, "two wheels", "-o", "json", "--top", "1")
    score = done.json.pop("score")
    assert 0.6 < score < 0.7
    expected = {"id": "a", "source": None, "line": 1, "text": TEXTS[0]["text"], "lang": "en"}
    assert {**done.json, "score": None} == {**expected, "score": None}
    many = search(notes, "-o", "json", "--top", "1", stdin="moon\nflour\n")
    assert [(row["query"], row["id"]) for row in many.lines] == [("moon", "c"), ("flour", "b")]


def test_queries_on_stdin_go_in_one_request_as_queries(notes: Home, server: Server) -> None:
    search(notes, stdin="moon\nflour\n")
    assert [each.json for each in server.asked] == [
        {"model": "m", "input": ["moon", "flour"], "encoding_format": "base64"}
    ]


def test_info_says_what_a_store_holds(notes: Home, server: Server) -> None:
    facts = dict(line.split(None, 1) for line in search(notes, "--info").out.splitlines())
    assert list(facts) == [
        *("store", "model", "dimensions", "task", "patched", "texts", "bytes", "made", "changed")
    ]
    assert facts["model"] == "local:m" and facts["dimensions"] == "64" and facts["texts"] == "3"
    assert search(notes, "--info", "-o", "json").json["texts"] == 3 and not server.asked


def test_the_request_can_be_looked_at(notes: Home, server: Server) -> None:
    done = search(notes, "moon", "--dry-run", "--explain")
    assert done.json["body"]["input"] == ["moon"] and "local:m" in done.err
    assert not server.asked


def test_the_last_line_of_v_says_what_the_queries_took(notes: Home) -> None:
    done = search(notes, "-v", stdin="moon\nflour\n")
    assert done.err.startswith("loki-search: local:m · 2 texts · 2 tokens · cost unknown · ")


@pytest.mark.parametrize(("allowed", "code"), [("5", 0), ("1", 80)])
def test_max_cost_is_for_all_queries(notes: Home, allowed: str, code: int) -> None:
    path = notes.folder / "config.yaml"
    path.write_text(path.read_text() + "        input_price: 1000000\n")
    assert search(notes, "--max-cost", allowed, stdin="moon\nsun\n").code == code


# ---- what goes wrong -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], 64, "usage: no store: name the folder that loki-embed --into made"),
        (["nowhere", "x"], 66, "missing: no store nowhere: loki-embed --into nowhere makes one"),
        (["NOTES", ""], 64, "usage: QUERY is empty: say what to look for"),
        (["NOTES", "x", "--top", "0"], 64, "usage: --top 0 would leave nothing: give 1 or more"),
        (
            ["NOTES", "x", "--top", "-1"],
            64,
            "usage: argument --top: '-1' is not a whole number (see loki-search --help)",
        ),
        (["NOTES", "x", "--info"], 64, "usage: --info takes no QUERY: 'x'"),
        (
            ["NOTES/texts.lance", "x"],
            65,
            "input: NOTES/texts.lance is not a store: the folder has other files, name another",
        ),
        (["NOTES", "x", "-m", "nobody:m"], 78, "config: no client named 'nobody'; known: local"),
        (
            ["NOTES", "word " * 99],
            65,
            "input: the query has about 124 tokens, m takes 20 (max_input_tokens): "
            "ask more briefly",
        ),
    ],
)  # fmt: skip
def test_wrong_use_is_said_in_one_line_and_nothing_is_sent(
    notes: Home, server: Server, words: list[str], code: int, message: str
) -> None:
    path = notes.folder / "config.yaml"
    path.write_text(path.read_text() + "        max_input_tokens: 20\n")
    named = [word.replace("NOTES", str(notes.folder / "notes")) for word in words]
    done = notes.call(*named, prog="loki-search")
    expected = message.replace("NOTES", str(notes.folder / "notes"))
    assert (done.code, done.err) == (code, f"loki-search: {expected}\n") and not server.asked


def test_with_json_a_problem_is_json_as_well(home: Home) -> None:
    home.local("http://127.0.0.1:1", "type: embedding")
    done = home.call("nowhere", "x", "-o", "json", prog="loki-search")
    assert json.loads(done.err.splitlines()[-1])["kind"] == "missing"


def test_a_query_whose_vector_is_all_zeros_draws_a_note(notes: Home) -> None:
    zeros = {"data": [{"index": 0, "embedding": [0.0] * 64}], "usage": {"prompt_tokens": 1}}
    with serving(plain(zeros)) as server:
        notes.local(server.address, "type: embedding")
        done = search(notes, "moon")
    assert (done.code, done.out) == (0, "")
    assert done.err == "loki-search: the vector of 'moon' is all zeros: no text is near to it\n"


def test_a_query_that_is_no_text_ends_the_run(notes: Home) -> None:
    done = search(notes, "--top", "1", stdin=b"moon\nca\0f\n")
    assert done.code == 65 and "line 2 has a NUL byte" in done.err


@pytest.mark.parametrize(
    ("data", "words", "note"),
    [
        ("moon\n".encode("utf-16"), [], ""),
        ("moon\n".encode("utf-16-be"), ["--encoding", "utf-16-be"], ""),
        (b"moon\xe9\n", [], "stdin is not UTF-8 text: byte 4 is 0xe9; replaced by �"),
    ],
)
def test_queries_are_decoded_as_their_mark_or_the_flag_says(
    notes: Home, data: bytes, words: list[str], note: str
) -> None:
    done = search(notes, "--top", "1", *words, stdin=data)
    assert (done.code, len(done.out.splitlines())) == (0, 1) and note in done.err, done.err
    assert bool(done.err) == bool(note)


def test_a_server_without_the_model_is_said_with_the_store(notes: Home) -> None:
    with serving(plain({"error": {"code": "model_not_found", "message": "no"}}, 404)) as gone:
        notes.local(gone.address, "type: embedding")
        done = search(notes, "moon")
    assert done.code == 78 and "notes has vectors of local:m: " in done.err
