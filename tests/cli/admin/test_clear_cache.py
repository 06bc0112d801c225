"""loki --clear-cache deletes what --cache kept."""

from __future__ import annotations

import os

from commands import Home
from servers import ANSWER, serving


def test_what_was_kept_is_deleted_and_asked_for_again(home: Home) -> None:
    with serving(ANSWER) as server:
        home.local(server.address)
        assert home.call("--cache", "Hi").code == 0
        (name,) = os.listdir(home.folder / "answers")
        size = (home.folder / "answers" / name).stat().st_size
        done = home.call("--clear-cache", prog="loki")
        assert (done.code, done.err) == (0, "")
        assert done.out == f"1 answer deleted, {size:,} bytes: {home.folder}/answers\n"
        assert home.call("--cache", "Hi").code == 0 and len(server.asked) == 2


def test_nothing_to_delete_is_no_failure(home: Home) -> None:
    done = home.call("--clear-cache", prog="loki")
    assert (done.code, done.out) == (0, f"0 answers deleted, 0 bytes: {home.folder}/answers\n")


def test_text_beside_it_is_a_mistake(home: Home) -> None:
    assert home.call("--clear-cache", "now", prog="loki").code == 64


def test_a_folder_that_others_can_write_is_left_alone(home: Home) -> None:
    (home.folder / "answers").mkdir()
    (home.folder / "answers").chmod(0o777)
    done = home.call("--clear-cache", prog="loki")
    assert done.code == 78 and "others can write it" in done.err
