"""The listener for a browser's redirect, and the first answer: from there or pasted."""

from __future__ import annotations

import io
import socket
import threading
from urllib.parse import urlsplit

import pytest
import requests
from returns.result import Success

from loki.edge.auth.oauth_callback import Answers, listen, read_pasted, wait_for_answer

STATE = "s-0123456789"


def get(address: str, path: str) -> requests.Response:
    """Return what the listener says to a browser."""
    parts = urlsplit(address)
    return requests.get(f"http://{parts.netloc}{path}", timeout=10)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_browser_s_answer_is_taken_with_all_of_its_address(host: str) -> None:
    answers = Answers()
    address = listen(f"http://{host}:0/back", STATE, answers).unwrap()
    assert address.startswith(f"http://{host}:") and address.endswith("/back")
    response = get(address, f"/back?code=a&state={STATE}")
    assert response.status_code == 200 and "loki has the answer" in response.text
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert wait_for_answer(answers, True, 10) == Success(f"/back?code=a&state={STATE}")


@pytest.mark.parametrize("path", ["/", "/favicon.ico", "/back", "/back/?code=a", "/other?code=a"])
def test_what_else_a_browser_asks_for_is_no_answer(path: str) -> None:
    answers = Answers()
    address = listen("http://127.0.0.1:0/back", STATE, answers).unwrap()
    assert get(address, path).status_code == 404 and answers.empty()


OTHERS = {
    "anything": ("/back?x=1", 400),
    "no state": ("/back?code=a", 400),
    "another state": ("/back?code=a&state=b", 400),
    "an empty state": ("/back?code=a&state=", 400),
    "the state and another": (f"/back?code=a&state={STATE}&state=b", 400),
    "two codes": (f"/back?code=a&code=b&state={STATE}", 400),
    "a code and an error": (f"/back?code=a&error=no&state={STATE}", 400),
    "neither": (f"/back?state={STATE}", 400),
    "a state that is no ASCII": ("/back?code=a&state=%C3%A9", 400),
    "another path": (f"/other?code=a&state={STATE}", 404),
    "more of a path": (f"/back/more?code=a&state={STATE}", 404),
    "so many fields": ("/back?" + "a=1&" * 200 + f"code=a&state={STATE}", 400),
}


@pytest.mark.parametrize("case", OTHERS)
def test_whatever_is_not_the_answer_to_this_login_is_refused_and_waited_on(case: str) -> None:
    path, status = OTHERS[case]
    answers = Answers()
    address = listen("http://127.0.0.1:0/back", STATE, answers).unwrap()
    assert get(address, path).status_code == status and answers.empty()
    assert get(address, f"/back?error=access_denied&state={STATE}").status_code == 200
    assert "access_denied" in str(wait_for_answer(answers, True, 10))


@pytest.mark.parametrize("host", ["a.example", "127.0.0.1", "127.0.0.1:1", "localhost.a.example"])
def test_another_name_for_this_machine_is_refused(host: str) -> None:
    answers = Answers()
    address = listen("http://127.0.0.1:0/back", STATE, answers).unwrap()
    headers, end = {"Host": host}, f"?code=a&state={STATE}"
    assert requests.get(address + end, headers=headers, timeout=10).status_code == 421
    assert answers.empty()


def test_another_page_that_asks_a_hundred_times_keeps_no_answer_out() -> None:
    answers = Answers()
    address = listen("http://127.0.0.1:0/back", STATE, answers).unwrap()
    paths = ["/back?x=1", "/back?code=a&state=b", f"/other?code=a&state={STATE}", "/"] * 25
    messages: list[int] = []
    askers = [
        threading.Thread(target=lambda path=path: messages.append(get(address, path).status_code))
        for path in paths
    ]
    for i, asker in enumerate(askers):
        asker.start()
        if i == 50:
            assert get(address, f"/back?code=right&state={STATE}").status_code == 200
    for asker in askers:
        asker.join(30)
    assert len(messages) == 100 and 200 not in messages
    assert wait_for_answer(answers, True, 10) == Success(f"/back?code=right&state={STATE}")
    assert answers.empty()


def test_the_page_says_that_it_is_done_and_keeps_nothing() -> None:
    address = listen("http://127.0.0.1:0/back", STATE, Answers()).unwrap()
    response = get(address, f"/back?code=a&state={STATE}")
    assert "Done" in response.text and response.headers["Cache-Control"] == "no-store"
    assert response.headers["Content-Security-Policy"] == "default-src 'none'"


def test_an_address_without_a_path_is_taken_too() -> None:
    answers = Answers()
    address = listen("http://127.0.0.1:0", STATE, answers).unwrap()
    assert get(address, f"/?code=a&state={STATE}").status_code == 200
    assert wait_for_answer(answers, True, 10) == Success(f"/?code=a&state={STATE}")


def test_a_connection_that_says_nothing_keeps_nobody_waiting() -> None:
    answers = Answers()
    address = listen("http://127.0.0.1:0/back", STATE, answers).unwrap()
    parts = urlsplit(address)
    with socket.create_connection((parts.hostname or "", parts.port or 0)):
        assert get(address, f"/back?code=a&state={STATE}").status_code == 200
    assert wait_for_answer(answers, True, 10) == Success(f"/back?code=a&state={STATE}")


def test_the_answer_is_written_nowhere(capfd: pytest.CaptureFixture[str]) -> None:
    address = listen("http://127.0.0.1:0/back", STATE, Answers()).unwrap()
    get(address, f"/back?code=very-secret&state={STATE}")
    get(address, "/back?code=very-secret")
    get(address, "/other?code=very-secret")
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        problem = listen(f"http://127.0.0.1:{port}/back", STATE, Answers()).failure()
    assert problem.kind == "config"
    assert problem.message.startswith(f"cannot listen on 127.0.0.1:{port}: ")


def test_a_port_that_is_given_back_in_a_moment_is_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        threading.Timer(0.3, taken.close).start()
        address = listen(f"http://127.0.0.1:{port}/back", STATE, Answers()).unwrap()
    assert address == f"http://127.0.0.1:{port}/back"


@pytest.mark.parametrize(
    ("typed", "answer"), [("code#state\n", "code#state"), ("\n  \n  code \n", "code")]
)
def test_a_pasted_line_is_an_answer(typed: str, answer: str) -> None:
    answers = Answers()
    read_pasted(io.StringIO(typed), answers)
    assert wait_for_answer(answers, False, 10) == Success(answer)


@pytest.mark.parametrize("typed", ["", "\n \n", None])
def test_the_end_of_standard_input_is_no_answer(typed: str | None) -> None:
    answers = Answers()
    read_pasted(None if typed is None else io.StringIO(typed), answers)
    problem = wait_for_answer(answers, False, 10).failure()
    assert problem.kind == "auth"
    assert problem.message == "no code was given: standard input has ended"


def test_bytes_that_are_no_text_are_no_answer_and_no_crash() -> None:
    answers = Answers()
    read_pasted(io.TextIOWrapper(io.BytesIO(b"\xff\n"), encoding="utf-8"), answers)
    assert wait_for_answer(answers, False, 10).failure().kind == "auth"


def test_a_browser_may_come_after_standard_input_has_ended() -> None:
    answers = Answers()
    answers.put(None)
    answers.put("/back?code=a")
    assert wait_for_answer(answers, True, 10) == Success("/back?code=a")


def test_nobody_is_waited_for_without_end() -> None:
    problem = wait_for_answer(Answers(), True, 0.05).failure()
    assert (problem.kind, problem.message) == ("auth", "no answer came within 0.05 s")
