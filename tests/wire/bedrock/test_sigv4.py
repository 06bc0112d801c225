"""Signatures are those of botocore at the same time, and cover the bytes as they arrive."""

from __future__ import annotations

import datetime
import hashlib
import hmac
import json
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
import requests
from support import auth_context, config

from loki.config.build_config import build_config
from loki.edge.auth.auth_method import matching_session_token
from loki.edge.auth.credentials import make_authorize
from loki.messages import Message
from loki.pipeline import Env, prepare
from loki.problems import fail
from loki.providers import PROVIDERS
from loki.records import Ask, Patch, Request
from loki.stages.build import build
from loki.wire.bedrock.sigv4 import sign

NOW = 1.8e9  # 2027-01-15 08:00:00 UTC
MODELS = [
    "amazon.nova-lite-v1:0",
    "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3",
    "arn:aws:bedrock:us-east-1::foundation-model/meta.llama3-3-70b-instruct-v1:0",
    "odd ~name/with+signs%3A&ünïcode",
]
CLIENT = {
    "type": "bedrock",
    "region": "us-east-1",
    "access_key_id": "AKIDEXAMPLE",
    "secret_access_key": "wJalrXUtnFEMI/K7MDENG",
}


def prepared(model: str, client: Mapping[str, Any], patch: Patch, stream: bool) -> Request:
    """What would be sent, at a fixed time."""

    def nowhere(request: Request) -> Any:
        return fail("bug", "nothing is sent here")

    context = auth_context({})
    env = Env(
        config(client),
        make_authorize(context),
        nowhere,
        nowhere,
        lambda: NOW,
        time.monotonic,
        (patch,),
    )
    ask = Ask((Message("user", "Grüße 🙂 \u2028"),), model=f"bedrock:{model}", stream=stream)
    return prepare(env, ask).unwrap()


def by_botocore(request: Request, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """The same request, signed by botocore from beginning to end with its clock stopped."""
    stopped = datetime.datetime.fromtimestamp(NOW, datetime.UTC).replace(tzinfo=None)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_, **__: stopped)
    draft, keys = request.draft, request.draft.credentials
    plain = botocore.awsrequest.AWSRequest(
        method="POST", url=request.url, headers=dict(draft.headers), data=request.content
    )
    held = botocore.credentials.Credentials(
        keys["access_key_id"], keys["secret_access_key"], keys.get("session_token")
    )
    botocore.auth.SigV4Auth(held, "bedrock", keys["region"]).add_auth(plain)
    return dict(plain.headers.items())


PATCHES = [
    Patch(),
    Patch(body={"requestMetadata": {"team": "größte"}}, headers={"X-Team": "  a   b "}),
    Patch(url="https://proxy.example:8443/a//b/../c/model/x:0/converse?b=2&a=%20"),
    Patch(headers={"X-Amzn-Bedrock-GuardrailIdentifier": "g1", "User-Agent": "other"}),
]


@pytest.mark.parametrize("token", [None, "tok+/="])
@pytest.mark.parametrize("patch", PATCHES)
@pytest.mark.parametrize("model", MODELS)
def test_a_signature_is_the_one_of_botocore(
    model: str, patch: Patch, token: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = {**CLIENT, "session_token": token} if token else CLIENT
    request = prepared(model, client, patch, stream=bool(token))
    assert request.headers == by_botocore(request, monkeypatch)


def by_the_book(sent: requests.PreparedRequest, secret: str) -> str:
    """The signature of a request as a server computes it from what arrives (AWS IAM guide)."""
    proof = re.search(r"Credential=\w+/(.+), SignedHeaders=(.+), ", sent.headers["Authorization"])
    assert proof and sent.url and isinstance(sent.body, bytes)
    scope, covered = proof[1], proof[2]
    address = urlsplit(sent.url)
    arrived = {name.lower(): value for name, value in sent.headers.items()}
    arrived["host"] = address.netloc
    lines = (f"{name}:{' '.join(arrived[name].split())}\n" for name in covered.split(";"))
    path, digest = quote(address.path, safe="/-._~"), hashlib.sha256(sent.body).hexdigest()
    canonical = f"POST\n{path}\n{address.query}\n{''.join(lines)}\n{covered}\n{digest}"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    words = f"AWS4-HMAC-SHA256\n{arrived['x-amz-date']}\n{scope}\n{hashed}"
    return hmac.digest(key, words.encode(), "sha256").hex()


@pytest.mark.parametrize("address", [None, "https://proxy.example/a b/é~(x)/converse?a=ü%20c"])
@pytest.mark.parametrize("model", MODELS)
def test_a_server_finds_the_same_signature_for_what_requests_sends(
    model: str, address: str | None
) -> None:
    request = prepared(model, CLIENT, Patch(url=address), stream=True)
    wired = requests.Request("POST", request.url, dict(request.headers), data=request.content)
    sent = wired.prepare()
    signature = by_the_book(sent, CLIENT["secret_access_key"])
    assert sent.headers["Authorization"].endswith(f"Signature={signature}")
    if address is None:
        assert urlsplit(sent.url).path == f"/model/{quote(model, safe='')}/converse-stream"


@pytest.mark.parametrize("token", ["a\nb", "é"])
def test_a_token_that_no_header_can_hold_is_told_without_showing_it(token: str) -> None:
    draft = prepared(MODELS[0], CLIENT, Patch(), stream=False).draft
    odd = replace(draft, credentials={**draft.credentials, "session_token": token})
    problem = build(lambda: NOW)(odd).failure()
    assert problem.kind == "config" and "X-Amz-Security-Token" in problem.message
    assert token not in problem.message


def test_an_address_that_is_none_is_told_before_anything_is_signed() -> None:
    draft = prepared(MODELS[0], CLIENT, Patch(), stream=False).draft
    problem = build(lambda: NOW)(replace(draft, url="localhost:80/x")).failure()
    assert problem.kind == "config" and "is not an http or https address" in problem.message


def test_the_time_of_a_signature_is_the_one_that_was_given() -> None:
    keys = {"access_key_id": "A", "secret_access_key": "s", "region": "r"}
    one, other, retryable = (
        sign("POST", "https://a.example/", {}, b"", keys, t) for t in (0, 60, 0)
    )
    assert one == retryable != other
    assert (one["X-Amz-Date"], other["X-Amz-Date"]) == ("19700101T000000Z", "19700101T000100Z")


@pytest.mark.parametrize("name", ["content", "url", "headers"])
def test_a_signature_covers_every_part(name: str) -> None:
    request = prepared(MODELS[0], CLIENT, Patch(), stream=False)
    keys = request.draft.credentials
    other: dict[str, Any] = {"url": request.url + "?a=1", "headers": {"A": "b"}, "content": b"{}"}
    drafted = replace(request, headers=request.draft.headers)
    changed = replace(drafted, **{name: other[name]})
    one, two = (
        sign("POST", each.url, each.headers, each.content, keys, NOW) for each in (drafted, changed)
    )
    assert one == request.headers and one["Authorization"] != two["Authorization"]


ENVIRON = {
    "AWS_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "ASIA",
    "AWS_SECRET_ACCESS_KEY": "s",
    "AWS_SESSION_TOKEN": "t",
}


@pytest.mark.parametrize(
    ("entry", "environ", "held"),
    [
        ({}, ENVIRON, ["session_token"]),
        ({"access_key_id": "AKIA", "secret_access_key": "own"}, ENVIRON, []),
        ({**CLIENT, "session_token": "own"}, {}, ["session_token"]),
    ],
)
def test_a_session_token_goes_with_its_own_keys_only(
    entry: dict[str, str], environ: dict[str, str], held: list[str]
) -> None:
    plain = {"clients": [{**entry, "type": "bedrock"}]}
    client = build_config(plain, "config.yaml", environ).unwrap().clients[0]
    assert matching_session_token(client, PROVIDERS["bedrock"]) == held


@pytest.mark.parametrize("own", [None, "Custom abc"])
def test_a_patch_of_the_proof_is_left_as_it_is(own: str | None) -> None:
    request = prepared(MODELS[0], CLIENT, Patch(headers={"authorization": own}), stream=False)
    result = {name.lower(): value for name, value in request.headers.items()}
    assert result.get("authorization") == own and "x-amz-date" not in result


def test_a_key_of_bedrock_goes_before_signing_and_secrets_stay_out_of_sight() -> None:
    request = prepared(MODELS[0], {**CLIENT, "api_key": "bk"}, Patch(), stream=False)
    assert request.headers["Authorization"] == "Bearer bk" and not request.draft.credentials
    signed = prepared(MODELS[0], CLIENT, Patch(), stream=False)
    shown = repr(signed) + repr(replace(signed, content=b"")) + json.dumps(signed.draft.body)
    assert "wJalr" not in shown and "AKIDEXAMPLE" not in shown


@pytest.mark.parametrize("model", MODELS)
def test_keys_that_a_profile_gives_sign_as_botocore_does(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    (tmp_path / ".aws").mkdir()
    result = "[dev]\naws_access_key_id=ASIADEV\naws_secret_access_key=s/+\naws_session_token=t+/=\n"
    (tmp_path / ".aws/credentials").write_text(result)
    client = {"type": "bedrock", "region": "eu-west-2", "profile": "dev"}
    request = prepared(model, client, PATCHES[1], stream=False)
    assert request.headers == by_botocore(request, monkeypatch)
    assert request.headers["X-Amz-Security-Token"] == "t+/="
    assert "Credential=ASIADEV/20270115/eu-west-2/bedrock/" in request.headers["Authorization"]
