"""The client id that was typed at a login: kept for its user alone, and read again."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from returns.result import Success
from support import auth_context

from loki.edge.auth.oauth import oauth_client_of
from loki.edge.auth.registration import (
    Registration,
    read_registration,
    registration_file,
    store_registration,
)
from loki.records import Client

MINE = Registration("mine", "s3cret-1")


def environ_in(folder: Path) -> dict[str, str]:
    """Return the variables of a user whose cache is there."""
    return {"LOKI_CACHE_DIR": str(folder)}


def test_what_was_kept_is_read_again_and_is_nobody_else_s(tmp_path: Path) -> None:
    environ = environ_in(tmp_path)
    assert read_registration("c", auth_context(environ)) == Success(Registration())
    assert store_registration("c", MINE, environ) == Success(MINE)
    assert read_registration("c", auth_context(environ)) == Success(MINE)
    path = Path(registration_file("c", environ))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_login_takes_what_was_kept_where_nothing_is_configured(tmp_path: Path) -> None:
    environ = environ_in(tmp_path)
    store_registration("c", MINE, environ)
    kept = oauth_client_of(Client("c", "claude", {}), auth_context(environ)).unwrap()
    assert (kept.client_id, kept.client_secret) == ("mine", "s3cret-1")
    own = Client("c", "claude", {}, oauth={"client_id": "other"})
    configured = oauth_client_of(own, auth_context(environ)).unwrap()
    assert (configured.client_id, configured.client_secret) == ("other", "")


def test_a_file_that_anybody_can_write_is_refused(tmp_path: Path) -> None:
    environ = environ_in(tmp_path)
    store_registration("c", MINE, environ)
    os.chmod(registration_file("c", environ), 0o666)
    problem = read_registration("c", auth_context(environ)).failure()
    assert problem.kind == "config" and "registered/c.json" in problem.message


def test_a_file_that_is_no_registration_is_none(tmp_path: Path) -> None:
    environ = environ_in(tmp_path)
    store_registration("c", MINE, environ)
    for text in ("", "[", "[]", '{"client_id": 1}'):
        Path(registration_file("c", environ)).write_text(text)
        assert read_registration("c", auth_context(environ)) == Success(Registration())


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "oauth").write_text("a file")
    problem = store_registration("c", MINE, environ_in(tmp_path)).failure()
    assert problem.kind == "config" and problem.message.startswith("cannot write ")


def test_a_name_stays_in_its_folder() -> None:
    path = registration_file("../../a", {"LOKI_CACHE_DIR": "/c"})
    assert path == "/c/oauth/registered/..%2F..%2Fa.json"
