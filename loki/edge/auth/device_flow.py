"""Authority -> a code for a person to type on any device, then a token (RFC 8628)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import field
from typing import Any
from urllib.parse import urlencode

from returns.result import Result, Success

from loki.edge.auth.oauth_flow import challenge_of, new_verifier, secret_argument
from loki.edge.auth.token_cache import Token
from loki.edge.auth.token_endpoint import (
    OAuthClient,
    error_code,
    error_text,
    is_visible,
    no_answer,
    parse_json,
    post_form,
    request_token,
    to_lifetime,
)
from loki.edge.http.describe import host_of
from loki.json_text import Json
from loki.problems import Problem, fail
from loki.record import record
from loki.urls import may_carry_secrets

INTERVAL, SLOWER, LIFE = 5.0, 5.0, 600.0  # seconds: RFC 8628, sections 3.2 and 3.5


@record
class DeviceLogin:
    """A login that was started: where to type which code, and what proves that it is ours."""

    oauth_client: OAuthClient
    address: str
    user_code: str
    device_code: str = field(repr=False)
    verifier: str = field(repr=False)
    direct_address: str = ""  # with the code in it
    interval: float = INTERVAL  # seconds between two questions
    life: float = LIFE  # seconds until the code ends


def start_device_login(oauth_client: OAuthClient) -> Result[DeviceLogin, Problem]:
    """Ask for a code for a person to type."""
    verifier = new_verifier(oauth_client) if oauth_client.device_challenge else ""
    form = {
        "client_id": oauth_client.client_id,
        **({"scope": " ".join(oauth_client.scopes)} if oauth_client.scopes else {}),
        **(challenge_of(oauth_client, verifier) if verifier else {}),
        **secret_argument(oauth_client),
    }
    url = oauth_client.device_authorization_url
    return post_form(oauth_client, urlencode(form), url).bind(
        lambda answer: read_device_login(oauth_client, verifier, *answer)
    )


def read_device_login(
    oauth_client: OAuthClient, verifier: str, status: int, body: bytes
) -> Result[DeviceLogin, Problem]:
    """Return the login of an answer; fail with a refusal, or an answer that is none."""
    redactor = oauth_client.redactor
    data, host = parse_json(body), host_of(oauth_client.device_authorization_url)
    match data:
        case {"device_code": str(code), "user_code": str(user_code)} if (
            200 <= status < 300
            and is_visible(user_code)
            and may_carry_secrets(verification_url(data))
        ):
            redactor.add(code)
            return Success(
                DeviceLogin(
                    oauth_client=oauth_client,
                    address=verification_url(data),
                    user_code=user_code,
                    device_code=code,
                    verifier=verifier,
                    direct_address=complete_verification_url(data),
                    interval=to_lifetime(data.get("interval")) or INTERVAL,
                    life=to_lifetime(data.get("expires_in")) or LIFE,
                )
            )
    if 400 <= status < 500 and (reason := error_text(data, redactor)):
        message = f"{host} starts no login: {reason}"
        return fail("auth", message, code=error_code(data, redactor))
    return no_answer(host, status, "no code for a device")


def verification_url(data: Json) -> str:
    """Return where the code is to be typed; Google writes the name in its own way."""
    address = data.get("verification_uri", data.get("verification_url"))
    return address if isinstance(address, str) and is_visible(address) else ""


def complete_verification_url(data: Json) -> str:
    """Return the address with the code in it, empty where there is none that can be trusted."""
    address = data.get("verification_uri_complete")
    is_good = isinstance(address, str) and is_visible(address) and may_carry_secrets(address)
    return address if is_good else ""


def wait_for_consent(
    login: DeviceLogin,
    patience: float,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Result[Token, Problem]:
    """Ask for the token until the person has consented or refused, or the code has ended.

    A server that says slow_down is asked 5 seconds less often, one that is away likewise.
    """
    end, interval = clock() + min(patience, login.life), login.interval
    while True:
        sleep(max(0.0, min(interval, end - clock())))
        answer = ask_for_token(login)
        if isinstance(answer, Success) or not is_pending(answer.failure()):
            return answer
        if answer.failure().code != PENDING:
            interval += SLOWER
        if clock() >= end and answer.failure().kind == "offline":
            return answer
        if clock() >= end:
            advice = f"log in again: {login.oauth_client.command}"
            return fail("auth", f"nobody typed the code in time; {advice}")


def ask_for_token(login: DeviceLogin) -> Result[Token, Problem]:
    """Ask once for the token of a login."""
    from oauthlib.oauth2 import DeviceClient

    oauth_client = login.oauth_client
    proof: dict[str, Any] = {"code_verifier": login.verifier} if login.verifier else {}
    form = DeviceClient(oauth_client.client_id).prepare_request_body(
        login.device_code, include_client_id=True, **proof, **secret_argument(oauth_client)
    )
    advice = f"log in again: {oauth_client.command}"
    return request_token(
        oauth_client, form, lambda reason: f"there is no login ({reason}); {advice}"
    )


def is_pending(problem: Problem) -> bool:
    """Return whether to ask again later."""
    return problem.code in (PENDING, "slow_down") or problem.kind == "offline"


PENDING = "authorization_pending"
