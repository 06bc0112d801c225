"""A proxy that cannot be one is named before anything is sent: the client's, or a variable's."""

from __future__ import annotations

import pytest

from loki.edge.http.proxies import environment_proxy, explain_bad_proxy

NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
WEB = "http://a.example/v1"
BAD = "http://u:passw0rd@proxy.example:port"


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start without any."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize("own", ["", "-", "http://proxy.example:3128", "socks5h://127.0.0.1:9"])
def test_a_client_s_own_proxy_or_none_puts_a_bad_variable_out_of_force(
    own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", BAD)
    assert explain_bad_proxy(None, WEB) and not explain_bad_proxy(own, WEB)


def test_a_bad_proxy_of_a_client_is_explained_without_its_password() -> None:
    why = explain_bad_proxy(BAD, WEB)
    assert "proxy.example" in why and "passw0rd" not in why


@pytest.mark.parametrize(
    ("name", "url", "is_named"),
    [
        ("http_proxy", WEB, True),
        ("HTTP_PROXY", WEB, True),
        ("all_proxy", WEB, True),
        ("HTTPS_PROXY", "HTTPS://a.example", True),
        ("https_proxy", WEB, False),  # of another scheme
        ("http_proxy", "http:///v1", False),  # no address: that is reported later
    ],
)
def test_a_bad_variable_is_named_where_it_is_in_force(
    name: str, url: str, is_named: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, BAD)
    why = explain_bad_proxy(None, url)
    assert why.startswith(f"{name}: ") if is_named else not why
    assert "passw0rd" not in why


@pytest.mark.parametrize(
    "environ",
    [
        {"http_proxy": "http://proxy.example:1", "all_proxy": BAD},
        {"http_proxy": BAD, "no_proxy": "a.example"},
    ],
    ids=["another goes first", "the host is excepted"],
)
def test_a_bad_variable_that_is_not_used_is_no_fault(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert explain_bad_proxy(None, WEB) == ""
    assert environment_proxy("http://b.example") == environ["http_proxy"]
