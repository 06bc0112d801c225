"""loki-batch: every row once, whatever happens in between."""

from __future__ import annotations

import csv
import json
import os
import pty
import random
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from bulk import Counting, bulk_server
from commands import Done, Home
from servers import Asked, Script, plain, reply, serving

from loki.batch.output_format import CsvTable
from loki.batch.row_key import ask_key
from loki.records import Ask


@pytest.fixture(scope="module")
def fast() -> Any:
    with bulk_server() as server:
        yield server


def at(home: Home, address: str) -> Home:
    """A home whose client is there, with a price: 20 dollars a million answers."""
    home.local(address, "input_price: 1\noutput_price: 2")
    return home


def write(path: Path, *lines: Any) -> Path:
    """Lines of JSON, or of text."""
    texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_text("".join(f"{text}\n" for text in texts))
    return path


def batch(home: Home, *words: str, **more: Any) -> Done:
    """The command."""
    return home.run("-m", "local:m", *words, prog="loki-batch", **more)


def read(path: Path) -> list[Any]:
    """The rows of an output."""
    return [json.loads(line) for line in path.read_text().splitlines()]


# ---- rows in -----------------------------------------------------------------------------------

HELLO = {"messages": [{"role": "user", "content": "Hello"}]}
FORMS: dict[str, tuple[list[str], list[Any], list[tuple[Any, str]]]] = {
    "prompts": ([], [{"id": "a", "prompt": "A"}, {"id": 7, "prompt": "B"}], [("a", "A"), (7, "B")]),
    "conversations": ([], [{"id": "a", **HELLO}], [("a", "Hello")]),
    "openai": (
        [],
        [{"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": HELLO}],
        [("a", "Hello")],
    ),
    "templates": (
        ["--template", "To {lang}: {text} {{}}"],
        [{"id": "a", "lang": "fr", "text": "Hi"}],
        [("a", "To fr: Hi {}")],
    ),
    "tables": (
        ["--csv", "--template", "{text}"],
        ["id,text", 'a,"two\nlines"', "b,x"],
        [("a", "two\nlines"), ("b", "x")],
    ),
}


@pytest.mark.parametrize("name", FORMS)
def test_rows_come_in_many_forms(home: Home, fast: Counting, name: str) -> None:
    words, lines, result = FORMS[name]
    path = write(home.folder / "in", *lines)
    done = batch(at(home, fast.address), str(path), "--ordered", *words)
    assert done.code == 0, done.err
    assert [(row["id"], row["text"]) for row in done.lines] == [
        (id, f"echo {prompt}") for id, prompt in result
    ]
    assert done.lines[0]["cost"] == 0.00002 and done.lines[0]["usage"]["input"] == 10


def test_lines_are_prompts_with_ids_of_their_own(home: Home, fast: Counting) -> None:
    done = batch(at(home, fast.address), "--lines", "--ordered", stdin="a\n\nb\na\n")
    assert [row["text"] for row in done.lines] == ["echo a", "echo b", "echo a"]
    ids = [row["id"] for row in done.lines]
    assert ids[0] == done.lines[0]["key"] and ids[2] == f"{ids[0]}:4"


def test_a_row_says_what_it_wants_otherwise(home: Home) -> None:
    with serving(plain(reply())) as server:
        row = {
            "id": "a",
            "prompt": "Hi",
            "model": "local:other",
            "system": "Be brief.",
            "temperature": 0.5,
            "max_tokens": 9,
        }
        home.configure(
            "clients:\n  - type: openai-compatible\n    name: local\n"
            f"    api_base: {server.address}\n"
        )
        path = write(home.folder / "in", row)
        assert batch(home, str(path), "--prompt", "Be long.", "-t", "1").code == 0
    sent = server.asked[0].json
    assert (sent["model"], sent["temperature"], sent["max_tokens"]) == ("other", 0.5, 9)
    assert sent["messages"][0] == {"role": "system", "content": "Be brief."}


def test_what_openais_format_has_beyond_ours_goes_along(home: Home) -> None:
    with serving(plain(reply())) as server:
        body = {**HELLO, "model": "gpt-x", "logit_bias": {"1": 2}, "max_completion_tokens": 3}
        home.configure(
            "clients:\n  - type: openai-compatible\n    name: local\n"
            f"    api_base: {server.address}\n"
        )
        path = write(home.folder / "in", {"custom_id": "a", "body": body})
        assert batch(home, str(path)).code == 0
    sent = server.asked[0].json
    assert sent["logit_bias"] == {"1": 2} and sent["model"] == "gpt-x" and sent["max_tokens"] == 3


WRONG = {
    "not-json": ("{", "line 2:1:2: not JSON"),
    "not-an-object": ("[1]", "line 2: expected an object"),
    "no-prompt": ('{"id": "x"}', "line 2: no prompt"),
    "empty": ('{"prompt": " "}', "line 2: no prompt: the text is empty"),
    "unknown": (
        '{"promt": "x"}',
        "line 2: unknown field 'promt'; did you mean 'prompt' or 'param'?",
    ),
    "kind": ('{"prompt": "x", "temperature": "hot"}', 'line 2: temperature: "hot" is not a number'),
    "system": ('{"prompt": "x", "system": 7}', "line 2: system: 7 is not a text"),
    "below": ('{"prompt": "x", "max_tokens": -1}', "line 2: max_tokens: -1 is not a whole number"),
    "role": ('{"messages": [{"role": "me"}]}', "line 2: messages: message 1: role is 'me'"),
    "schema": ('{"prompt": "x", "schema": 3}', "line 2: schema: expected a JSON Schema"),
    "file": ('{"prompt": "x", "files": ["/nowhere"]}', "line 2: --file: no file /nowhere"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_bad_line_is_a_row_that_names_it_and_the_rest_goes_on(
    home: Home, fast: Counting, name: str
) -> None:
    line, message = WRONG[name]
    path = write(home.folder / "in", {"prompt": "a"}, line, {"prompt": "b"})
    done = batch(at(home, fast.address), str(path), "--ordered")
    assert done.code == 1 and len(done.lines) == 3
    error = done.lines[1]["error"]
    assert error["message"].startswith(message) and error["sent"] is False
    assert [row["text"] for row in done.lines[::2]] == ["echo a", "echo b"]
    assert "2 answered · 1 failed" in done.err


MISUSED = {
    "two-inputs": (["a", "b"], 64, "one input at most: 'b'"),
    "no-file": (["/nowhere.jsonl"], 66, "no file /nowhere.jsonl"),
    "folder": (["/"], 65, "cannot read /: is a directory"),
    "no-folder": (["-o", "/nowhere/out"], 74, "cannot write /nowhere/out"),
    "device": (["-o", "/dev/full"], 74, "cannot write /dev/full: it is no regular file"),
    "proc": (["-o", "/proc/x"], 74, "cannot write /proc/x"),
    "fallback": (["--fallback", "zzz:m"], 78, "no client named 'zzz'"),
    "both": (["--lines", "--csv"], 64, "--lines and --csv"),
    "none-in-flight": (["-j", "0"], 64, "-j 0"),
    "no-client": (["-m", "zzz:m"], 78, "no client named 'zzz'"),
    "unpriced": (["-m", "free", "--max-cost", "1"], 80, "nobody knows the price of free:f"),
}


@pytest.mark.parametrize("name", MISUSED)
def test_wrong_calls_are_told_before_anything_is_sent(home: Home, name: str) -> None:
    words, code, message = MISUSED[name]
    path = at(home, "http://127.0.0.1:9").folder / "config.yaml"
    free = "  - {type: openai-compatible, name: free, api_base: 'http://a', models: [{name: f}]}\n"
    path.write_text(path.read_text() + free)
    done = batch(home, *words, stdin='{"prompt": "a"}\n')
    assert (done.code, done.out) == (code, "") and message in done.err
    assert len(done.err.splitlines()) == 1


def test_ids_that_come_again_are_told_and_kept_apart(home: Home, fast: Counting) -> None:
    rows = [{"id": "a", "prompt": "x"}, {"id": "a", "prompt": "y"}, {"id": "a", "prompt": "x"}]
    path = write(home.folder / "in", *rows)
    done = batch(at(home, fast.address), str(path), "--ordered")
    assert [row["text"] for row in done.lines] == ["echo x", "echo y"]
    assert done.lines[0]["key"] != done.lines[1]["key"]
    assert "line 2: id 'a' again; its key tells it apart" in done.err
    assert "line 3 asks the same as an earlier one" in done.err


def test_each_row_says_its_line_and_keeps_its_fields(home: Home, fast: Counting) -> None:
    rows = [{"id": "a", "lang": "fr", "text": "Hi"}, "", {"id": "b", "lang": "de", "text": "Ho"}]
    path = write(home.folder / "in", *rows)
    words = ["--template", "{lang}: {text}", "--keep", "--ordered"]
    done = batch(at(home, fast.address), str(path), *words)
    result = [(row["line"], row["lang"], row["input_text"], row["text"]) for row in done.lines]
    assert result == [(1, "fr", "Hi", "echo fr: Hi"), (3, "de", "Ho", "echo de: Ho")], done.err
    plainly = batch(home, str(path), *words[:2])
    assert "lang" not in plainly.lines[0] and {row["line"] for row in plainly.lines} == {1, 3}


TABLES: dict[str, tuple[str, list[str], int, str]] = {
    "unknown": ("id,text", ["--template", "{txt}"], 64, "--template names 'txt'"),
    "twice": ("id,id", ["--template", "{id}"], 65, "column 'id' stands twice"),
    "no-template": ("id,text", [], 64, "--csv needs a prompt: make it of columns with --template"),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_checked_before_anything_is_sent(home: Home, name: str) -> None:
    first, words, code, message = TABLES[name]
    with bulk_server() as server:
        done = batch(at(home, server.address), "--csv", *words, stdin=f"{first}\n1,a\n2,b\n")
        assert server.counts["seen"] == 0
    assert (done.code, done.out) == (code, "") and message in done.err


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_the_delimiter_of_a_table_is_found(home: Home, fast: Counting, mark: str) -> None:
    lines = [mark.join(fields) for fields in (("id", "text"), ("a", "x y"), ("b", "z"))]
    words = ["--csv", "--template", "{text}", "--ordered"]
    done = batch(at(home, fast.address), *words, stdin="\n".join(lines))
    assert [(row["id"], row["text"]) for row in done.lines] == [("a", "echo x y"), ("b", "echo z")]


@pytest.mark.parametrize(("name", "mark"), [("in.csv", ";"), ("IN.CSV", ","), ("in.tsv", "\t")])
def test_a_file_named_as_a_table_is_read_as_one(
    home: Home, fast: Counting, name: str, mark: str
) -> None:
    path = write(home.folder / name, mark.join(("id", "text")), mark.join(("a", "x y")))
    done = batch(at(home, fast.address), str(path), "--template", "{text}")
    assert [(row["id"], row["text"]) for row in done.lines] == [("a", "echo x y")], done.err
    bare = batch(home, str(path))
    assert (bare.code, bare.out) == (64, "") and f"{name} needs a prompt: make it of" in bare.err
    lines = batch(home, str(path), "--lines", "--ordered")
    assert [row["text"] for row in lines.lines][1] == f"echo a{mark}x y"


@pytest.mark.parametrize(
    ("data", "words", "note"),
    [
        ('{"id": 1, "prompt": "café"}\n'.encode("utf-16"), [], ""),
        (b'{"id": 1, "prompt": "caf\xe9"}\n', ["--encoding", "latin-1"], ""),
        ("id;text\n1;café\n".encode("utf-16"), ["--csv", "--template", "{text}"], ""),
        (
            b'{"id": 1, "prompt": "caf\xe9"}\n',
            [],
            "in is not UTF-8 text: byte 24 is 0xe9; replaced",
        ),
    ],
)
def test_rows_are_decoded_as_their_mark_or_the_flag_says(
    home: Home, fast: Counting, data: bytes, words: list[str], note: str
) -> None:
    (path := home.folder / "in").write_bytes(data)
    done = batch(at(home, fast.address), str(path), *words)
    assert done.lines[0]["text"] == f"echo caf{'�' if note else 'é'}", done.err
    assert (note in done.err) if note else "UTF-8" not in done.err


@pytest.mark.parametrize("words", [[], ["--check"], ["--dry-run"]])
def test_an_input_without_rows_is_announced_and_no_failure(
    home: Home, fast: Counting, words: list[str]
) -> None:
    table = write(home.folder / "in.csv", "id,text")
    done = batch(at(home, fast.address), str(table), "--template", "{text}", *words)
    assert done.code == 0 and f"loki-batch: {table} has no rows" in done.err, done.err
    piped = batch(home, *words)
    assert piped.code == 0 and "loki-batch: stdin has no rows" in piped.err, piped.err


def test_a_row_with_a_nul_is_one_error_row(home: Home, fast: Counting) -> None:
    words = ["--lines", "--ordered"]
    done = batch(at(home, fast.address), *words, stdin="a\0b\nc\n")
    assert [row.get("text") for row in done.lines] == [None, "echo c"]
    assert done.code == 1 and done.lines[0]["error"]["message"].startswith("line 1: prompt")


def test_a_row_that_cannot_be_asked_keeps_its_id_and_fields(home: Home, fast: Counting) -> None:
    """Also one with too few or too many cells: as far as they have a column."""
    table = ["id,lang,text", "a,fr", "b,de,x,y", "c,en,z", "d,,", "e,it,"]
    rows, out = write(home.folder / "in.csv", *table), home.folder / "out.csv"
    words = [str(rows), "--template", "{text}", "-o", str(out), "--ordered"]
    done = batch(at(home, fast.address), *words)
    with out.open(newline="") as file:
        result = [*csv.DictReader(file)]
    assert done.code == 1 and [*result[0]][:3] == ["id", "lang", "input_text"], done.err
    assert [(row["id"], row["lang"], row["input_text"]) for row in result] == [
        *(("a", "fr", ""), ("b", "de", "x"), ("c", "en", "z"), ("d", "", ""), ("e", "it", "")),
    ]
    assert [row["text"] for row in result] == ["", "", "echo z", "", ""]
    assert result[0]["error_message"] == "line 2: fewer fields than the head has"
    lines = write(home.folder / "in", {"id": "a", "lang": "fr", "prompt": "x", "seed": "s"})
    kept = batch(home, str(lines), "--keep", "--template", "{prompt}")
    assert (kept.lines[0]["id"], kept.lines[0]["lang"]) == ("a", "fr"), kept.out


def test_a_column_of_openais_format_is_a_column_like_any_other(home: Home, fast: Counting) -> None:
    words = ["--csv", "--template", "{text}"]
    done = batch(at(home, fast.address), *words, stdin="custom_id,text,body\n7,Hi,x\n")
    assert done.code == 0 and done.lines[0]["text"] == "echo Hi", done.out


def test_one_file_needs_no_list(home: Home) -> None:
    note = write(home.folder / "note.txt", "my note")
    with serving(plain(reply())) as server:
        path = write(home.folder / "in", {"prompt": "Hi", "files": str(note)})
        assert batch(at(home, server.address), str(path)).code == 0
    assert "my note" in server.asked[0].json["messages"][0]["content"][0]["text"]


def test_another_model_answers_what_the_first_cannot(home: Home) -> None:
    busy = plain({"error": {"message": "Slow down."}}, 429, "retry-after: 120\r\n")
    with serving(busy) as first, bulk_server() as second:
        client = "  - type: openai-compatible\n    name: {}\n    api_base: {}\n"
        pairs = (("a", first.address), ("b", second.address))
        home.configure("clients:\n" + "".join(client.format(*pair) for pair in pairs))
        path = write(home.folder / "in", *({"id": i, "prompt": f"p{i}"} for i in range(50)))
        words = ["-m", "a:m", "--fallback", "b:m", str(path)]
        done = home.run(*words, prog="loki-batch")
    assert done.code == 0 and {row["model"] for row in done.lines} == {"b:m"}, done.err
    assert sorted(row["id"] for row in done.lines) == list(range(50)) and len(first.asked) <= 16


@pytest.mark.parametrize(("flag", "count"), [("--dry-run", 1), ("--dry-run=all", 3)])
def test_a_dry_run_shows_the_requests_and_sends_none(home: Home, flag: str, count: int) -> None:
    with bulk_server() as server:
        path = write(home.folder / "in", *({"prompt": f"p{i}"} for i in range(3)))
        done = batch(at(home, server.address), str(path), flag)
        assert server.counts["seen"] == 0
    assert done.code == 0 and done.out.count('"method": "POST"') == count
    assert '"p0"' in done.out


# ---- going on ----------------------------------------------------------------------------------


def test_a_run_started_again_asks_only_what_is_not_answered(home: Home) -> None:
    script = [plain(reply("One")), plain({"error": {"message": "No."}}, 400), plain(reply("Two"))]
    with serving(*script) as server:
        at(home, server.address)
        rows = write(home.folder / "in", {"id": "a", "prompt": "1"}, {"id": "b", "prompt": "2"})
        out = home.folder / "out"
        first = batch(home, str(rows), "-o", str(out), "-j", "1")
        assert first.code == 1 and [("error" in row) for row in read(out)] == [False, True]
        again = batch(home, str(rows), "-o", str(out))
    assert again.code == 0 and "1 answered before" in again.err
    assert sorted((row["id"], row["text"]) for row in read(out)) == [("a", "One"), ("b", "Two")]
    assert len(server.asked) == 3 and not (home.folder / "out.lock").exists()


def test_a_table_in_is_a_table_out_and_goes_on(home: Home) -> None:
    script = [plain(reply('One,\n"two"')), plain({"error": {"message": "No."}}, 400)]
    with serving(*script, plain(reply("Two"))) as server:
        at(home, server.address)
        rows, out = write(home.folder / "in", "id,lang,text", "a,fr,1", "b,de,2"), "out.csv"
        path = home.folder / out
        words = [str(rows), "--csv", "--template", "{lang} {text}", "-o", str(path), "-j", "1"]
        first = batch(home, *words)
        with path.open(newline="") as file:
            result = [*csv.DictReader(file)]
        assert first.code == 1 and [*result[0]][:4] == ["id", "lang", "input_text", "line"], (
            first.err
        )
        assert (result[0]["text"], result[0]["lang"], result[0]["cost"]) == (
            'One,\n"two"',
            "fr",
            "2e-05",
        )
        assert (result[1]["error_kind"], result[1]["error_message"]) == ("input", "No.")
        path.write_bytes(path.read_bytes() + b'a,fr,"torn\n')
        again = batch(home, *words)
    assert again.code == 0 and "1 answered before" in again.err, again.err
    with path.open(newline="") as file:
        result = [*csv.DictReader(file)]
    assert [(row["id"], row["text"]) for row in result] == [("a", 'One,\n"two"'), ("b", "Two")]
    assert len(server.asked) == 3


def test_rows_with_long_cells_and_any_id_are_in_a_table_once_and_in_order(home: Home) -> None:
    rows = write(home.folder / "in", *({"id": each, "prompt": "x"} for each in (True, "b", 3)))
    words = [str(rows), "-j", "1", "-o", str(home.folder / "out.csv")]
    with serving(*[plain(reply("x" * 200_000))] * 3) as server:
        at(home, server.address)
        assert batch(home, *words).code == 0
        out = home.folder / "out.csv"
        head, *found = out.read_text().splitlines(keepends=True)
        out.write_text("".join([head, *found[::-1]]))
        again = batch(home, *words, "--ordered")
    assert again.code == 0 and "3 answered before" in again.err, again.err
    assert len(server.asked) == 3 and out.read_text() == "".join([head, *found])


def test_a_table_of_an_earlier_version_goes_on_in_its_own_order_of_columns(
    home: Home, fast: Counting
) -> None:
    """Before, the input's id came after its other columns."""
    at(home, fast.address)
    rows, path = write(home.folder / "in", "id,lang", "a,fr", "b,de"), home.folder / "out.csv"
    words = [str(rows), "--csv", "--template", "{lang}", "-o", str(path), "-j", "1"]
    batch(home, *words)
    with path.open(newline="") as file:
        head, first, _ = csv.reader(file)
    old = [head.index(name) for name in ("lang", "id", *head[2:])]
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(
            [[row[i] for i in old] for row in (head, first)]
        )
    seen = fast.counts["seen"]
    assert "1 answered before" in batch(home, *words).err
    with path.open(newline="") as file:
        result = [*csv.DictReader(file)]
    assert [(row["lang"], row["id"]) for row in result] == [("fr", "a"), ("de", "b")]
    assert fast.counts["seen"] == seen + 1


def test_what_is_asked_otherwise_is_asked_again(home: Home, fast: Counting) -> None:
    rows, out = write(home.folder / "in", {"id": "a", "prompt": "1"}), home.folder / "out"
    at(home, fast.address)
    for words in ([], [], ["-t", "0"]):
        assert batch(home, str(rows), "-o", str(out), *words).code == 0
    assert len(read(out)) == 2


def test_a_torn_last_line_is_cut_off(home: Home, fast: Counting) -> None:
    rows, out = write(home.folder / "in", {"id": "a", "prompt": "1"}), home.folder / "out"
    at(home, fast.address)
    batch(home, str(rows), "-o", str(out))
    whole = out.read_text()
    out.write_text(whole + whole[:20])
    assert batch(home, str(rows), "-o", str(out)).code == 0
    assert out.read_text() == whole


def test_a_file_that_is_not_ours_is_left_alone(home: Home, fast: Counting) -> None:
    rows, out = write(home.folder / "in", {"prompt": "1"}), write(home.folder / "out", "my notes")
    done = batch(at(home, fast.address), str(rows), "-o", str(out))
    assert done.code == 65 and f"{out}:1: not a row of loki-batch" in done.err
    assert out.read_text() == "my notes\n"


def test_two_runs_do_not_write_one_output(home: Home) -> None:
    with bulk_server(latency=3) as slow:
        rows, out = write(home.folder / "in", {"prompt": "1"}), home.folder / "out"
        at(home, slow.address)
        words = ["-m", "local:m", str(rows), "-o", str(out)]
        with home.start(*words, prog="loki-batch") as first:
            while slow.counts["seen"] == 0:
                time.sleep(0.05)
            second = home.run(*words, prog="loki-batch")
            first.kill()
    assert second.code == 75 and "another run is writing" in second.err


def test_counting_sends_and_writes_nothing(home: Home, fast: Counting) -> None:
    rows = write(home.folder / "in", *({"id": i, "prompt": "1"} for i in range(3)), "{")
    before = fast.counts["seen"]
    done = batch(
        at(home, fast.address), str(rows), "-o", str(home.folder / "out"), "--check",
        *("--max-tokens", "1000"),
    )  # fmt: skip
    assert done.code == 0 and done.out.startswith("3 left, at most $0.006")
    assert "1 that cannot be asked" in done.out
    assert fast.counts["seen"] == before and not (home.folder / "out").exists()


def test_runs_that_are_killed_ask_each_row_once_and_lose_none(home: Home) -> None:
    rows, kills, in_flight = 1500, 5, 16
    with bulk_server(latency=0.01) as server:
        at(home, server.address)
        write(home.folder / "in", *({"id": i, "prompt": f"p{i}"} for i in range(rows)))
        words = ["-m", "local:m", str(home.folder / "in"), "-o", str(home.folder / "out")]
        for _ in range(kills):
            with home.start(*words, "-q", prog="loki-batch") as process:
                time.sleep(random.uniform(0.3, 0.6))
                process.kill()
        last = home.run(*words, prog="loki-batch")
        result = read(home.folder / "out")
        assert last.code == 0, last.err
        assert sorted(row["id"] for row in result) == list(range(rows))
        assert all(row["text"] == f"echo p{row['id']}" for row in result)
        assert server.counts["seen"] <= rows + kills * in_flight


# ---- stopping ----------------------------------------------------------------------------------


def test_a_wrong_key_ends_the_run_at_its_first_answer(home: Home) -> None:
    with serving(
        plain({"error": {"message": "Bad key.", "code": "invalid_api_key"}}, 401)
    ) as server:
        rows = write(home.folder / "in", *({"prompt": f"{i}"} for i in range(500)))
        out = home.folder / "out"
        done = batch(at(home, server.address), str(rows), "-o", str(out))
    assert done.code == 77 and "auth: Bad key; client" in done.err
    assert len(server.asked) < 50 and out.read_text() == ""


def test_a_server_that_is_not_there_ends_the_run(home: Home) -> None:
    rows = write(home.folder / "in", *({"prompt": f"{i}"} for i in range(500)))
    done = batch(at(home, "http://127.0.0.1:9"), str(rows), "-j", "2", "--retries", "0")
    assert done.code == 69 and "connection refused" in done.err


def test_a_server_that_is_busy_loses_no_row(home: Home) -> None:
    with bulk_server(fail_every=3) as server:
        rows = write(home.folder / "in", *({"id": i, "prompt": "x"} for i in range(60)))
        done = batch(at(home, server.address), str(rows), "--retries", "20")
        assert done.code == 0 and len(done.lines) == 60
        counts = server.counts
    assert sum(row["attempts"] for row in done.lines) == counts["seen"] == 60 + counts["refused"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_lets_what_is_under_way_finish(
    home: Home, number: signal.Signals, code: int
) -> None:
    with bulk_server(latency=0.4) as server:
        rows = write(home.folder / "in", *({"id": i, "prompt": "x"} for i in range(200)))
        at(home, server.address)
        summary = home.folder / "summary"
        words = ["-m", "local:m", str(rows), "-j", "8", "--summary", str(summary)]
        with home.start(*words, prog="loki-batch") as process:
            while server.counts["seen"] < 20:
                time.sleep(0.02)
            process.send_signal(number)
            out, err = process.communicate(timeout=20)
        seen = server.counts["seen"]
    assert process.returncode == code
    assert len(out.splitlines()) == seen < 60
    assert b"to go on: loki-batch -m local:m" in err
    assert err.startswith(b"loki-batch: %s: finishing the rows in progress" % number.name.encode())
    parsed = json.loads(summary.read_text())
    assert (parsed["ended"], parsed["left"]) == (number.name, 200 - seen)


def test_a_run_whose_rows_are_all_written_did_not_end_early(home: Home) -> None:
    stopping, served = threading.Event(), threading.Event()

    def script(asked: Asked) -> Script:
        served.set()
        assert stopping.wait(30)
        return plain(reply())

    with serving(script) as server:
        rows = write(home.folder / "in", {"prompt": "x"})
        at(home, server.address)
        with home.start("-m", "local:m", str(rows), "-j", "1", prog="loki-batch") as process:
            assert served.wait(30) and process.stderr is not None
            process.send_signal(signal.SIGINT)
            assert b"finishing the rows" in process.stderr.readline()
            stopping.set()
            out, err = process.communicate(timeout=30)
    assert process.returncode == 0 and len(out.splitlines()) == 1, err
    assert b"ended early" not in err


def test_a_second_signal_stops_at_once(home: Home) -> None:
    with bulk_server(latency=20) as server:
        rows = write(home.folder / "in", {"prompt": "x"})
        at(home, server.address)
        with home.start("-m", "local:m", str(rows), prog="loki-batch") as process:
            while server.counts["seen"] < 1:
                time.sleep(0.02)
            for _ in range(2):
                process.send_signal(signal.SIGINT)
                time.sleep(0.3)
            assert process.wait(timeout=5) == 130


def test_money_ends_the_run_before_its_limit(home: Home, fast: Counting) -> None:
    rows = write(home.folder / "in", *({"prompt": f"{i}"} for i in range(500)))
    words = ["--max-cost", "0.002", "-j", "4", "--max-tokens", "10"]
    done = batch(at(home, fast.address), str(rows), *words)
    spent = sum(row["cost"] for row in done.lines)
    assert done.code == 80 and 0.0019 <= spent <= 0.002
    assert "ended early (--max-cost); to go on:" in done.err


def test_time_ends_the_run(home: Home) -> None:
    with bulk_server(latency=0.2) as server:
        rows = write(home.folder / "in", *({"prompt": f"{i}"} for i in range(500)))
        done = batch(at(home, server.address), str(rows), "--max-time", "1")
    assert done.code == 75 and 16 <= len(done.lines) <= 160


def test_a_full_disk_loses_nothing_that_is_paid_for(home: Home, fast: Counting) -> None:
    rows = write(home.folder / "in", *({"id": i, "prompt": "x"} for i in range(400)))
    out = home.folder / "out"
    at(home, fast.address)
    command = f"ulimit -f 24; exec {Path(os.sys.executable).parent / 'loki-batch'} -m local:m "  # type: ignore[attr-defined]
    done = subprocess.run(
        ["bash", "-c", f"trap '' XFSZ; {command} {rows} -o {out}"],
        env={**home.variables(), "TMPDIR": str(home.folder)},
        capture_output=True,
    )
    text = done.stderr.decode()
    assert done.returncode == 74 and f"cannot write {out}: File too large; the rest:" in text
    rescued = Path(text.partition("the rest: ")[2].split()[0])
    ids = [row["id"] for row in (*read(out), *read(rescued))]
    assert len(ids) == len(set(ids)) >= 60
    seen = fast.counts["seen"]
    check = batch(home, str(rows), "-o", str(out), "--check")
    assert check.out.startswith(f"{400 - len(ids)} left"), check.out
    again = batch(home, str(rows), "-o", str(out))
    assert again.code == 0 and f"rows are back in {out}" in again.err, again.err
    assert fast.counts["seen"] == seen + 400 - len(ids) and not rescued.exists()
    assert sorted(row["id"] for row in read(out)) == [*range(400)]


def test_the_summary_is_there_for_programs(home: Home, fast: Counting) -> None:
    rows = write(home.folder / "in", {"prompt": "a"}, "{")
    done = batch(at(home, fast.address), str(rows), "-q", "--summary", str(home.folder / "s"))
    parsed = json.loads((home.folder / "s").read_text())
    assert done.code == 1 and done.err == ""
    assert parsed["good"] == 1 and parsed["failed"] == {"input": 1} and parsed["cost"] == 0.00002


def on_terminal(home: Home, *words: str, interrupt: bytes = b"") -> tuple[int, bytes]:
    """Run a command whose stderr is a terminal; end it with SIGINT once it shows something."""
    parent, child = pty.openpty()
    with home.start("-m", "local:m", *words, prog="loki-batch", stderr=child) as process:
        os.close(child)
        seen = b""
        while True:
            try:
                seen += os.read(parent, 4096)
            except OSError:
                break
            if interrupt and interrupt in seen:
                process.send_signal(signal.SIGINT)
                interrupt = b""
    os.close(parent)
    return process.returncode, seen


def test_a_terminal_sees_how_far_it_is(home: Home) -> None:
    with bulk_server(latency=0.3) as server:
        rows = write(home.folder / "in", *({"prompt": f"{i}"} for i in range(64)))
        at(home, server.address)
        code, seen = on_terminal(home, str(rows), "-o", str(home.folder / "out"))
    assert code == 0
    assert b"of 64 rows" in seen and b"rows/s" in seen and b"64 answered" in seen


def test_what_is_said_of_a_signal_stands_on_a_line_of_its_own(home: Home) -> None:
    with bulk_server(latency=1) as server:
        rows = write(home.folder / "in", *({"prompt": f"{i}"} for i in range(64)))
        at(home, server.address)
        words = [str(rows), "-o", str(home.folder / "out"), "-j", "4"]
        code, seen = on_terminal(home, *words, interrupt=b"4 of 64 rows")
    before, _, after = seen.partition(b"loki-batch: SIGINT: finishing the rows")
    assert code == 130 and after and before.endswith((b"\x1b[2K", b"\r\n", b"\r")), before[-80:]


def test_a_full_disk_is_told_where_there_was_no_state_folder(
    home: Home, fast: Counting, tmp_path: Path
) -> None:
    state = tmp_path / "not" / "yet"
    home.environ["LOKI_STATE_DIR"] = str(state)
    rows = write(home.folder / "in", *({"id": i, "prompt": "x"} for i in range(40)))
    at(home, fast.address)
    with open("/dev/full", "wb") as full:
        words = ["-m", "local:m", str(rows), "--no-ledger"]
        with home.start(*words, prog="loki-batch", stdout=full) as process:
            _, err = process.communicate(timeout=30)
    text = err.decode()
    assert process.returncode == 74 and "output: cannot write stdout: No space left" in text, text
    rescued = Path(text.partition("the rest: ")[2].split()[0])
    assert rescued.parent == state and read(rescued)


def test_a_folder_that_is_removed_loses_nothing(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    with bulk_server(latency=0.1) as server:
        rows = write(home.folder / "in", *({"id": i, "prompt": "x"} for i in range(200)))
        at(home, server.address)
        words = ["-m", "local:m", str(rows), "-o", str(folder / "out"), "-j", "8"]
        with home.start(*words, prog="loki-batch") as process:
            while server.counts["seen"] < 40:
                time.sleep(0.02)
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()
            _, err = process.communicate(timeout=30)
        seen = server.counts["seen"]
    text = err.decode()
    assert process.returncode == 74 and "it was removed while the run wrote to it" in text, text
    rescued = read(Path(text.partition("all of it: ")[2].split()[0]))
    assert len({row["id"] for row in rescued}) == len(rescued) == seen
    folder.mkdir()
    with bulk_server() as server:
        at(home, server.address)
        assert home.run(*words, prog="loki-batch").code == 0
        assert server.counts["seen"] == 200 - seen
    assert sorted(row["id"] for row in read(folder / "out")) == [*range(200)]


@pytest.mark.parametrize("what", ["out", "folder", "another at its place"])
def test_an_output_that_is_moved_away_is_noticed(home: Home, tmp_path: Path, what: str) -> None:
    out = tmp_path / "results" / "out.jsonl"
    out.parent.mkdir()
    with bulk_server(latency=0.1) as server:
        rows = write(home.folder / "in", *({"id": i, "prompt": "x"} for i in range(200)))
        at(home, server.address)
        words = ["-m", "local:m", str(rows), "-o", str(out), "-j", "8"]
        with home.start(*words, prog="loki-batch") as process:
            while server.counts["seen"] < 40:
                time.sleep(0.02)
            moved = out.parent if what == "folder" else out
            moved.rename(tmp_path / "moved")
            if what == "another at its place":
                out.touch()
            _, err = process.communicate(timeout=30)
        seen = server.counts["seen"]
    text = err.decode()
    assert process.returncode == 74 and "it was moved away while the run wrote to it" in text, text
    rescued = read(Path(text.partition("all of it: ")[2].split()[0]))
    assert len({row["id"] for row in rescued}) == len(rescued) == seen


def test_a_slow_attachment_has_the_time_of_its_row_and_ends_no_run_with_a_bug(
    home: Home, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "fifo")
    slow = {"id": 1, "prompt": "b", "files": [str(tmp_path / "fifo")]}
    rows = write(home.folder / "in", {"id": 0, "prompt": "a"}, slow, {"id": 2, "prompt": "c"})
    with serving(*[plain(reply())] * 4) as server:
        home.local(server.address)
        summary = str(home.folder / "summary")
        words = ["-m", "local:m", str(rows), "--summary", summary]
        ended = home.run(*words, "--max-time", "2", prog="loki-batch")
        assert ended.code == 75 and "ended early (--max-time)" in ended.err, ended.err
        done = home.run(*words, "--timeout", "1", prog="loki-batch")
    assert done.code == 1 and json.loads(Path(summary).read_text())["failed"] == {"offline": 1}
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert {line["id"]: "error" in line for line in lines} == {0: False, 1: True, 2: False}


def test_a_file_that_another_program_cuts_short_is_noticed(home: Home, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    with bulk_server(latency=0.1) as server:
        rows = write(home.folder / "in", *({"id": i, "prompt": "x"} for i in range(200)))
        at(home, server.address)
        words = ["-m", "local:m", str(rows), "-o", str(out), "-j", "8"]
        with home.start(*words, prog="loki-batch") as process:
            while server.counts["seen"] < 40:
                time.sleep(0.02)
            os.truncate(out, 0)
            _, err = process.communicate(timeout=30)
        text = err.decode()
        assert process.returncode == 74 and "another program cut it short" in text, text
        kept = read(Path(text.partition("those that came after: ")[2].split(";")[0]))
        assert kept and not read(out)
        done = home.run(*words, prog="loki-batch")
    assert done.code == 0 and len({row["id"] for row in read(out)}) == 200


# ---- pace --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("latency", "in_flight"), [(0.0, 16), (0.8, 64)])
def test_the_pace_settles_near_what_the_server_takes(
    home: Home, latency: float, in_flight: int
) -> None:
    """Also where nothing has been answered yet when the first of a burst are refused."""
    with bulk_server(limit=50, latency=latency) as server:
        rows = write(home.folder / "in", *({"id": i, "prompt": "x"} for i in range(600)))
        started = time.monotonic()
        done = batch(at(home, server.address), str(rows), "-j", f"{in_flight}")
        seconds = time.monotonic() - started
        refused = server.counts["refused"]
    assert done.code == 0 and len(done.lines) == 600
    assert seconds < 2 * 600 / 50 and 0 < refused < 60


def test_requests_a_minute_hold(home: Home, fast: Counting) -> None:
    rows = write(home.folder / "in", *({"id": i, "prompt": "x"} for i in range(21)))
    started = time.monotonic()
    assert batch(at(home, fast.address), str(rows), "--rpm", "1200").code == 0
    assert time.monotonic() - started >= 1.0


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="only Linux keeps to cores")
def test_threads_that_take_turns_keep_to_one_core(home: Home) -> None:
    with bulk_server(latency=0.5) as server:
        rows = write(home.folder / "in", *({"id": i, "prompt": "x"} for i in range(40)))
        at(home, server.address)
        with home.start("-m", "local:m", str(rows), prog="loki-batch") as process:
            while server.counts["seen"] == 0:
                time.sleep(0.02)
            cores = os.sched_getaffinity(process.pid)
            out, _ = process.communicate(timeout=20)
    assert process.returncode == 0 and len(out.splitlines()) == 40
    assert len(cores) == 1 and cores <= os.sched_getaffinity(0)


@pytest.mark.parametrize(
    ("template", "note"),
    [
        ("To {text to", "loki-batch: --template: the brace at '{text to' has no partner"),
        ("{text}}", "loki-batch: --template: the brace at '}' has no partner"),
        ("{text} {{}}", ""),
    ],
)
def test_a_brace_of_the_template_without_a_partner_gets_a_warning(
    home: Home, template: str, note: str
) -> None:
    at(home, "http://127.0.0.1:9")
    words = ["-m", "local:m", "--csv", "--template", template, "--check"]
    done = home.call(*words, stdin="text\nHi\n", prog="loki-batch")
    assert done.code == 0
    assert note in done.err and ("no partner" in done.err) is bool(note)


@pytest.mark.parametrize("is_piped", [False, True])
def test_a_table_out_has_the_fields_of_the_first_json_rows(
    home: Home, fast: Counting, is_piped: bool
) -> None:
    lines = [{"id": "a", "prompt": "A"}, {"id": "b", "prompt": "B", "files": [], "text": 5}]
    rows, out = write(home.folder / "in", *lines), home.folder / "out.csv"
    words = [*(["--template", "{prompt}"]), "--keep", "-o", str(out)]
    words += ["-"] if is_piped else [str(rows)]
    fed = {"stdin": rows.read_text()} if is_piped else {}
    done = batch(at(home, fast.address), *words, **fed)
    with open(out, newline="") as file:
        table = {row["id"]: row for row in csv.DictReader(file)}
    assert done.code == 0 and [table[id]["prompt"] for id in "ab"] == ["A", "B"]
    assert (f"line 2: {out} has no column for 'input_text'" in done.err) == is_piped
    assert table["b"].get("input_text") == (None if is_piped else "5")
    again = batch(home, *words, **fed)
    assert again.code == 0 and "0 answered · 2 answered before" in again.err


def test_a_table_of_an_earlier_version_without_the_fields_goes_on(
    home: Home, fast: Counting
) -> None:
    rows, out = write(home.folder / "in", "Hi"), home.folder / "out.csv"
    words = ["--lines", str(rows), "-o", str(out), "--keep"]
    out.write_bytes(CsvTable().head)
    done = batch(at(home, fast.address), *words)
    assert done.code == 0 and "no column for 'prompt': it is left out" in done.err
    assert batch(home, *words).err.count("1 answered before") == 1


@pytest.mark.parametrize(
    "change", [["--param", "seed=2"], ["--patch", '{"body": {"seed": 2}}'], []]
)
def test_other_parameters_ask_again_and_the_same_do_not(
    home: Home, fast: Counting, change: list[str]
) -> None:
    rows, out = write(home.folder / "in", {"id": "a", "prompt": "1"}), home.folder / "out"
    words = [str(rows), "-o", str(out)]
    assert batch(at(home, fast.address), *words, "--param", "seed=1").code == 0
    home.environ["LOKI_TEMPERATURE"] = "0.5" if not change else ""
    home = home if not change else Home(home.folder, {})
    for _ in range(2):
        done = batch(home, *words, *(change or ["--param", "seed=1"]))
    assert "1 answered before" in done.err and len({row["key"] for row in read(out)}) == 2


@pytest.mark.parametrize("words", [[], ["--param", "seed=1"]])
def test_rows_that_an_earlier_version_answered_are_not_asked_again(
    home: Home, fast: Counting, words: list[str]
) -> None:
    rows = write(home.folder / "in", {"id": "a", "prompt": "1"}, {"prompt": "2"}, {"prompt": "2"})
    keys = [ask_key(Ask(text, model="local:m")) for text in "12"]
    ids = ["a", keys[1], f"{keys[1]}:3"]
    lines = [{"id": id, "key": key} for id, key in zip(ids, [*keys, keys[1]], strict=True)]
    out = write(home.folder / "out", *lines)
    seen = fast.counts["seen"]
    for flag in ("--check", "-v"):
        done = batch(at(home, fast.address), str(rows), "-o", str(out), flag, *words)
        assert done.code == 0 and "3 answered before" in done.out + done.err
        assert done.err.count("asked them with another --param or --patch") == bool(words)
    assert fast.counts["seen"] == seen
