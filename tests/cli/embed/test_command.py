"""loki-embed as a shell sees it: a line for each text, in order, whatever happens to others."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from commands import Done, Home
from servers import Asked, Script, Server, plain, serving

import loki
from loki import Ask, Embeddings, open_env

EMBEDDING = "type: embedding"


def number(text: str) -> float:
    """What the server's model makes of a text: its first number, or its length."""
    found = re.search(r"\d+", text)
    return float(found[0]) if found else -len(text)


def answer(texts: Sequence[str], encoding: str | None = None) -> Script:
    """Vectors, the last first: their order is shown by their index."""
    rows = [{"index": i, "embedding": [number(text), 0.5]} for i, text in enumerate(texts)]
    if encoding == "base64":
        for row in rows:
            row["embedding"] = base64.b64encode(struct.pack("<2f", *row["embedding"])).decode()  # type: ignore[misc]
    tokens = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
    return plain({"data": rows[::-1], "usage": tokens})


def vectors(asked: Asked) -> Script:
    """An answer to what is asked."""
    return answer(asked.json["input"], asked.json.get("encoding_format"))


def refused(status: int, message: str, headers: str = "") -> Script:
    """An answer that is none."""
    return plain({"error": {"message": message}}, status, headers)


def embed(home: Home, server: Server, *words: str, stdin: bytes | str = "", **local: str) -> Done:
    """Run the command against a server."""
    local = {"model": EMBEDDING, **local}
    home.local(server.address, **local)
    return home.call(*words, stdin=stdin, prog="loki-embed")


def read_output(done: Done) -> list[Any]:
    """What each line says: a vector's first number, or a problem's message."""
    return [
        row["error"]["message"] if "error" in row else row["embedding"][0] for row in done.lines
    ]


def sizes(server: Server) -> list[int]:
    """How many texts each request had."""
    return [len(asked.json["input"]) for asked in server.asked]


# ---- what comes in -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "stdin", "expected"),
    [
        (["7", "and 8"], "", [7, 8]),
        ([], "1\n2\n3\n", [1, 2, 3]),
        ([], "1\n2", [1, 2]),
        (["-"], "1\n", [1]),
        ([], "\ufeff1\r\n2\r\n", [1, 2]),
        ([], "", []),
        (["-0"], "1\n1\0002\0", [1, 2]),
        (["--whole"], "1\n2\n", [1]),
        (["--jsonl"], '{"id": "a", "text": "1"}\n{"text": "2", "more": 3}\n', [1, 2]),
        ([], "1\n\n3\n", [1, "line 2 is empty", 3]),
        (["1", " ", "3"], "", [1, "TEXT 2 is empty", 3]),
        ([], b"1\n2\0\n3\n", [1, "line 2 has a NUL byte: texts that end with NUL need -0", 3]),
        (["--whole"], "", ["stdin is empty"]),
        (["--jsonl"], '\n{"text": "2"}\n', ["line 1 is empty", 2]),
        (["--jsonl"], '{"text": \n{"text": "2"}\n', ["line 1:1:10: not JSON: expecting value", 2]),
        (["--jsonl"], '["1"]\n{"text": "2"}\n', ['line 1 is not {"id": …, "text": "…"}', 2]),
        (["--jsonl"], '{"text": 1}\n{"text": "2"}\n', ['line 1 is not {"id": …, "text": "…"}', 2]),
    ],
)  # fmt: skip
def test_a_line_comes_out_for_each_text(
    home: Home, words: list[str], stdin: bytes | str, expected: list[Any]
) -> None:
    with serving(vectors) as server:
        done = embed(home, server, *words, stdin=stdin)
    assert read_output(done) == expected
    assert [row["index"] for row in done.lines] == [*range(len(expected))]
    bad = [each for each in expected if isinstance(each, str)]
    assert done.code == (65 if bad else 0)
    assert done.err.startswith("loki-embed: input: ") if bad else done.err == ""


def test_an_id_comes_back_as_it_was_given(home: Home) -> None:
    rows = [{"id": 7, "text": "1"}, {"id": ["x"], "text": "2"}, {"id": None}, {"text": "4"}]
    with serving(vectors) as server:
        done = embed(home, server, "--jsonl", stdin="\n".join(map(json.dumps, rows)))
    assert [row["id"] for row in done.lines] == [7, ["x"], None, None]
    assert [*map(list, done.lines[:2])] == [["id", "index", "embedding"]] * 2
    assert done.lines[2]["error"]["kind"] == "input"


def test_a_text_that_no_request_can_carry_is_alone_in_that(home: Home) -> None:
    rows = [json.dumps({"text": text}) for text in ("1", "\ud800 2", "3")]
    with serving(vectors) as server:
        done = embed(home, server, "--jsonl", stdin="\n".join(rows))
    assert done.code == 65 and [read_output(done)[0], read_output(done)[2]] == [1, 3]
    assert "Unicode" in read_output(done)[1] or "not JSON" in read_output(done)[1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--jsonl", "text"], "--jsonl is about stdin, but TEXT is given"),
        (["--jsonl", "-0"], "--jsonl and -0 contradict each other"),
        (["--dimensions", "x"], "--dimensions: 'x' is not a whole number"),
        (["-m", "local:chat", "text"], "a chat model, not an embedding model; known: local:m"),
    ],
)
def test_wrong_use_is_said_and_nothing_is_sent(home: Home, words: list[str], message: str) -> None:
    with serving(vectors) as server:
        path = home.local(server.address, EMBEDDING)
        home.configure(path.read_text() + "      - name: chat\n        type: chat\n")
        done = home.call(*words, prog="loki-embed")
    assert done.code == 64 and message in done.err and not server.asked


def test_without_text_and_with_a_terminal_it_does_not_hang(home: Home) -> None:
    home.local("http://127.0.0.1:1", EMBEDDING)
    parent, child = os.openpty()
    with home.start(prog="loki-embed", stdin=child) as process:
        _, err = process.communicate(timeout=20)
    os.close(parent)
    os.close(child)
    assert process.returncode == 64 and b"no text" in err


# ---- what is asked, and comes out ----------------------------------------------------------------


def test_dimensions_and_the_form_of_the_vectors_are_asked_for(home: Home) -> None:
    with serving(vectors) as server:
        done = embed(home, server, "--dimensions", "2", "-o", "base64", "3")
    assert server.asked[0].json == {
        "model": "m",
        "input": ["3"],
        "dimensions": 2,
        "encoding_format": "base64",
    }
    assert struct.unpack("<2f", base64.b64decode(done.lines[0]["embedding"])) == (3.0, 0.5)


def test_base64_is_float32_also_where_the_server_answers_in_numbers(home: Home) -> None:
    with serving(lambda asked: answer(asked.json["input"])) as server:
        done = embed(home, server, "-o", "base64", "3")
    assert base64.b64decode(done.lines[0]["embedding"]) == struct.pack("<2f", 3, 0.5)


def test_a_task_is_told_where_there_is_a_word_for_it(home: Home) -> None:
    with serving(vectors) as server:
        home.configure(
            "clients:\n  - type: openai-compatible\n    name: voyageai\n    api_key: k\n"
            f"    api_base: {server.address}\n"
        )
        done = home.call("-m", "voyageai:voyage-4", "--task", "query", "1", prog="loki-embed")
        assert (done.code, done.err) == (0, "")
        assert server.asked[0].json["input_type"] == "query"
        other = embed(home, server, "--task", "query", "1")
        quiet = embed(home, server, "--task", "query", "1", "-q")
    assert "--task makes no difference" in other.err and other.code == 0
    assert quiet.err == ""


def test_long_texts_are_cut_into_pieces_that_go_along(home: Home) -> None:
    long = "First 1 of all.\n\n" + "Then 2 of these, which is longer.\n\n" + "Last 3."
    stdin = json.dumps({"id": "x", "text": long}) + '\n{"id": "y", "text": "4"}\n'
    with serving(vectors) as server:
        done = embed(
            home,
            server,
            "--jsonl",
            "--chunk",
            stdin=stdin,
            model=f"{EMBEDDING}\ndefault_chunk_size: 20\nmax_tokens_per_chunk: 9",
        )
    heads = [[row[name] for name in ("id", "index", "chunk", "text")] for row in done.lines]
    assert heads == [
        ["x", 0, 0, "First 1 of all."],
        ["x", 0, 1, "Then 2 of these, which is longer."],
        ["x", 0, 2, "Last 3."],
        ["y", 1, 0, "4"],
    ]
    assert read_output(done) == [1, 2, 3, 4]


def test_a_text_over_the_model_s_limit_is_not_sent(home: Home) -> None:
    limits = f"{EMBEDDING}\nmax_input_tokens: 5"
    with serving(vectors) as server:
        done = embed(home, server, stdin=f"1\n{'word ' * 20}\n3\n", model=limits)
    assert done.code == 65 and [read_output(done)[0], read_output(done)[2]] == [1, 3]
    assert "about 25 tokens, m takes 5 (max_input_tokens)" in read_output(done)[1]
    assert sizes(server) == [2]


def test_the_first_request_can_be_looked_at(home: Home) -> None:
    with serving(vectors) as server:
        done = embed(home, server, "--dry-run", stdin="1\n2\n" * 500)
        explained = embed(home, server, "--dry-run=curl", "--explain", "5")
    assert not server.asked
    assert done.json["url"] == f"{server.address}/embeddings"
    assert done.json["body"]["input"] == ["1", "2"] * 32
    assert explained.out.startswith("curl ") and "model         local:m" in explained.err


def test_the_last_line_of_v_says_what_it_took(home: Home) -> None:
    with serving(vectors) as server:
        priced = f"{EMBEDDING}\ninput_price: 2"
        done = embed(home, server, "-v", stdin="1\n2\n\n" * 100, model=priced)
    last = done.err.splitlines()[-1]
    assert last.startswith("loki-embed: local:m · 200 texts · 200 tokens · $0.0004 · ")


@pytest.mark.parametrize(
    ("model", "code", "message"),
    [
        ("input_price: 1000000", 80, "could cost $65, over --max-cost $64"),
        ("", 80, "the price of local:m is unknown"),
    ],
)
def test_what_could_cost_more_than_allowed_is_not_sent(
    home: Home, model: str, code: int, message: str
) -> None:
    with serving(vectors) as server:
        done = embed(
            home, server, "--max-cost", "64", stdin="1\n" * 65, model=f"{EMBEDDING}\n{model}"
        )
    assert done.code == code and message in done.err
    assert sum(sizes(server)) == len(done.lines) == (64 if model else 0)


# ---- many ----------------------------------------------------------------------------------------

MANY = 5000


def test_thousands_of_lines_keep_their_order_and_take_few_requests(home: Home) -> None:
    def jittered(asked: Asked) -> Script:
        pause = 0.02 * (len(asked.body) * 7919 % 5)
        return [pause, *(vectors(asked) or [])]

    text = "".join(f"{i}\n" for i in range(MANY))
    with serving(jittered) as server:
        home.local(server.address, EMBEDDING)
        with home.start("-j", "8", prog="loki-embed", stdin=subprocess.PIPE) as process:
            out, err = process.communicate(text.encode(), timeout=60)
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["embedding"][0] for row in rows] == [*range(MANY)] and not err
    assert [row["index"] for row in rows] == [*range(MANY)]
    assert len(server.asked) == -(-MANY // 64)  # a 64th of one call for each line


def test_memory_does_not_grow_with_the_input(home: Home) -> None:
    wide = [0.001 * i for i in range(200)]

    def rows(asked: Asked) -> Script:
        return plain({"data": [{"embedding": wide} for _ in asked.json["input"]]})

    def peak(lines: int) -> int:
        """Most memory that a run took, in KiB."""
        (home.folder / "in").write_bytes(b"a line of text\n" * lines)
        with open(home.folder / "in", "rb") as given:
            return home.peak(prog="loki-embed", stdin=given)

    with serving(rows) as server:
        home.local(server.address, EMBEDDING)
        little, much = peak(640), peak(MANY)
    assert much < 100_000 and much - little < 15_000, (little, much)


def test_the_first_lines_come_out_before_the_last_go_in(home: Home) -> None:
    with serving(vectors) as server:
        home.local(server.address, EMBEDDING)
        with home.start(prog="loki-embed") as process:
            assert process.stdin and process.stdout
            impatient = threading.Timer(10, process.kill)
            impatient.start()
            process.stdin.write(b"1\n" * 70)
            process.stdin.flush()
            early = [json.loads(process.stdout.readline()) for _ in range(70)]
            impatient.cancel()
            process.stdin.write(b"2\n")
            process.stdin.close()
            late = process.stdout.read()
    assert len(early) == 70 and json.loads(late)["index"] == 70 and process.returncode == 0
    assert sizes(server) == [64, 6, 1]  # the six were not kept waiting for more


def test_long_lines_are_whole_also_without_a_buffer(home: Home) -> None:
    wide = [0.5 + i for i in range(5000)]

    def rows(asked: Asked) -> Script:
        return plain({"data": [{"embedding": wide} for _ in asked.json["input"]]})

    with serving(rows) as server:
        home.environ["PYTHONUNBUFFERED"] = "1"
        done = embed(home, server, stdin="1\n" * 100)
    assert [row["embedding"] for row in done.lines] == [wide] * 100


def test_a_reader_that_leaves_ends_the_run(home: Home) -> None:
    endless = [sys.executable, "-c", "while True: print(1)"]
    with serving(vectors) as server:
        home.local(server.address, EMBEDDING)
        with (
            subprocess.Popen(endless, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as source,
            home.start(prog="loki-embed", stdin=source.stdout) as process,
        ):
            assert source.stdout and process.stdout and process.stderr
            source.stdout.close()
            process.stdout.readline()
            process.stdout.close()
            assert process.wait(5) == 141 and not process.stderr.read()


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_run_at_once(home: Home, sign: int, code: int) -> None:
    with serving(lambda asked: [30.0]) as server:
        home.local(server.address, EMBEDDING)
        with home.start(prog="loki-embed", stdin=subprocess.PIPE) as process:
            assert process.stdin
            process.stdin.write(b"1\n" * 64)
            process.stdin.flush()
            while not server.asked:
                time.sleep(0.01)
            process.send_signal(sign)
            _, err = process.communicate(timeout=5)
    assert process.returncode == code and b"Traceback" not in err


# ---- what goes wrong -----------------------------------------------------------------------------


def rejecting(bad: Callable[[str], bool], asked: Asked) -> Script:
    """A server that takes no batch with a bad text in it."""
    texts = asked.json["input"]
    return refused(400, "some text is bad") if any(map(bad, texts)) else vectors(asked)


@pytest.mark.parametrize(
    "bad", [{0}, {63}, {31, 32}, {*range(10)}, {100}, {0, 1, 99}], ids=lambda bad: str(len(bad))
)
def test_a_bad_text_takes_no_other_with_it(home: Home, bad: set[int]) -> None:
    lines = [f"{i} {'bad' if i in bad else 'good'}" for i in range(101)]
    with serving(partial(rejecting, lambda text: "bad" in text)) as server:
        done = embed(home, server, stdin="\n".join(lines))
    assert read_output(done) == ["some text is bad" if i in bad else i for i in range(101)]
    assert done.code == 65
    first = f"line {min(bad) + 1}: some text is bad"
    assert f"no vector for {len(bad)} of 101 texts; the first: {first}" in done.err
    batches = [asked.json["input"] for asked in server.asked]
    many = [texts for texts in batches if len(texts) > 1]
    halved = [texts for texts in many if any("bad" in text for text in texts)]
    assert len(halved) <= 6 * len(bad)  # 64 texts are halved six times, however stdin came
    paid = [text for texts in many if texts not in halved for text in texts]
    assert len(paid) == len(set(paid))


def test_a_request_that_suits_no_text_is_not_tried_text_by_text(home: Home) -> None:
    with serving(lambda asked: refused(400, "no such dimensions")) as server:
        done = embed(home, server, stdin="1\n22\n333\n" * 1000)
    assert done.code == 65 and done.out == "" and "input: no such dimensions" in done.err
    assert len(server.asked) <= 3 * (2 * 4 + 4)  # of those read by then, not of 3,000


@pytest.mark.parametrize(
    ("script", "code", "kind"),
    [
        (refused(401, "bad key"), 77, "auth"),
        (refused(404, "no such model"), 78, "config"),
        (refused(402, "no money"), 81, "quota"),
        (refused(429, "later", "retry-after: 900\r\n"), 75, "busy"),
        (plain({"data": []}), 76, "garbled"),
        (plain({"data": [{"embedding": None}] * 64}), 76, "garbled"),
        (plain(b"<html>"), 76, "garbled"),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else "",
)
def test_what_is_wrong_for_all_ends_the_run(
    home: Home, script: Script, code: int, kind: str
) -> None:
    with serving(vectors, vectors, script) as server:
        done = embed(home, server, "-j", "1", stdin="".join(f"{i}\n" for i in range(640)))
    assert done.code == code and done.err.startswith(f"loki-embed: {kind}: ")
    assert read_output(done) == [*range(128)]
    assert len(server.asked) <= 5


def test_a_busy_server_is_asked_again(home: Home) -> None:
    busy = refused(429, "wait", "retry-after-ms: 20\r\n")
    with serving(vectors, busy, vectors, busy, vectors) as server:
        done = embed(home, server, stdin="".join(f"{i}\n" for i in range(200)))
    assert done.code == 0 and read_output(done) == [*range(200)]


def test_nobody_there_is_said_once(home: Home) -> None:
    home.local("http://127.0.0.1:9", EMBEDDING)
    done = home.call("--retries", "0", stdin="1\n" * 640, prog="loki-embed")
    assert done.code == 69 and done.err.startswith("loki-embed: offline: ")
    assert json.loads(done.err.splitlines()[1])["kind"] == "offline" and not done.out


def test_from_python(home: Home) -> None:
    with serving(vectors) as server:
        path = home.local(server.address, f"{EMBEDDING}\ninput_price: 2")
        env = open_env(str(path), home.variables()).unwrap()
        texts = tuple(map(str, range(300)))
        found: Embeddings = loki.embed(env, Ask(model="local:m", texts=texts)).unwrap()
    assert [vector[0] for vector in found.vectors] == [*range(300)]
    assert found.usage.input == 300 and found.cost == Decimal("0.0006")
    assert sizes(server) == [256, 44]
