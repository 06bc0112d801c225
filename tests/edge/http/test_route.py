"""The way of a request, found without connecting to anybody."""

from __future__ import annotations

import pytest
from returns.result import Success

from loki.edge.http.route import check_route
from loki.edge.http.transport import make_transport
from loki.records import Ask, Client, Dialect, Draft, Limits, Model, Request, Target
from loki.redaction.redactor import Redactor


def request_to(url: str, proxy: str | None) -> Request:
    limits = Limits(connect=1.0, idle=1.0, total=1.0, proxy=proxy)
    target = Target(Ask("Hi"), Client("c", "openai", {}), Model("m", "m"), Dialect(), limits)
    return Request(Draft(target, url, {}, {}), url, {}, b"{}")


@pytest.mark.parametrize(
    "proxy", ["", "http://a.example:1", "socks5h://a.example", "a.example:3128"]
)
@pytest.mark.parametrize("url", ["http://b.invalid/x", "https://b.invalid/x"])
def test_nobody_is_connected_on_a_good_way(url: str, proxy: str) -> None:
    request = request_to(url, proxy)
    assert check_route(make_transport().unwrap(), request, Redactor()) == Success(request)


@pytest.mark.parametrize(
    ("proxy", "message"),
    [
        ("foo://a.example", "'foo://a.example' is no proxy: proxy url had unsupported scheme foo"),
        ("foo://u:secret9@a.example", "'foo://a.example' is no proxy: "),
        ("socks9://a.example", "socks9"),
    ],
)
def test_a_bad_way_is_a_problem_of_the_configuration(proxy: str, message: str) -> None:
    request = request_to("http://b.invalid/x", proxy)
    problem = check_route(make_transport().unwrap(), request, Redactor()).failure()
    assert problem.kind == "config" and message in problem.message
    assert "secret9" not in problem.message
