"""What is read for a prompt: endless files, pipes that nobody writes, each with a limit."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import Home
from servers import plain, reply, serving

from loki.edge.stdin import TooLargeError, read_file

SPARSE = 1 << 40  # bytes: no disk holds them


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    """A pipe in a folder, which nobody writes."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


@pytest.mark.parametrize("limit", [0, 9, 10, 11])
def test_a_file_may_be_as_large_as_its_limit(tmp_path: Path, limit: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    if limit >= 10:
        assert read_file(str(path), limit=limit) == b"0123456789"
        return
    with pytest.raises(TooLargeError):
        read_file(str(path), limit=limit)


def test_a_pipe_is_read_to_its_end_however_late_it_is_written(fifo: Path) -> None:
    late = "import sys, time; time.sleep(0.3); open(sys.argv[1], 'w').write('late' * 50_000)"
    with subprocess.Popen([sys.executable, "-c", late, str(fifo)]):
        assert read_file(str(fifo)) == b"late" * 50_000
    with subprocess.Popen([sys.executable, "-c", late, str(fifo)]):
        assert read_file(str(fifo), deadline=time.monotonic() + 60) == b"late" * 50_000


def test_a_pipe_that_nobody_writes_ends_in_time(fifo: Path) -> None:
    with pytest.raises(TimeoutError):
        read_file(str(fifo), deadline=time.monotonic() + 0.1)


TOOLS = '[{"type": "function", "function": {"name": "f", "parameters": {}}}]'
FLAGS = {
    "-f": "--file",
    "-T": "--template",
    "--schema": "--schema",
    "--tools": "--tools",
    "--messages": "--messages",
    "--system-file": "--system-file",
    "--patch": "--patch",
}


@pytest.mark.parametrize("flag", FLAGS)
def test_the_time_for_everything_spans_files_that_are_pipes(
    home: Home, fifo: Path, flag: str
) -> None:
    home.local("http://127.0.0.1:9")
    done = home.call("--timeout", "0.2", flag, str(fifo), "Hi")
    message = f"loki-pipe: offline: {FLAGS[flag]}: {fifo} did not end within the time"
    assert done.code == 69 and done.err.startswith(message)


@pytest.mark.parametrize("flag", [*FLAGS, "-C"])
def test_what_is_endless_is_refused_by_its_name_and_the_limit(
    home: Home, tmp_path: Path, flag: str
) -> None:
    home.local("http://127.0.0.1:9")
    path = tmp_path / "huge"
    path.touch(0o600)
    os.truncate(path, SPARSE)
    done = home.call(flag, str(path), "Hi")
    limit = {"-f": 512, "-T": 16}.get(flag, 64)
    assert done.code == 65, done.err
    assert f": {path} is larger than {limit} MiB, the most that is read of it\n" in done.err


@pytest.mark.parametrize("name", ["config.yaml", ".env"])
def test_settings_that_are_endless_are_refused(home: Home, name: str) -> None:
    home.local("http://127.0.0.1:9")
    path = home.folder / name
    path.touch(0o600)
    path.chmod(0o600)
    os.truncate(path, SPARSE)
    done = home.call("Hi")
    assert done.code == 78 and f"{path} is larger than 64 MiB" in done.err


@pytest.mark.parametrize("words", [["Hi"], ["-f", "-", "Hi"]])
def test_stdin_that_is_endless_is_refused(home: Home, words: list[str]) -> None:
    home.local("http://127.0.0.1:9")
    with open("/dev/zero", "rb") as zeros, home.start(*words, stdin=zeros) as process:
        _, err = process.communicate(timeout=60)
    assert process.returncode == 65
    assert err == b"loki-pipe: input: stdin is larger than 512 MiB, the most that is read of it\n"


@pytest.mark.parametrize("flag", ["--tools", "--patch", "-f", "--system-file"])
def test_a_file_may_be_a_pipe(home: Home, fifo: Path, flag: str) -> None:
    texts = {"--tools": TOOLS, "-f": "Read me.", "--system-file": "Be brief."}
    write = "import sys; open(sys.argv[1], 'w').write(sys.argv[2])"
    with serving(plain(reply("{}"))) as server:
        home.local(server.address, "supports_function_calling: true")
        words = [sys.executable, "-c", write, str(fifo), texts.get(flag, "{}")]
        with subprocess.Popen(words):
            done = home.call(flag, str(fifo), "--no-stream", "Hi")
    assert done.code == 0, done.err
