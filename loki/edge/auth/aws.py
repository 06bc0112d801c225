"""IMPURE. Client -> keys to sign with, by botocore's chain of profiles, roles and machines."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache
from typing import Any

from returns.result import Failure, Result, Success

from loki.edge.auth.cloud_sdk import CONNECT, ODD, READ, Environ, lent, silent, within, words
from loki.edge.auth.redaction import hide
from loki.edge.files import directory
from loki.edge.http.deadline import end_of
from loki.edge.http.transport import own_proxy
from loki.edge.trust import make_private_folder
from loki.problems import Problem
from loki.records import Client, Limits

VARIABLES = ("AWS_",)  # what botocore reads, by the beginning


def keys(client: Client, environ: Environ) -> Result[dict[str, str], Problem]:
    """Keys to sign with from botocore's chain: profiles, SSO, roles, processes, this machine."""
    from botocore.exceptions import BotoCoreError, ClientError

    settings, limits = client.settings, client.limits
    profile = settings["profile"].value if "profile" in settings else None
    region = settings["region"].value if "region" in settings else None
    variables = tuple(sorted(item for item in environ.items() if item[0].startswith(VARIABLES)))
    lasting, folder = replace(limits, end=None), directory("cache", environ)

    def find() -> Any:
        with lent(environ, VARIABLES), silent("botocore"):
            return chain(profile, region, lasting, folder, variables).get_frozen_credentials()

    try:
        frozen = within(end_of(limits), find)
    except (BotoCoreError, ClientError, OSError, EOFError, *ODD) as error:
        used = profile or environ.get("AWS_DEFAULT_PROFILE") or environ.get("AWS_PROFILE")
        return Failure(no_keys(error, client, used or "default"))
    parts = {
        "access_key_id": frozen.access_key,
        "secret_access_key": frozen.secret_key,
        **({"session_token": frozen.token} if frozen.token else {}),
    }
    return Success({name: hide(part) for name, part in parts.items()})


@cache
def chain(
    profile: str | None,
    region: str | None,
    limits: Limits,
    folder: str,
    variables: tuple[tuple[str, str], ...],
) -> Any:
    """Credentials that renew themselves, one for all calls; raises botocore's exceptions.

    What roles and SSO gave is kept in ``folder``, so that not every process asks for it.
    """
    from botocore.config import Config
    from botocore.credentials import create_credential_resolver
    from botocore.exceptions import NoCredentialsError
    from botocore.session import Session
    from botocore.utils import JSONFileCache

    session = Session(profile=profile)
    session.set_default_client_config(
        Config(
            connect_timeout=limits.connect or CONNECT,
            read_timeout=READ,
            retries={"total_max_attempts": 2},
            proxies=proxies_of(limits),
        )
    )
    if limits.ca_bundle:
        session.set_config_variable("ca_bundle", os.path.expanduser(limits.ca_bundle))
    try:
        make_private_folder(f"{folder}/aws")
        kept = JSONFileCache(f"{folder}/aws")
    except OSError:
        kept = None
    found = create_credential_resolver(session, kept, region).load_credentials()
    if found is None:
        raise NoCredentialsError
    return found


def proxies_of(limits: Limits) -> dict[str, str] | None:
    """The client's own proxy; None leaves it to the environment, as for SOCKS, unknown to botocore.

    >>> proxies_of(Limits(proxy="-")), proxies_of(Limits(proxy="socks5h://a.example"))
    ({}, None)
    """
    said = {scheme: proxy for scheme, proxy in own_proxy(limits).items() if proxy}
    known = all(proxy.startswith("http") for proxy in said.values())
    return said if known and limits.proxy is not None else None


def no_keys(error: Exception, client: Client, profile: str) -> Problem:
    """Why botocore's chain gave nothing, and what may help."""
    from botocore.exceptions import (
        ConnectionError,
        HTTPClientError,
        NoCredentialsError,
        SSOError,
        TokenRetrievalError,
    )

    name = f"client {client.name!r}"
    match error:
        case NoCredentialsError():
            return Problem("auth", f"{name} has no AWS credentials: {WAYS}")
        case SSOError() | TokenRetrievalError():
            return Problem(
                "auth", f"{name}: {words(error)}; run `aws sso login --profile {profile}`"
            )
        case ConnectionError() | HTTPClientError() | TimeoutError():
            return Problem("offline", f"{name}: no AWS credentials: {words(error)}")
        case _:
            return Problem(
                "auth", f"{name}: no AWS credentials by profile {profile!r}: {words(error)}"
            )


WAYS = (
    "run `aws configure` or `aws sso login`, or set a profile, api_key, or access_key_id and "
    "secret_access_key"
)
