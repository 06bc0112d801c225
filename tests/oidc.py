"""A strict OAuth 2 server (npm's oidc-provider), a person with a browser, and what was asked."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urljoin, urlsplit

import pytest
import requests
from servers import Asked, Server, Step, plain, serving
from support import ROOT, SHARED

SCRIPT = SHARED / "tools" / "oidc" / "server.mjs"
PACKAGES = ROOT / ".venv" / "oidc" / "node_modules"  # npm install --prefix .venv/oidc oidc-provider
MISSING = [
    what
    for what, found in {
        "node": shutil.which("node"),
        "the oidc server's script": SCRIPT.exists(),
        "oidc-provider in .venv/oidc": (PACKAGES / "oidc-provider").exists(),
    }.items()
    if not found
]
needed = pytest.mark.skipif(bool(MISSING), reason=f"no {' and no '.join(MISSING)}")

REDIRECT = "http://127.0.0.1:9999/cb"


@dataclass
class Oidc:
    """The server, and in front of its token endpoint one that counts."""

    address: str
    tokens: Server

    @property
    def grants(self) -> list[dict[str, str]]:
        """Every token request so far."""
        return [dict(parse_qsl(asked.body.decode())) for asked in self.tokens.asked]

    @property
    def refreshes(self) -> list[str]:
        """Every refresh token that was used so far."""
        return [each["refresh_token"] for each in self.grants if "refresh_token" in each]

    def knows(self, bearer: str) -> bool:
        """Whether an access token is good now, in the server's own eyes."""
        answer = requests.get(f"{self.address}/me", headers={"Authorization": bearer}, timeout=10)
        return answer.status_code == 200

    def settings(self, **more: str) -> str:
        """A client's settings to log in here."""
        result = {
            "client_id": "cli",
            "authorize_url": f"{self.address}/auth",
            "token_url": f"{self.tokens.address}/token",
            "redirect_uri": REDIRECT,
            "scopes": "openid",
            **more,
        }
        result = {key: message for key, message in result.items() if message}
        return "auth: oauth\noauth:\n" + "".join(
            f"  {key}: {message}\n" for key, message in result.items()
        )


@contextmanager
def oidc(folder: Path) -> Iterator[Oidc]:
    """The server, on a free port, for the length of a block."""
    shutil.copy(SCRIPT, folder / "server.mjs")
    (folder / "node_modules").symlink_to(PACKAGES)
    port = free_port()
    with subprocess.Popen(
        ["node", str(folder / "server.mjs"), str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        while not (line := process.stdout.readline()).startswith(b"up"):
            assert line, "the server did not start"
        address = f"http://127.0.0.1:{port}"
        try:
            with serving(lambda asked: passed_on(asked, f"{address}/token")) as tokens:
                yield Oidc(address, tokens)
        finally:
            process.kill()


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def passed_on(asked: Asked, url: str) -> list[Step]:
    """The answer of the server behind."""
    kept = ("content-type", "authorization")
    headers = {name: asked.headers[name] for name in kept if name in asked.headers}
    answer = requests.post(url, data=asked.body, headers=headers, timeout=10)
    return plain(answer.json(), answer.status_code)


# ---- the person --------------------------------------------------------------------------------


def consented(address: str, deny: bool = False) -> str:
    """Where the browser ends of a person who says yes (or no) to all that is asked."""
    redirect = parse_qs(urlsplit(address).query)["redirect_uri"][0]
    with requests.Session() as browser:
        answer = browser.get(address, allow_redirects=False, timeout=10)
        for _ in range(12):
            if answer.is_redirect:
                following = urljoin(answer.url, answer.headers["location"])
                if following.startswith(redirect):
                    return following
                answer = browser.get(following, allow_redirects=False, timeout=10)
            elif deny:
                (abort,) = re.findall(r'href="([^"]+/abort)"', answer.text)
                answer = browser.get(urljoin(answer.url, abort), allow_redirects=False, timeout=10)
            else:
                form, asked = form_of(answer.text)
                message = {**asked, "login": "somebody", "password": "any"}
                answer = browser.post(
                    urljoin(answer.url, form), data=message, allow_redirects=False, timeout=10
                )
    raise AssertionError(f"no way back from {answer.url}: {answer.status_code}")


def typed(address: str, code: str) -> str:
    """The last page of a person who types a code on another device, and says yes to all."""
    with requests.Session() as browser:
        answer = browser.get(address, timeout=10)
        for _ in range(12):
            if "<form" not in answer.text:
                return answer.text
            form, asked = form_of(answer.text)
            message = {**asked, "user_code": code, "login": "somebody", "password": "any"}
            answer = browser.post(urljoin(answer.url, form), data=message, timeout=10)
    raise AssertionError(f"no end at {answer.url}: {answer.status_code}")


def form_of(page: str) -> tuple[str, dict[str, str]]:
    """Where a page's form goes, and its hidden fields."""
    (action,) = re.findall(r'<form[^>]* action="([^"]+)"', page)
    return action, dict(re.findall(r'type="hidden" name="(\w+)" value="([\w-]*)"', page))


def query(address: str) -> dict[str, str]:
    """The parameters of an address."""
    return dict(parse_qsl(urlsplit(address).query))


def address_in(process: subprocess.Popen[Any]) -> str:
    """The address that a login asks to open, as it stands on its own line."""
    assert process.stderr is not None
    for line in process.stderr:
        words: str = line.decode()
        assert "cannot listen on 127.0.0.1:9999" not in words, words
        if words.startswith(("http://", "https://")):
            return words.rstrip("\n")
    raise AssertionError("no address was shown")


def wait_until_gone(moment: float) -> None:
    """Wait for a time on the clock."""
    time.sleep(max(0.0, moment - time.time()))
