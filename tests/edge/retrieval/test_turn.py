"""One process at a time adds to a store; a turn is given back once nothing is out, or by a kill."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

from loki.edge.retrieval.turn import Turn

HOLD = """
import sys, time
from loki.edge.retrieval.turn import Turn
assert Turn(*sys.argv[1:], print).take()
print("taken", flush=True)
time.sleep(60)
"""


def turn(folder: Path, message: list[str], store: str = "s") -> Turn:
    """Return the turn of a store in a folder."""
    return Turn(str(folder / store), str(folder / "state"), message.append)


def test_a_turn_is_kept_while_texts_are_out(tmp_path: Path) -> None:
    own = turn(tmp_path, [])
    assert [own.take(), own.take()] == [True, False]
    own.give_back()
    assert own.is_held and own.arrive(2) == 0
    own.give_back()
    assert not own.is_held and own.take()
    own.give_back(at_once=True)
    assert not own.is_held


def test_another_waits_for_its_end_and_says_so(tmp_path: Path) -> None:
    message, first = list[str](), turn(tmp_path, [])
    second, other = turn(tmp_path, message), turn(tmp_path, message, "t")
    first.take()
    assert other.take() and not message  # of another store
    waiting = threading.Thread(target=second.take, daemon=True)
    waiting.start()
    while not message:
        pass
    assert not second.is_held
    first.arrive(1)
    first.give_back()
    waiting.join(30)
    assert second.is_held
    assert message == [f"another process is adding to {tmp_path / 's'}: waiting for its end"]


def test_a_process_that_is_killed_gives_it_back(tmp_path: Path) -> None:
    own, words = turn(tmp_path, []), [str(tmp_path / "s"), str(tmp_path / "state")]
    with subprocess.Popen([sys.executable, "-c", HOLD, *words], stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdout.readline() == b"taken\n"
        process.kill()
    assert own.take()


def test_without_a_folder_nobody_waits(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    own = turn(tmp_path, [])
    assert own.take()
    own.give_back(at_once=True)
    assert not os.path.exists(own.lock.lock_file)
