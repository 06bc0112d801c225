"""Tokens are renewed by those who were given them, and secrets are known to one redactor."""

from __future__ import annotations

import json
from pathlib import Path

from servers import plain, serving
from support import auth_context, target

from loki.edge.auth.credentials import Credentials, make_authorize, make_renew
from loki.records import Request
from loki.redaction.redactor import Redactor
from loki.stages.draft import draft

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
