"""Streams at the shell: readers that leave, signals, terminals, memory, and many at once."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest
from commands import BIN, Home
from servers import (
    ANSWER,
    COUNTED,
    DONE,
    Asked,
    Script,
    Server,
    Step,
    delta,
    plain,
    serving,
    streamed,
)
from terminals import talk

# ---- readers that leave --------------------------------------------------------------------------

DRIP = [step for i in range(200) for step in (delta(f"line {i}\n"), 0.05)]
STALL = [delta("line 0\nline 1\n"), 30.0]


@pytest.mark.parametrize("steps", [DRIP, STALL], ids=["more comes", "nothing comes"])
@pytest.mark.parametrize("reader", ["head -c 1", "head -n 1"])
def test_a_reader_that_goes_away_stops_the_provider(
    home: Home, steps: list[Step], reader: str
) -> None:
    with serving(streamed(*steps)) as server:
        home.local(server.address)
        line = f"{BIN}/loki-pipe Hi 2>err | {reader}; echo ${{PIPESTATUS[0]}}"
        run = subprocess.Popen(
            ["bash", "-c", line],
            env=home.variables(),
            cwd=home.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        while not server.times:
            time.sleep(0.01)
        out, _ = run.communicate(timeout=10)
        assert time.monotonic() - server.times[0] < 5
        assert server.closed.wait(5)
    assert out.startswith(b"l") and out.endswith(b"141\n")
    assert (home.folder / "err").read_text() == "" and len(server.asked) == 1


def test_a_reader_that_read_it_all_is_no_failure(home: Home) -> None:
    with serving(streamed(delta("one line"), delta(None, "stop"), COUNTED, DONE)) as server:
        home.local(server.address)
        line = f"{BIN}/loki-pipe Hi | head -n 1; echo ${{PIPESTATUS[0]}}"
        for _ in range(3):
            run = subprocess.run(["bash", "-c", line], env=home.variables(), capture_output=True)
            assert run.stdout == b"one line\n0\n" and run.stderr == b""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize(
    "scripts", [[[30.0]], [streamed(30.0)], [plain("no", 503, "retry-after: 30\r\n")]]
)
def test_a_signal_ends_every_kind_of_waiting(
    home: Home, number: int, code: int, scripts: list[Script]
) -> None:
    with serving(*scripts) as server:
        home.local(server.address)
        with home.start("Hi", stdin=subprocess.DEVNULL) as process:
            while not server.times:
                time.sleep(0.01)
            time.sleep(0.15)  # until the answer, or the pause before the next attempt
            process.send_signal(number)
            out, err = process.communicate(timeout=3)
    assert (process.returncode, out, err) == (code, b"", b"")


# ---- terminals -----------------------------------------------------------------------------------

EVIL = "a\x1b[31mb\x1b]0;title\x07c\rd\x08e\x9b1mf\x00g\th\nî\x7f\x1bcj\x1b[38;5;1"
HARMLESS = "abcdefg\th\nîj"


def at_terminal(home: Home, *words: str, stderr: bool = False) -> str:
    """What a command shows at a terminal; the terminal's own line ends are undone."""
    ours, theirs = pty.openpty()
    where: Any = {"stderr" if stderr else "stdout": theirs}
    process = home.start(*words, "Hi", stdin=subprocess.DEVNULL, **where)
    os.close(theirs)
    shown = b""
    while piece := read(ours):
        shown += piece
    os.close(ours)
    with process:
        process.communicate(timeout=10)
    return shown.decode().replace("\r\n", "\n")


def read(terminal: int) -> bytes:
    """What is shown next, nothing at the end."""
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux: the other end is closed
        return b""


@pytest.fixture(params=[1, 2, 3, 99])
def evil(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A model that wants to take the terminal over, in pieces of a size."""
    size = request.param
    pieces = [EVIL[at : at + size] for at in range(0, len(EVIL), size)]
    thoughts = [delta(reasoning_content=piece) for piece in pieces]
    frames = [*thoughts, *map(delta, pieces), delta(None, "stop"), COUNTED, DONE]
    with serving(streamed(*frames)) as server:
        yield server


def test_a_terminal_is_not_taken_over(home: Home, evil: Server) -> None:
    home.local(evil.address)
    assert at_terminal(home) == HARMLESS + "\n"
    assert home.run("Hi").out == EVIL + "\n"  # a pipe gets what was said


def test_nor_by_thoughts(home: Home, evil: Server) -> None:
    home.local(evil.address)
    home.environ["NO_COLOR"] = "1"
    assert at_terminal(home, "--show-reasoning", stderr=True) == HARMLESS + "\n"


@pytest.mark.parametrize("words", [["-c"], ["-o", "json"], ["-o", "events"]])
def test_nor_by_other_kinds_of_output(home: Home, words: list[str]) -> None:
    frames = [delta(f"```\n{EVIL}\n```"), delta(None, "stop"), COUNTED, DONE]
    with serving(streamed(*frames)) as server:
        home.local(server.address)
        shown = at_terminal(home, *words)
    assert not {"\x1b", "\x9b", "\x00", "\x7f", "\x07", "\x08"} & set(shown)
    assert shown.endswith("\n")


def test_nor_by_what_goes_wrong(home: Home) -> None:
    body = {"error": {"message": EVIL, "code": EVIL}}
    with serving(plain(body, 400)) as server:
        home.local(server.address)
        home.environ["NO_COLOR"] = "1"
        shown = at_terminal(home, "-o", "json", stderr=True)
        events = at_terminal(home, "-o", "events")
    assert not {"\x1b", "\x9b", "\x00", "\x7f", "\x07", "\x08"} & set(shown + events)
    assert len(shown.splitlines()) == 2


# ---- much, and many ------------------------------------------------------------------------------


def test_a_long_answer_needs_little_memory(home: Home) -> None:
    batch = delta("x" * 1000) * 60
    frames = [batch] * (50_000_000 // len(batch))
    with serving(streamed(*frames, delta(None, "stop"), COUNTED, DONE)) as server:
        home.local(server.address)
        with open(os.devnull, "rb") as nothing:
            kibibytes = home.peak("Hi", prog="loki-pipe", stdin=nothing)
    assert kibibytes < 80 * 1024, f"{kibibytes} KiB"


def test_many_at_once_all_get_their_answers(home: Home) -> None:
    calls, lock = count(1), threading.Lock()

    def every_third(asked: Asked) -> Script:
        with lock:
            number = next(calls)
        busy = {"error": {"message": "Busy."}}
        return plain(busy, 503, "retry-after-ms: 20\r\n") if number % 3 == 0 else ANSWER

    with serving(every_third) as server:
        home.local(server.address, client="extra:\n  max_retries: 12\n")
        with ThreadPoolExecutor(8) as pool:
            result = [*pool.map(lambda _: home.run("-o", "json", "Hi"), range(40))]
    assert {done.code for done in result} == {0}, [done.err for done in result if done.code]
    assert sum(json.loads(done.out)["attempts"] for done in result) == len(server.asked)


# ---- what is printed and was not paid for --------------------------------------------------------

FREE = [
    ("loki-pipe", "--help"),
    ("loki-pipe", "--version"),
    ("loki-batch", "--help"),
    ("loki", "--info"),
    ("loki", "--man"),
    ("loki", "--list-models"),
    ("loki", "--completions", "bash"),
    ("loki-pipe", "--dry-run", "Hi"),
    ("loki-pipe", "--dry-run", "-o", "events", "Hi"),
    ("loki-cost", "-q", "-o", "csv"),
]


@pytest.mark.parametrize("words", FREE, ids=" ".join)
def test_what_was_not_paid_for_is_not_kept_where_stdout_is_full(
    home: Home, words: tuple[str, ...]
) -> None:
    home.local("http://127.0.0.1:9")
    prog, *rest = words
    with (
        open("/dev/full", "wb") as full,
        home.start(*rest, prog=prog, stdin=subprocess.DEVNULL, stdout=full) as process,
    ):
        _, err = process.communicate()
    first = f"{prog}: output: cannot write to stdout: No space left on device\n"
    assert process.returncode == 74 and err.decode().startswith(first)
    assert not [*home.folder.rglob(f"{prog}-*")]


@pytest.mark.parametrize("words", FREE, ids=" ".join)
def test_it_ends_as_any_filter_where_nobody_reads_it(home: Home, words: tuple[str, ...]) -> None:
    home.local("http://127.0.0.1:9")
    reading, writing = os.pipe()
    os.close(reading)
    prog, *rest = words
    with (
        open(writing, "wb") as gone,
        home.start(*rest, prog=prog, stdin=subprocess.DEVNULL, stdout=gone) as process,
    ):
        _, err = process.communicate()
    assert (process.returncode, err) == (141, b"")


BREAKS = [
    (streamed(delta("Half")), [], 76, "Half\nloki-pipe: garbled: "),
    (streamed(delta("cut"), delta(None, "length"), DONE), [], 0, "cut\nloki-pipe: the answer was"),
    (
        streamed(delta("cut"), delta(None, "length"), DONE),
        ["-C", "talk.jsonl"],
        0,
        "cut\nloki-pipe: the answer was not added to",
    ),
]


@pytest.mark.parametrize(("script", "words", "code", "start"), BREAKS)
@pytest.mark.parametrize("place", ["terminal", "one pipe", "apart"])
def test_no_message_is_glued_to_an_answer(
    home: Home, script: Script, words: list[str], code: int, start: str, place: str
) -> None:
    with serving(script) as server:
        home.local(server.address)
        home.environ["NO_COLOR"] = "1"
        given = ["-n", "--no-ledger", *words, "Hi"]
        if place == "terminal":
            given = [str(home.folder / word) if word == "talk.jsonl" else word for word in given]
            shown = talk(home, ["loki-pipe", *given])
            assert shown.startswith(start) and "\n\n" not in shown
            return
        both: dict[str, Any] = {"stderr": subprocess.STDOUT} if place == "one pipe" else {}
        with home.start(*given, cwd=home.folder, **both) as process:
            out, err = process.communicate(timeout=60)
    assert process.returncode == code
    if place == "one pipe":
        assert out.decode().startswith(start) and b"\n\n" not in out
    else:
        answer = start.partition("\n")[0]
        assert out.decode() == answer + ("" if code else "\n")
        assert err.decode().startswith(start.partition("\n")[2])
