"""A token in a file: when it is renewed, by whom, and what is left when that goes wrong."""

from __future__ import annotations

import json
import logging
import os
import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from returns.result import Result, Success

from loki.edge.auth import token_cache
from loki.edge.auth.token_cache import Token, is_valid, read_token, save_token, valid_token
from loki.problems import Problem, fail

FRESH = Token("new", "again", 1000.0, None)


def must_not_renew(old: Token | None) -> Result[Token, Problem]:
    """Fail the test: this source must not be asked."""
    raise AssertionError("renewed without need")


def renew_to_fresh(old: Token | None) -> Result[Token, Problem]:
    """Return a new token."""
    return Success(FRESH)


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Return the path of a file that does not exist, nor does its folder."""
    return str(tmp_path / "oauth" / "local.json")


#: Seconds of a token's life, seconds of it gone -> whether it is still used.
LIVES = [
    (3600, 0, True),
    (3600, 3539, True),
    (3600, 3541, False),  # a minute before
    (5, 4.4, True),
    (5, 4.6, False),  # of a short life a tenth
    (5, 6, False),
    (None, 10**9, True),
]


@pytest.mark.parametrize("life, gone, used", LIVES)
def test_a_token_is_renewed_a_little_before_its_end(
    life: float | None, gone: float, used: bool
) -> None:
    token = Token("a", obtained=0.0, expires=life)
    assert is_valid(token, "", gone) is used


def test_a_good_token_is_used_without_asking_or_locking(path: str) -> None:
    save_token(path, Token("a", "b", time.time(), time.time() + 3600))
    os.unlink(f"{path}.lock")
    assert valid_token(path, must_not_renew, {}).unwrap().access == "a"
    assert not os.path.exists(f"{path}.lock")


def test_a_refused_token_is_renewed_unless_another_process_did_that(path: str) -> None:
    save_token(path, Token("a"))
    assert valid_token(path, renew_to_fresh, {}, refused="a").unwrap() == FRESH
    assert read_token(path) == FRESH
    assert valid_token(path, must_not_renew, {}, refused="a").unwrap() == FRESH


def test_the_file_is_for_its_owner_alone(path: str) -> None:
    assert valid_token(path, renew_to_fresh, {}).unwrap() == FRESH
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700
    assert set(os.listdir(os.path.dirname(path))) == {"local.json", "local.json.lock"}


def test_a_renewal_that_fails_leaves_the_file_untouched(path: str) -> None:
    save_token(path, Token("a", "b", 0.0, 1.0))
    before = Path(path).read_bytes()
    assert valid_token(path, lambda old: fail("offline", "gone"), {}).failure().kind == "offline"
    assert Path(path).read_bytes() == before


def test_of_many_at_once_one_renews_and_all_have_the_new_one(path: str) -> None:
    save_token(path, Token("a", "b", 0.0, 1.0))
    asked: list[Token | None] = []

    def slowly(old: Token | None) -> Result[Token, Problem]:
        asked.append(old)
        time.sleep(0.2)
        return Success(FRESH)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: valid_token(path, slowly, {}).unwrap(), range(8)))
    assert found == [FRESH] * 8 and len(asked) == 1


def test_one_that_waits_too_long_is_told_so(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_cache, "LOCK_TIMEOUT", 0.1)
    entered, leave = threading.Event(), threading.Event()

    def stuck(old: Token | None) -> Result[Token, Problem]:
        entered.set()
        leave.wait(10)
        return Success(FRESH)

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(valid_token, path, stuck, {})
        entered.wait(10)
        problem = valid_token(path, must_not_renew, {}).failure()
        leave.set()
        assert first.result().unwrap() == FRESH
    assert problem.kind == "busy" and "another process" in problem.message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "\0",
        '{"access": 1, "refresh": "", "obtained": 0, "expires": null}',
        '{"access": "a", "refresh": "", "obtained": 0, "expires": "soon"}',
        json.dumps({**FRESH._asdict(), "access": None}),
    ],
)
def test_what_is_no_token_is_none(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path))
    Path(path).write_text(text)
    assert read_token(path) is None
    assert valid_token(path, renew_to_fresh, {}).unwrap() == FRESH


def test_a_token_that_cannot_be_written_serves_this_process_and_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "oauth").write_text("a file, no folder")
    path = str(tmp_path / "oauth" / "local.json")
    unwritten = dict[str, Token]()
    assert valid_token(path, renew_to_fresh, unwritten).unwrap() == FRESH
    ((name, level, words),) = caplog.record_tuples
    assert (name, level) == ("loki", logging.WARNING)
    assert words.startswith(f"cannot write {path}: ") and words.endswith("this process")
    # A refresh token may be worth nothing a second time.
    assert valid_token(path, must_not_renew, unwritten).unwrap() == FRESH
    problem = save_token(path, FRESH).failure()
    assert problem.kind == "config" and problem.message.startswith(f"cannot write {path}: ")
