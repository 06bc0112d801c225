"""A file of the cache is whole or not there, and the oldest make room."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from loki.edge.answer_files import (
    DRAFT,
    clear_folder,
    decode_file,
    encode_file,
    files_in,
    remove_oldest,
    write_file,
)
from loki.records import CachedResponse

KEPT = CachedResponse(200, {"content-type": "a/b"}, (b"one\n", b"", b"two"))
KEY = "k" * 64


def test_a_file_gives_back_what_was_kept() -> None:
    assert decode_file(encode_file(KEPT, KEY, 5), KEY, 6.0, None) == KEPT


def test_a_file_that_is_damaged_is_no_answer() -> None:
    data = encode_file(KEPT, KEY, 5)
    assert all(decode_file(data[:size], KEY, 6.0, None) is None for size in range(len(data)))
    changed = [
        data[:i] + bytes([data[i] ^ 1]) + data[i + 1 :] for i in range(len(data) - 7, len(data))
    ]
    assert all(decode_file(each, KEY, 6.0, None) is None for each in changed)
    assert decode_file(data + b"x", KEY, 6.0, None) is None
    assert decode_file(data, "another", 6.0, None) is None
    assert decode_file(b"[" * 100000, KEY, 6.0, None) is None


@pytest.mark.parametrize(
    ("now", "age", "is_there"),
    [(5.0, 1.0, True), (6.0, 1.0, True), (6.1, 1.0, False), (9e9, None, True), (4.0, 1.0, False)],
)
def test_an_old_file_is_no_answer(now: float, age: float | None, is_there: bool) -> None:
    assert (decode_file(encode_file(KEPT, KEY, 5), KEY, now, age) is not None) == is_there


def filled(folder: Path, count: int) -> list[str]:
    """Fill a folder with answers of 100 bytes, each older than the next."""
    names = [f"{number:064d}" for number in range(count)]
    for number, name in enumerate(names):
        write_file(str(folder), name, b"x" * 100)
        os.utime(folder / name, (number, number))
    return names


def test_the_oldest_make_room(tmp_path: Path) -> None:
    names = filled(tmp_path / "a", 10)
    remove_oldest(str(tmp_path / "a"), 450, 0)
    assert sorted(os.listdir(tmp_path / "a")) == names[6:]


def test_what_was_never_finished_is_taken_away_once_it_is_old(tmp_path: Path) -> None:
    names = filled(tmp_path / "a", 1)
    for name, then in (("old", 1.0), ("new", time.time())):
        (tmp_path / "a" / f"{DRAFT}{name}").write_bytes(b"half")
        os.utime(tmp_path / "a" / f"{DRAFT}{name}", (then, then))
    (tmp_path / "a" / "README").write_text("not ours")
    remove_oldest(str(tmp_path / "a"), 1000, time.time() - 60)
    assert sorted(os.listdir(tmp_path / "a")) == sorted([*names, f"{DRAFT}new", "README"])


def test_clearing_takes_all_answers_and_nothing_else(tmp_path: Path) -> None:
    filled(tmp_path / "a", 3)
    (tmp_path / "a" / f"{DRAFT}x").write_bytes(b"half")
    (tmp_path / "a" / "README").write_text("not ours")
    assert clear_folder(str(tmp_path / "a")).unwrap() == (4, 304)
    assert os.listdir(tmp_path / "a") == ["README"]
    assert (
        clear_folder(str(tmp_path / "a")).unwrap()
        == clear_folder(str(tmp_path / "b")).unwrap()
        == (0, 0)
    )


def test_a_folder_of_others_is_left_alone(tmp_path: Path) -> None:
    filled(tmp_path / "a", 1)
    (tmp_path / "a").chmod(0o777)
    problem = clear_folder(str(tmp_path / "a")).failure()
    assert problem.kind == "config" and "others can write it" in problem.message
    assert len(files_in(str(tmp_path / "a"))) == 1


WRITER = """
import sys
from loki.edge.answer_files import write_file, encode_file
from loki.records import CachedResponse
kept = CachedResponse(200, {}, (b"x" * 3_000_000,))
print(flush=True)
while True:
    write_file(sys.argv[1], "k" * 64, encode_file(kept, "k" * 64, 5))
"""


def test_writers_that_are_killed_leave_a_whole_answer_or_none(tmp_path: Path) -> None:
    for _ in range(8):
        command = [sys.executable, "-c", WRITER, str(tmp_path / "a")]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None and process.stdout.readline()
            while not (tmp_path / "a" / KEY).exists():
                time.sleep(0.001)
            process.kill()
        data = (tmp_path / "a" / KEY).read_bytes()
        assert decode_file(data, KEY, 6.0, None) is not None
