"""What messages show of an exception or an address: short, in one line, and no secret."""

from __future__ import annotations

from http.client import BadStatusLine

import pytest
import requests
from urllib3.exceptions import MaxRetryError, ProtocolError

from loki.edge.http.describe import describe_error, host_of, root_cause
from loki.redaction.redactor import Redactor

SECRET = "sk-0123456789abcdef"


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://a.example", "https://a.example"),
        ("http://[::1]:8080/v1?x=/y", "http://[::1]:8080"),
        ("https://u:p@q@a.example/v1/a@b", "https://a.example"),
    ],
)
def test_a_host_has_neither_path_nor_password(url: str, host: str) -> None:
    assert host_of(url) == host


RESET = ConnectionResetError(104, "Connection reset by peer")


@pytest.mark.parametrize(
    "error",
    [
        RESET,
        ProtocolError("Connection aborted.", RESET),
        requests.ConnectionError(ProtocolError("Connection aborted.", RESET)),
        requests.ConnectionError(MaxRetryError(None, "/", ProtocolError("x", RESET))),  # type: ignore[arg-type]
    ],
    ids=["bare", "urllib3's", "in requests'", "its reason"],
)
def test_the_cause_is_the_innermost_exception(error: Exception) -> None:
    assert root_cause(error) is RESET


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(2, "No such file", "ca.pem"), "no such file"),
        (OSError(-2, "Name or service not known"), "name or service not known"),
        (
            OSError("<C object at 0x7f>: Failed to establish a new connection: [Errno 1] No way"),
            "no way",
        ),
        (
            OSError("[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1000)"),
            "wrong version number",
        ),
        (ValueError("two\n  lines,\tone text."), "two lines, one text"),
        (ValueError(), "valueerror"),
        (ValueError("x" * 999), "x" * 300),
    ],
    ids=["file", "system", "urllib3", "tls", "lines", "no text", "long"],
)
def test_an_exception_is_one_short_line(error: Exception, text: str) -> None:
    assert describe_error(error, Redactor()) == text


def test_a_secret_is_hidden_before_the_text_is_cut() -> None:
    error = ValueError("x" * 290 + SECRET)
    assert describe_error(error, Redactor(SECRET)) == "x" * 290 + "***"


def test_a_line_of_a_server_may_end_within_a_secret() -> None:
    half = f"HTTP/1.1 {SECRET[:10]}"
    assert describe_error(BadStatusLine(half), Redactor(SECRET)) == "http/1.1 ***"
