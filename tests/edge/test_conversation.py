"""The file of a conversation: all turns of a call or none, one writer at a time, nobody else's."""

from __future__ import annotations

import os
import resource
import stat
import threading
import time
from math import inf
from pathlib import Path

import pytest
from commands import Home
from servers import ANSWER, serving

from loki.edge import conversation
from loki.edge.conversation import append, lock_turns, read_turns, save_aside
from loki.messages import Message

LINE = '{"role":"user","content":"Hi"}\n'
HI = Message("user", "Hi")


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for locks, beside no conversation."""
    monkeypatch.setenv("LOKI_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


def silent() -> None:
    """Say nothing of waiting."""


def test_a_file_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    assert append(str(path), LINE * 2).unwrap() is None
    assert path.read_text() == LINE * 2 and stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    path.write_text(LINE)
    path.chmod(0o640)
    assert append(str(path), LINE).unwrap() is None
    assert path.read_text() == LINE * 2 and stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_last_line_without_an_end_gets_one(tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    path.write_text(LINE.rstrip())
    assert append(str(path), LINE).unwrap() is None and path.read_text() == LINE * 2


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    path.write_text(LINE)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(LINE) + 10, before[1]))
    try:
        problem = append(str(path), LINE).failure()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert problem.kind == "output" and str(path) in problem.message
    assert path.read_text() == LINE


def test_what_is_not_text_for_a_file_is_written_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    assert append(str(path), f'{{"a":"{chr(0xD800)}"}}\n').unwrap() is None
    assert path.read_text() == '{"a":"?"}\n'


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("folder", "usage", "is not a file that can be read and added to"),
        ("pipe", "usage", "is not a file that can be read and added to"),
        ("nowhere/talk.jsonl", "missing", "--conversation: no folder "),
        ("loop", "output", "loop: too many levels of symbolic links"),
        ("astray", "missing", "--conversation: no folder "),
        (f"{'n' * 300}", "output", "file name too long"),
        ("image/talk.jsonl", "missing", "--conversation: no folder "),
        ("image", "input", "image is not UTF-8 text: byte 0 is 0x89"),
        ("broken", "input", "broken:2:1: not JSON: expecting value"),
        ("array", "input", "array is a JSON array, to which --conversation cannot add: make it"),
    ],
)
def test_what_is_no_conversation_is_said(
    tmp_path: Path, name: str, kind: str, message: str
) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "image").write_bytes(b"\x89PNG")
    (tmp_path / "array").write_text("[]")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "astray").symlink_to("nowhere/talk.jsonl")
    (tmp_path / "broken").write_text(f"{LINE}Hello")
    problem = read_turns(str(tmp_path / name)).failure()
    assert problem.kind == kind and message in problem.message
    assert "-f" not in problem.message


def test_a_link_to_a_file_that_is_not_there_yet_is_an_empty_conversation(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("talk.jsonl")
    assert read_turns(str(tmp_path / "link")).unwrap() == ()
    assert append(str(tmp_path / "link"), LINE) and (tmp_path / "talk.jsonl").read_text() == LINE


def test_a_missing_file_is_an_empty_conversation(tmp_path: Path) -> None:
    assert read_turns(str(tmp_path / "talk.jsonl")).unwrap() == ()
    assert not (tmp_path / "talk.jsonl").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_that_cannot_be_written_is_said_before_anything_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    path.write_text(LINE)
    path.chmod(0o400)
    assert read_turns(str(path)).failure().kind == "output"


def test_the_lock_lies_elsewhere_and_is_one_for_all_names_of_a_file(
    tmp_path: Path, state: Path
) -> None:
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "talk.jsonl")
    for name in ("talk.jsonl", "link.jsonl", "state/../talk.jsonl"):
        with lock_turns(str(tmp_path / name), inf, silent) as turns:
            assert turns.unwrap() == ()
    assert sorted(os.listdir(tmp_path)) == ["link.jsonl", "state"]
    assert len(os.listdir(state / "locks")) == 1


def test_without_a_state_folder_the_lock_lies_beside_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOKI_STATE_DIR", "/dev/null/nowhere")
    with lock_turns(str(tmp_path / "talk.jsonl"), inf, silent) as turns:
        assert turns.unwrap() == () and (tmp_path / "talk.jsonl.lock").exists()


def test_a_second_writer_waits_and_sees_what_the_first_one_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "LOCK_TIMEOUT", 0.05)
    path, waiting, seen = str(tmp_path / "talk.jsonl"), threading.Event(), list[object]()

    def second() -> None:
        with lock_turns(path, inf, waiting.set) as turns:
            seen.append(turns.unwrap())

    with lock_turns(path, inf, silent):
        thread = threading.Thread(target=second)
        thread.start()
        assert waiting.wait(20) and not seen
        append(path, LINE)
    thread.join(20)
    assert seen == [(HI,)]


def test_a_writer_does_not_wait_beyond_its_time(tmp_path: Path) -> None:
    path, problems = str(tmp_path / "talk.jsonl"), list[str]()

    def second() -> None:
        with lock_turns(path, time.monotonic() + 0.1, silent) as turns:
            problems.append(turns.failure().kind)

    with lock_turns(path, inf, silent):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(20)
    assert problems == ["busy"]


def test_what_is_kept_aside_lies_beside_or_with_the_program_s_own(
    tmp_path: Path, state: Path
) -> None:
    path = tmp_path / "talk.jsonl"
    assert save_aside(str(path), LINE).unwrap() == f"{path}.aside"
    assert save_aside(str(path), LINE).unwrap() == f"{path}.aside"
    assert Path(f"{path}.aside").read_text() == LINE * 2
    Path(f"{path}.aside").unlink()
    Path(f"{path}.aside").symlink_to(tmp_path / "another file")
    place = save_aside(str(path), LINE).unwrap()
    assert place.startswith(str(state / "conversations")) and Path(place).read_text() == LINE
    assert not (tmp_path / "another file").exists()


@pytest.mark.parametrize("path", ["talk.jsonl", "./talk.jsonl"])
def test_a_folder_that_was_removed_is_said(home: Home, path: str) -> None:
    folder = home.folder / "gone"
    folder.mkdir()
    with serving(ANSWER) as server:
        home.local(server.address)
        with home.start("-n", "-C", path, "Hi", cwd=folder, preexec_fn=folder.rmdir) as process:
            out, err = process.communicate(timeout=60)
    why = f"no file {path}: the folder one is in was removed"
    message = f"loki-pipe: missing: --conversation: {why}\n"
    assert (process.returncode, out, err.decode()) == (66, b"", message)
    assert not server.asked
