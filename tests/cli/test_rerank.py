"""loki-rerank as a shell sees it: what it asks, prints, and ends with."""

from __future__ import annotations

import json
import os
import pty
import shlex
import subprocess
import threading
import time
from typing import Any

import pytest
from commands import BIN, Home, with_environ
from servers import Asked, Script, plain, serving

RERANKER = "type: reranker"
NOTES = "one\r\n\nthree three\nfour\nzwölf\n  \nfive".encode()


def longest_first(asked: Asked) -> Script:
    """A reranker that likes long documents."""
    body = asked.json
    rows = [
        {"index": place, "relevance_score": len(text) / 10}
        for place, text in enumerate(body["documents"])
    ]
    best = sorted(rows, key=lambda row: -row["relevance_score"])[: body.get("top_n")]
    return plain({"results": best, "usage": {"total_tokens": 7}})


def ranked(home: Home, *words: str, stdin: bytes = NOTES, model: str = "") -> tuple[Any, bytes]:
    """What a reranker was asked, and what the command said."""
    with serving(longest_first) as server:
        home.local(server.address, f"{RERANKER}\n{model}")
        with home.start(*words, prog="loki-rerank") as process:
            out, err = process.communicate(stdin, timeout=60)
    assert (process.returncode, err) == (0, b"")
    return server.asked[-1].json, out


# ---- documents in, documents out ---------------------------------------------------------------


def test_documents_come_back_best_first_and_byte_for_byte(home: Home) -> None:
    asked, out = ranked(home, "how", "long?")
    assert out == "three three\nzwölf\nfour\nfive\none\r\n".encode()
    assert asked == {
        "model": "m",
        "query": "how long?",
        "documents": ["one", "three three", "four", "zwölf", "five"],
    }


@pytest.mark.parametrize(
    ("words", "stdin", "out"),
    [
        (["--top", "2"], NOTES, "three three\nzwölf\n".encode()),
        (["--top", "99"], b"a\nbb\n", b"bb\na\n"),
        (["--", "-q"], b"a\nbb\n", b"bb\na\n"),
        (["-0"], b"a\0b\nb\0", b"b\nb\0a\0"),
        (["-0"], b"a\0\0b\r", b"b\r\0a\0"),
        ([], b"\xef\xbb\xbfa\nbb\n", b"bb\n\xef\xbb\xbfa\n"),
        ([], "a\u2028b\x85c\nd\n".encode(), "a\u2028b\x85c\nd\n".encode()),
        (["--jsonl"], b'{"id":1,"text":"x\\ny"}\n\n{"text":"long"}\n', b"long\nx\ny\n"),
    ],
)
def test_forms_of_documents(home: Home, words: list[str], stdin: bytes, out: bytes) -> None:
    assert ranked(home, "q", *words, stdin=stdin)[1] == out


@pytest.mark.parametrize(
    ("words", "data", "sent", "out", "note"),
    [
        ([], "é\nlong".encode("utf-16"), ["é", "long"], "long\né\n".encode(), ""),
        (["--encoding", "latin-1"], b"\xe9\nlong", ["é", "long"], "long\né\n".encode(), ""),
        ([], b"\xe9\nlong", ["�", "long"], b"long\n\xe9\n", "stdin is not UTF-8 text: byte 0"),
    ],
)
def test_documents_are_decoded_as_their_mark_or_the_flag_says(
    home: Home, words: list[str], data: bytes, sent: list[str], out: bytes, note: str
) -> None:
    """Those that are in no encoding of ours are printed as they came."""
    with serving(longest_first) as server:
        home.local(server.address, RERANKER)
        with home.start("q", *words, prog="loki-rerank") as process:
            printed, err = process.communicate(data, timeout=60)
    assert (server.asked[0].json["documents"], printed) == (sent, out), err
    assert note in err.decode() and bool(err) == bool(note)


def test_documents_alike_keep_their_order(home: Home) -> None:
    given = b"".join(b"%d%d\n" % (i % 10, i % 7) for i in range(50))
    assert ranked(home, "q", stdin=given)[1] == given


@pytest.mark.parametrize(
    ("words", "stdin", "rows"),
    [
        (
            ["--top", "2"],
            NOTES,
            [
                {"index": 2, "id": None, "score": 1.1, "document": "three three"},
                {"index": 4, "id": None, "score": 0.5, "document": "zwölf"},
            ],
        ),
        (
            ["--jsonl"],
            b'{"id":{"a":1},"text":"x","more":0}\r\n\n{"id":"b","text":"yy"}',
            [
                {"index": 2, "id": "b", "score": 0.2, "document": "yy"},
                {"index": 0, "id": {"a": 1}, "score": 0.1, "document": "x"},
            ],
        ),
        (["-0"], b"\xef\xbb\xbfa\r\0", [{"index": 0, "id": None, "score": 0.2, "document": "a\r"}]),
    ],
)
def test_json_lines_say_index_and_score(
    home: Home, words: list[str], stdin: bytes, rows: list[Any]
) -> None:
    out = ranked(home, "q", "-o", "json", *words, stdin=stdin)[1]
    assert [json.loads(line) for line in out.decode().splitlines()] == rows


def test_many_documents_take_several_requests(home: Home) -> None:
    given = [f"{'x' * (i * 7 % 11)}{i}" for i in range(11)]
    with serving(longest_first) as server:
        home.local(server.address, f"{RERANKER}\nmax_batch_size: 4\ninput_price: 1")
        done = home.call("q", "--top", "5", "-v", stdin="\n".join(given), prog="loki-rerank")
    assert done.out.split() == sorted(given, key=len, reverse=True)[:5]
    assert [len(asked.json["documents"]) for asked in server.asked] == [4, 4, 3]
    assert [asked.json["top_n"] for asked in server.asked] == [4, 4, 3]
    assert done.err.startswith("loki-rerank: local:m · 5 documents · 21 tokens · $0.000021 · ")


# ---- a filter among filters --------------------------------------------------------------------


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_leaves_ends_it_quietly(home: Home, unbuffered: str) -> None:
    home.environ["PYTHONUNBUFFERED"] = unbuffered
    given = b"".join(b"%060d\n" % i for i in range(20_000))  # more than a pipe holds
    with serving(longest_first) as server:
        home.local(server.address, RERANKER)
        with home.start("q", prog="loki-rerank") as process:
            assert process.stdin and process.stdout and process.stderr
            process.stdin.write(given)
            process.stdin.close()
            assert process.stdout.readline() == b"%060d\n" % 0
            process.stdout.close()
            assert (process.wait(60), process.stderr.read()) == (141, b"")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_slow_reader_gets_all_of_it(home: Home, unbuffered: str) -> None:
    home.environ["PYTHONUNBUFFERED"] = unbuffered
    given = b"".join(b"%060d\n" % i for i in range(20_000))
    assert ranked(home, "q", stdin=given)[1] == given


def test_it_stands_in_a_pipe(home: Home) -> None:
    (home.folder / "notes.txt").write_bytes(NOTES)
    command = shlex.quote(str(BIN / "loki-rerank"))
    line = f"cat notes.txt | {command} -m cohere:rerank-v3.5 query --top 5 | head -1"
    with serving(longest_first) as server:
        known = {"LOKI_PLATFORM": "cohere", "COHERE_API_KEY": "k"}
        environ = {**known, "COHERE_API_BASE": server.address}
        done = subprocess.run(
            ["bash", "-c", f'{line}; echo "${{PIPESTATUS[@]}}"'],
            env=with_environ(home, environ).variables(),
            cwd=home.folder,
            capture_output=True,
            timeout=60,
        )
    first, codes, _ = done.stdout.split(b"\n")
    assert first == b"three three" and done.stderr == b""
    assert codes in (b"0 0 0", b"0 141 0")  # whether it had finished when its reader left
    assert server.asked[0].line == "POST /rerank HTTP/1.1"
    assert server.asked[0].headers["authorization"] == "Bearer k"


# ---- what it cannot do -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "stdin", "code", "message"),
    [
        ([], b"a\n", 64, "usage: no query: give the text that the documents are ranked by"),
        ([" "], b"a\n", 64, "usage: no query: give the text that the documents are ranked by"),
        (["q", "--jsonl", "-0"], b"a\n", 64, "usage: --jsonl and -0 contradict each other"),
        (["q", "--top", "0"], b"a\n", 64, "usage: --top 0 would leave nothing: give 1 or more"),
        (["q"], b"", 65, "input: stdin has no documents"),
        (["q"], b"\n \r\n\n", 65, "input: stdin has no documents"),
        (["q", "--jsonl"], b'{"text":""}', 65, "input: stdin has no documents"),
        (
            ["q"],
            b"a\nb\0c\0",
            65,
            "input: line 2 has a NUL byte: texts that end with NUL need -0",
        ),
        (["q", "--jsonl"], b'\n{"id":1}\n', 65, 'input: line 2 is not {"id": …, "text": "…"}'),
        (["q", "--jsonl"], b'{"text":1}\n', 65, 'input: line 1 is not {"id": …, "text": "…"}'),
        (["q", "--jsonl"], b"[]\nx\n", 65, 'input: line 1 is not {"id": …, "text": "…"}'),
        (["q", "--jsonl"], b'{"text":"a"}\n{"text":}', 65, "input: line 2:1:9: not JSON: "),
        (["q", "--jsonl"], b'{"text":"\\ud800"}', 65, "input: the prompt is not valid Unicode: "),
        (
            ["q", "-m", "local:talk"],
            b"a\n",
            64,
            "usage: local:talk is a chat model, not a reranker",
        ),
        (
            ["q", "-m", "openai:m"],
            b"a\n",
            64,
            "usage: openai clients cannot rerank; those that can: openai-compatible, azure",
        ),
        (["q", "-m", "nobody:m"], b"a\n", 78, "config: no client named 'nobody'"),
        (["q", "--max-cost", "1"], b"a\n", 80, "budget: --max-cost: nobody knows local:m's "),
    ],
)
def test_what_cannot_be_ranked_is_said_before_sending(
    home: Home, words: list[str], stdin: bytes, code: int, message: str
) -> None:
    with serving(longest_first) as server:
        home.configure(
            f"model: local:m\nclients:\n"
            f"  - {{type: openai-compatible, name: local, api_base: '{server.address}',"
            f" models: [{{name: m, type: reranker}}, {{name: talk}}]}}\n"
            f"  - {{type: openai, api_key: k, models: [{{name: m, type: reranker}}]}}\n"
        )
        done = home.call(*words, stdin=stdin, prog="loki-rerank")
    assert (done.code, done.out) == (code, "") and not server.asked
    assert done.err.startswith(f"loki-rerank: {message}") and done.err.count("\n") == 1


@pytest.mark.parametrize("stdin", ["a terminal", "closed"])
def test_without_documents_it_does_not_wait(home: Home, stdin: str) -> None:
    home.local("http://127.0.0.1:1", RERANKER)
    ours, theirs = pty.openpty()
    close = {"preexec_fn": lambda: os.close(0)} if stdin == "closed" else {}
    began = time.monotonic()
    with home.start("q", prog="loki-rerank", stdin=theirs, **close) as process:
        os.close(theirs)
        alarm = threading.Timer(15, process.kill)
        alarm.start()
        out, err = process.communicate()
        alarm.cancel()
    os.close(ours)
    assert (process.returncode, out) == (64, b"") and time.monotonic() - began < 10
    assert err == b"loki-rerank: usage: no documents: pipe them in, one a line\n"


@pytest.mark.parametrize(
    ("answer", "code", "message"),
    [
        (plain({"error": {"message": "Bad key."}}, 401), 77, "auth: Bad key; client 'local' (401)"),
        (plain({"detail": "No such model."}, 404), 78, "config: No such model. (404)"),
        (plain({"message": "Slow down."}, 429), 75, "busy: Slow down. (429)"),
        (plain({"results": []}), 76, "garbled: scores for 0 of 5 texts, where 5 are due"),
        (
            plain({"results": [{"index": 9, "relevance_score": 1}]}),
            76,
            "garbled: scores for [9], but 5 texts were sent",
        ),
        (plain({"object": "list"}), 76, 'garbled: not a ranking: {"object": "list"}'),
        (plain(b"<html>"), 76, "garbled: the answer is not JSON: <html>"),
    ],
)
def test_an_answer_that_is_none_prints_nothing(
    home: Home, answer: Script, code: int, message: str
) -> None:
    with serving(answer) as server:
        home.local(server.address, RERANKER)
        done = home.call("q", "-o", "json", "--retries", "0", stdin=NOTES, prog="loki-rerank")
    line, result = done.err.splitlines()
    assert (done.code, done.out, line) == (code, "", f"loki-rerank: {message}")
    assert json.loads(result)["sent"] is True


# ---- looking -----------------------------------------------------------------------------------


def test_a_dry_run_shows_every_request_and_sends_none(home: Home) -> None:
    with serving(longest_first) as server:
        home.local(server.address, f"{RERANKER}\nmax_batch_size: 3", "api_key: sk-secret")
        done = home.call("q", "--dry-run", "--explain", stdin=NOTES, prog="loki-rerank")
        curl = home.call("q", "--dry-run=curl", stdin=NOTES, prog="loki-rerank")
    assert not server.asked and done.code == curl.code == 0
    assert "sk-secret" not in done.out + done.err + curl.out
    first, second = (json.loads(f"{{{each}") for each in f"\n{done.out}".split("\n{")[1:])
    assert first["url"] == f"{server.address}/rerank"
    assert first["headers"]["Authorization"] == "Bearer ***"
    assert first["body"]["documents"] + second["body"]["documents"] == [
        "one",
        "three three",
        "four",
        "zwölf",
        "five",
    ]
    assert "local:m (the only client; models of client local)" in done.err
    assert curl.out.count("curl http") == 2


def test_a_dry_run_hides_a_configured_key_among_the_documents(home: Home) -> None:
    home.local("http://127.0.0.1:9", RERANKER, client="api_key: sk-very-secret-0123")
    text = "a sk-very-secret-0123\nb"
    done = home.call("q", "--dry-run", stdin=text, prog="loki-rerank")
    assert done.json["body"]["documents"] == ["a ***", "b"]


def test_a_dry_run_needs_a_model_too(home: Home) -> None:
    home.local("http://127.0.0.1:1")  # which has a chat model only
    done = home.call("q", "-m", "local:m", "--dry-run", stdin="a", prog="loki-rerank")
    assert (done.code, done.out) == (64, "")
    assert done.err == (
        "loki-rerank: usage: local:m is a chat model, not a reranker model; "
        "if it is one, set `type: reranker`\n"
    )


@pytest.mark.parametrize(("most", "code"), [("0.004", 0), ("0.0039", 80)])
def test_what_could_cost_more_is_not_sent(home: Home, most: str, code: int) -> None:
    with serving(longest_first) as server:
        known = {"LOKI_PLATFORM": "cohere", "COHERE_API_KEY": "k"}
        rich = with_environ(home, {**known, "COHERE_API_BASE": server.address})
        words = ["q", "-m", "cohere:rerank-v3.5", "--max-cost", most]
        done = rich.run(*words, stdin="a\n" * 101, prog="loki-rerank")  # two searches
    assert done.code == code and len(server.asked) == (code == 0)


def test_a_patch_reaches_the_request(home: Home) -> None:
    asked, out = ranked(home, "q", "--patch", '{"body": {"top_n": 1, "truncate": true}}')
    assert asked["top_n"] == 1 and asked["truncate"] is True
    assert out == b"three three\n"
