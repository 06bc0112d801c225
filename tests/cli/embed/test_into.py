"""loki-embed --into: each new text once in the store, whoever else writes and whatever kills it."""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from commands import Done, Home
from embedding import answer, answer_with, sent
from servers import Asked, Script, Server, plain, serving

from loki.edge.retrieval.table import open_store

EMBEDDING = "type: embedding"


def into(home: Home, server: Server, *words: str, stdin: str = "", model: str = "") -> Done:
    """Add to the store of this home."""
    home.local(server.address, f"{EMBEDDING}\n{model}")
    return home.call("--into", str(home.folder / "s"), *words, stdin=stdin, prog="loki-embed")


def rows(home: Home, *columns: str) -> list[Any]:
    """The rows of its store."""
    store = open_store(str(home.folder / "s")).unwrap()
    wanted = list(columns) or ["text"]
    found = store.dataset.to_table(columns=wanted).to_pylist()
    return [tuple(row[name] for name in wanted) if columns else row["text"] for row in found]


def summary(done: Done) -> str:
    """The last line, without the time it took."""
    return re.sub(r" · [\d.]+ s$", "", done.err.splitlines()[-1].removeprefix("loki-embed: "))


# ---- what goes in --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "stdin", "expected"),
    [
        ([], "one\n\ntwo\r\n", [("one", None, None, 1, None), ("two", None, None, 3, None)]),
        (["one", "two"], "", [("one", None, None, None, None), ("two", None, None, None, None)]),
        (
            ["-0"],
            "one\nmore\0two\0",
            [("one\nmore", None, None, 1, None), ("two", None, None, 2, None)],
        ),
        (
            ["--jsonl"],
            '{"id": 7, "text": "one", "lang": "en", "n": [1]}\n\n{"text": "two"}\n',
            [("one", "7", None, 1, '{"lang":"en","n":[1]}'), ("two", None, None, 3, None)],
        ),
        (["-f", "FILE"], "", [("first", None, "FILE", 1, None), ("second", None, "FILE", 3, None)]),
        (["-f", "FILE", "--whole"], "", [("first\n\nsecond", None, "FILE", 1, None)]),
    ],
)  # fmt: skip
def test_a_text_is_kept_with_its_id_its_place_and_its_fields(
    home: Home, words: list[str], stdin: str, expected: list[Any]
) -> None:
    file = home.folder / "notes.txt"
    file.write_text("first\n\nsecond\n")
    with serving(answer) as server:
        done = into(home, server, *(w.replace("FILE", str(file)) for w in words), stdin=stdin)
    named = [tuple(str(file) if x == "FILE" else x for x in row) for row in expected]
    assert rows(home, "text", "id", "source", "line", "fields") == named
    assert (done.code, done.out) == (0, "")


def test_nothing_is_on_stdout_and_a_summary_on_stderr(home: Home) -> None:
    with serving(answer) as server:
        first = into(home, server, stdin="one\ntwo\n", model="input_price: 1000000")
        again = into(home, server, stdin="one\ntwo\nthree\n")
        none = into(home, server, stdin="one\n")
        quiet = into(home, server, "-q", stdin="four\n")
    path = home.folder / "s"
    assert summary(first) == f"{path}: 2 texts added · local:m · 2 tokens · $2"
    assert summary(again) == (
        f"{path}: 1 text added · 2 there already · local:m · 1 tokens · cost unknown"
    )
    assert summary(none) == f"{path}: 0 texts added · 1 there already · local:m"
    assert (quiet.err, quiet.out + first.out + again.out + none.out) == ("", "")
    assert sent(server.asked) == ["one", "two", "three", "four"]


def test_long_texts_are_kept_in_pieces_with_their_lines(home: Home) -> None:
    file = home.folder / "long.txt"
    file.write_text("First one of these.\n\nThen two of these, is it.\n\n\nLast three.")
    with serving(answer) as server:
        done = into(
            home, server, "-f", str(file), "--whole", "--chunk", model="default_chunk_size: 9"
        )
    assert done.code == 0
    assert rows(home, "line", "text") == [
        (1, "First one of these."),
        (3, "Then two of these, is it."),
        (6, "Last three."),
    ]


def test_of_many_lines_only_the_new_ones_are_sent(home: Home) -> None:
    many = [f"line {number}" for number in range(5000)]
    with serving(answer) as server:
        into(home, server, stdin="\n".join(many[:4900]))
        before = len(server.asked)
        done = into(home, server, stdin="\n".join(many))
    assert sorted(sent(server.asked[before:])) == sorted(many[4900:])
    assert ": 100 texts added · 4,900 there already · " in done.err
    assert Counter(rows(home)) == Counter(many)


def test_a_text_that_is_rejected_does_not_keep_others_out(home: Home) -> None:
    def picky(asked: Asked) -> Script:
        if any("bad" in text for text in asked.json["input"]):
            return plain({"error": {"message": "some text is bad"}}, 400)
        return answer(asked)

    with serving(picky) as server:
        done = into(home, server, stdin="one\nbad\nthree\n")
    assert done.code == 65 and rows(home) == ["one", "three"]
    assert "no vector for 1 of 3 texts; the first: line 2: " in done.err
    assert summary(done).startswith(f"{home.folder / 's'}: 2 texts added · ")


def test_a_server_that_goes_away_leaves_what_came_before(home: Home) -> None:
    gone = plain({"error": {"message": "no"}}, 401)
    with serving(answer, gone) as server:
        done = into(home, server, "-j", "1", stdin="one\ntwo\n", model="max_batch_size: 1")
    assert done.code == 77 and rows(home) == ["one"]


def test_the_store_s_own_model_is_the_default(home: Home) -> None:
    with serving(answer) as server:
        into(home, server, stdin="one\n")
        path = home.local(server.address, EMBEDDING)
        home.configure(
            "model: local:chat\n" + path.read_text() + "      - name: chat\n        type: chat\n"
        )
        done = home.call("--into", str(home.folder / "s"), "two", prog="loki-embed")
    assert done.code == 0 and rows(home) == ["one", "two"]


def test_a_dry_run_makes_no_store(home: Home) -> None:
    with serving(answer) as server:
        done = into(home, server, "--dry-run", "--explain", stdin="one\n")
    assert done.json["body"] == {"model": "m", "input": ["one"], "encoding_format": "base64"}
    assert "local:m" in done.err and not server.asked and not (home.folder / "s").exists()


def test_max_cost_ends_the_run_and_keeps_what_came(home: Home) -> None:
    price = "max_batch_size: 1\ninput_price: 1000000"
    with serving(answer) as server:
        done = into(home, server, "--max-cost", "2", stdin="one\ntwo\nthree\n", model=price)
    assert done.code == 80 and rows(home) == ["one", "two"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-m", "local:other"], "this is the model other: name another store"),
        (["--dimensions", "8"], "this is 8 dimensions: name another store"),
        (["--task", "query"], "this is the task query: name another store"),
    ],
)
def test_another_model_or_dimension_is_refused(home: Home, words: list[str], message: str) -> None:
    with serving(answer) as server:
        into(home, server, stdin="one\n")
        path = home.folder / "config.yaml"
        path.write_text(f"{path.read_text()}      - name: other\n        type: embedding\n")
        done = home.call("--into", str(home.folder / "s"), *words, "two", prog="loki-embed")
    has = f"{home.folder / 's'} has vectors of local:m (64 numbers, task document)"
    assert (done.code, done.err) == (64, f"loki-embed: usage: {has}; {message}\n")
    assert len(server.asked) == 1


def test_vectors_of_another_length_are_refused(home: Home) -> None:
    with serving(answer, answer_with(8)) as server:
        into(home, server, stdin="one\n")
        done = into(home, server, stdin="two\n")
    assert done.code == 78 and rows(home) == ["one"]
    assert f"local:m gave 8 numbers, and the vectors of {home.folder / 's'} have 64" in done.err


def test_an_encoding_of_vectors_that_are_not_printed_is_refused(home: Home) -> None:
    done = home.call("--into", str(home.folder / "s"), "-o", "base64", "Hi", prog="loki-embed")
    assert done.code == 64 and "--into prints no vectors: -o base64" in done.err


def test_a_folder_with_other_files_is_left_alone(home: Home) -> None:
    (home.folder / "s").mkdir()
    (home.folder / "s" / "letter.txt").touch()
    with serving(answer) as server:
        done = into(home, server, "one")
    assert done.code == 65 and "is not a store: the folder has other files" in done.err
    assert not server.asked and len([*(home.folder / "s").iterdir()]) == 1


# ---- as it comes ---------------------------------------------------------------------------------


def test_what_came_is_in_the_store_before_more_comes(home: Home) -> None:
    with serving(answer) as server:
        home.local(server.address, EMBEDDING)
        with start(home) as process:
            assert process.stdin
            for number in range(3):
                process.stdin.write(f"line {number}\n".encode())
                process.stdin.flush()
                while not has_rows(home, number + 1):
                    assert process.poll() is None
                    time.sleep(0.01)
            process.stdin.close()
            assert process.wait(30) == 0
    assert rows(home) == ["line 0", "line 1", "line 2"]


def has_rows(home: Home, number: int) -> bool:
    """Whether the store has so many rows."""
    store = open_store(str(home.folder / "s")).value_or(None)
    return store is not None and store.dataset.count_rows() >= number


# ---- kills, others, full disks -------------------------------------------------------------------

LINES = [f"line {number}" for number in range(600)]


def slow(asked: Asked) -> Script:
    return [0.02, *(answer(asked) or [])]


def test_twenty_kills_leave_the_store_whole(home: Home) -> None:
    """Half of them strike while answers come, half while a file of the table is written."""
    with serving(slow) as server:
        home.local(server.address, f"{EMBEDDING}\nmax_batch_size: 5")
        for number in range(20):
            asked, files = len(server.asked) + 1 + number // 4, data_files(home)
            with lines(home, 30 * (number + 1)) as given, start(home, "-q", stdin=given) as process:
                while process.poll() is None:
                    if data_files(home) != files if number % 2 else len(server.asked) >= asked:
                        break
                    time.sleep(0.001)
                process.kill()
            found = Counter(rows(home)) if has_rows(home, 1) else Counter[Any]()
            assert max(found.values(), default=1) == 1
        with lines(home) as given, start(home, "-q", stdin=given) as process:
            assert process.wait(60) == 0
    assert Counter(rows(home)) == Counter(LINES)


def data_files(home: Home) -> set[Path]:
    """The files that the table of its store has, finished or not."""
    return {*(home.folder / "s" / "texts.lance" / "data").glob("*")}


def lines(home: Home, number: int = len(LINES)) -> BinaryIO:
    """The first lines, as a file to read from."""
    path = home.folder / "lines.txt"
    path.write_text("\n".join(LINES[:number]))
    return path.open("rb")


def start(home: Home, *words: str, **options: Any) -> subprocess.Popen[bytes]:
    """A process that adds to the store of this home."""
    return home.start("--into", str(home.folder / "s"), *words, prog="loki-embed", **options)


def test_two_writers_at_once_put_each_text_there_once(home: Home) -> None:
    with serving(slow) as server:
        home.local(server.address, f"{EMBEDDING}\nmax_batch_size: 5")
        with lines(home) as one, lines(home) as two:
            both = [start(home, "-q", stdin=given) for given in (one, two)]
        for process in both:
            assert process.communicate(timeout=90)[1] == b"" and process.returncode == 0
    assert Counter(rows(home)) == Counter(LINES)
    assert Counter(sent(server.asked)) == Counter(LINES)  # and none was paid for twice


def test_one_that_waits_for_input_lets_others_add(home: Home) -> None:
    with serving(answer) as server:
        home.local(server.address, EMBEDDING)
        with start(home) as slow_one:
            assert slow_one.stdin
            slow_one.stdin.write(b"one\n")
            slow_one.stdin.flush()
            while not has_rows(home, 1):
                time.sleep(0.01)
            other = start(home, stdin=subprocess.PIPE)
            assert "1 text added" in other.communicate(b"one\ntwo\n", timeout=60)[1].decode()
            slow_one.stdin.write(b"two\nthree\n")
            slow_one.stdin.close()
            assert slow_one.wait(30) == 0
    assert sorted(sent(server.asked)) == ["one", "three", "two"]


def test_ids_of_one_text_are_told_of(home: Home) -> None:
    given = "".join(json.dumps({"id": n, "text": "same"}) + "\n" for n in range(3))
    with serving(answer) as server:
        done, again = (into(home, server, "--jsonl", stdin=given) for _ in range(2))
    assert rows(home, "id") == [("0",)] and sent(server.asked) == ["same"]
    note = "2 ids have a text that came before, and a store has each text once: not added"
    assert note in done.err and note not in again.err, again.err


def test_a_signal_keeps_what_has_come(home: Home) -> None:
    with serving(answer, answer, lambda asked: [30.0]) as server:
        home.local(server.address, f"{EMBEDDING}\nmax_batch_size: 5")
        with lines(home) as given, start(home, "-j", "1", stdin=given) as process:
            while len(server.asked) < 3:  # the first answer has been taken
                time.sleep(0.01)
            process.terminate()
            _, err = process.communicate(timeout=30)
    assert process.returncode == 143 and b"Traceback" not in err
    assert rows(home)[:5] == LINES[:5]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a small file system, which only root can do."""
    folder = tmp_path / "disk"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    try:
        done = subprocess.run(words, capture_output=True)
    except OSError as error:
        pytest.skip(f"no file system can be mounted here: {error}")
    if done.returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_keeps_what_was_paid_for_and_the_next_run_adds_it(
    home: Home, small_disk: Path
) -> None:
    path = str(small_disk / "s")
    with serving(answer_with(256)) as server:
        home.local(server.address, EMBEDDING)
        stdin = "\n".join(LINES)
        assert home.call("--into", path, "first", prog="loki-embed").code == 0
        (small_disk / "big").write_bytes(b"x" * 150_000)
        done = home.call("--into", path, stdin=stdin, prog="loki-embed")
        (small_disk / "big").unlink()
        assert done.code == 74 and "the next run adds them" in done.err
        assert f"output: cannot write {path}: no space left on device; " in done.err
        subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
        before = len(server.asked)
        again = home.call("--into", path, stdin=stdin, prog="loki-embed")
    assert again.code == 0 and len(server.asked) == before
    store = open_store(path).unwrap()
    assert Counter(store.dataset.to_table()["text"].to_pylist()) == Counter(["first", *LINES])
    assert not [*home.folder.glob("loki-store-*.arrow")]


def test_no_room_anywhere_is_said(home: Home) -> None:
    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    with serving(answer) as server:
        home.local(server.address, EMBEDDING)
        options: Any = {"preexec_fn": little_room}
        with lines(home) as given, start(home, "--no-ledger", stdin=given, **options) as process:
            _, err = process.communicate(timeout=60)
    assert process.returncode == 74
    assert b": file too large; 600 vectors are kept nowhere: that disk is full as well" in err


# ---- what it costs others ------------------------------------------------------------------------


def loaded(home: Home, prog: str, words: Sequence[str]) -> set[str]:
    """The modules that a command has loaded at its end."""
    probe = (
        "import json, sys\nfrom loki.cli.main import run_guarded\n"
        f"code = run_guarded({prog!r}, {list(words)!r})\n"
        "sys.stderr.write(json.dumps([code, sorted(sys.modules)]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], env=home.variables(), capture_output=True, timeout=60
    )
    code, modules = json.loads(done.stderr.splitlines()[-1])
    assert code == 0
    return set(modules)


def test_without_into_nothing_of_a_store_is_loaded(home: Home) -> None:
    with serving(answer) as server:
        home.local(server.address, EMBEDDING)
        modules = loaded(home, "loki-embed", ["one"])
    assert not {"lance", "numpy", "pyarrow", "loki.edge.retrieval", "loki.retrieval"} & modules
