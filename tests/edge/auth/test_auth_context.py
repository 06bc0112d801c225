"""What is learnt by one Env is its own: secrets, tokens, chains of credentials."""

from __future__ import annotations

from support import auth_context

from loki.edge.auth.token_cache import Token


def test_two_contexts_share_nothing_that_was_learnt() -> None:
    environ = {"KEY": "k"}
    one, other = auth_context(environ), auth_context(environ)
    one.redactor.add("s3cret-value")
    one.issued.add("token")
    one.unwritten["path"] = Token("token")
    one.chains["key"] = object()
    assert one.environ is other.environ
    assert (other.redactor.known, other.issued, other.unwritten, other.chains) == (
        {},
        set(),
        {},
        {},
    )
