"""Tokens are renewed by those who were given them, and secrets are known to one redactor."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from returns.result import Success
from servers import plain, serving
from support import auth_context, target

from loki.edge.auth.credentials import Credentials, make_authorize, make_renew
from loki.records import Patch, Request
from loki.redaction.redactor import Redactor
from loki.stages.draft import draft
from loki.stages.patch import patch

LOGIN = {"access": "first-token", "refresh": "again", "obtained": 0, "expires": None}


def client_of(address: str) -> dict[str, object]:
    """Return a client that logs in at a server."""
    return {
        "type": "openai-compatible",
        "name": "mine",
        "api_base": "https://a.example/v1",
        "auth": "oauth",
        "oauth": {
            "client_id": "id",
            "token_url": f"{address}/token",
            "authorize_url": f"{address}/authorize",
        },
    }


def test_a_token_is_renewed_only_by_who_shares_the_issued_tokens(tmp_path: Path) -> None:
    environ = {"LOKI_CACHE_DIR": str(tmp_path), "LOKI_CONFIG_DIR": str(tmp_path)}
    (tmp_path / "oauth").mkdir(mode=0o700)
    (tmp_path / "oauth" / "mine.json").write_text(json.dumps(LOGIN))
    context = auth_context(environ)
    with serving(plain({"access_token": "second-token"})) as server:
        ready = make_authorize(context)(draft(target(client_of(server.address))).unwrap())
        asked = Request(ready.unwrap(), "https://a.example", ready.unwrap().headers, b"")
        assert asked.headers["Authorization"] == "Bearer first-token"
        assert make_renew(auth_context(environ))(asked) is None and not server.asked
        renewed = make_renew(context)(asked)
    assert renewed is not None
    assert renewed.unwrap().headers["Authorization"] == "Bearer second-token"
    assert context.issued == {"first-token", "second-token"}


def test_a_redactor_knows_only_its_own_secrets() -> None:
    one, other = Redactor(), Redactor()
    assert one.hide("s3cret-value") == "s3cret-value"
    assert (one.redact("a s3cret-value"), other.redact("a s3cret-value")) == (
        "a ***",
        "a s3cret-value",
    )


def test_credentials_show_no_secret() -> None:
    shown = repr(Credentials({"Authorization": "Bearer s3cret"}, {"secret_access_key": "s3cret"}))
    assert "s3cret" not in shown


# ---- known services --------------------------------------------------------------------------

GROQ = {"type": "openai-compatible", "name": "groq"}
MINE = {"type": "openai-compatible", "name": "mine", "api_base": "https://a.example/v1"}
BARE: dict[str, tuple[dict[str, str], Patch, str]] = {
    "a hosted one": (GROQ, Patch(), "client 'groq' has no api_key: set it in the configuration"),
    "an account of its own there": (GROQ | {"name": "groq-work"}, Patch(), "as GROQ_WORK_API_KEY"),
    "a patch that proves who asks": (GROQ, Patch(headers={"authorization": "Basic dTpw"}), ""),
    "a patch that wants no proof": (GROQ, Patch(headers={"Authorization": None}), ""),
    "a patch that sends it elsewhere": (GROQ, Patch(url="https://a.example/v1"), ""),
    "a gateway": (GROQ | {"api_base": "https://a.example/v1"}, Patch(), ""),
    "one on this computer": (GROQ | {"name": "ollama"}, Patch(), ""),
    "a server of one's own": (MINE, Patch(), ""),
}


@pytest.mark.parametrize(("client", "change", "wrong"), BARE.values(), ids=list(BARE))
def test_a_hosted_service_is_not_asked_without_a_key(
    client: dict[str, str], change: Patch, wrong: str
) -> None:
    drafted = patch((change,))(draft(target(client)).unwrap())
    found = make_authorize(auth_context({}))(drafted)
    assert isinstance(found, Success) is (not wrong)
    if wrong:
        assert found.failure().kind == "auth" and wrong in found.failure().message


def test_lists_of_models_may_be_asked_for_without_a_key() -> None:
    drafted = replace(draft(target(GROQ)).unwrap(), method="GET")
    assert isinstance(make_authorize(auth_context({}))(drafted), Success)


@pytest.mark.parametrize("key", ["…", "sk-\nx", "ключ"])
def test_a_key_that_no_header_can_carry_is_named_with_its_place(key: str) -> None:
    drafted = draft(target(MINE | {"api_key": "{{MY_KEY}}"})).unwrap()
    problem = make_authorize(auth_context({"MY_KEY": key}))(drafted).failure()
    assert (problem.kind, problem.message) == (
        "config",
        "the key has a line break or a character outside ASCII; "
        "client 'mine', api_key from {{MY_KEY}}",
    )
