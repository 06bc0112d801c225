"""Client -> keys to sign with, from botocore's chain of profiles, roles and machines."""

from __future__ import annotations

import os
from typing import Any

from returns.result import Failure, Result, Success

from loki.edge.auth.auth_context import AuthContext
from loki.edge.auth.cloud_sdk import (
    CONNECT,
    READ,
    UNEXPECTED,
    describe_sdk_error,
    patched_environ,
    quiet_logging,
    run_within,
)
from loki.edge.files import directory
from loki.edge.http.deadline import deadline_of
from loki.edge.http.transport import own_proxy
from loki.edge.trust import make_private_folder
from loki.problems import Problem
from loki.record import replace
from loki.records import Client, Limits
from loki.redaction.redactor import Redactor

VARIABLES = ("AWS_",)  # prefixes of the variables that botocore reads


def keys(client: Client, context: AuthContext) -> Result[dict[str, str], Problem]:
    """Return keys to sign with from botocore's chain: profiles, SSO, roles, processes, machine."""
    from botocore.exceptions import BotoCoreError, ClientError

    environ, redactor = context.environ, context.redactor
    settings, limits = client.settings, client.limits
    profile = settings["profile"].value if "profile" in settings else None
    region = settings["region"].value if "region" in settings else None
    variables = tuple(sorted(item for item in environ.items() if item[0].startswith(VARIABLES)))
    cacheable, folder = replace(limits, deadline=None), directory("cache", environ)
    key = profile, region, cacheable, folder, variables

    def find() -> Any:
        with patched_environ(environ, VARIABLES), quiet_logging("botocore"):
            if key not in context.chains:
                context.chains[key] = load_chain(profile, region, cacheable, folder)
            return context.chains[key].get_frozen_credentials()

    try:
        frozen = run_within(deadline_of(limits), find)
    except (BotoCoreError, ClientError, OSError, EOFError, *UNEXPECTED) as error:
        name = profile or environ.get("AWS_DEFAULT_PROFILE") or environ.get("AWS_PROFILE")
        return Failure(to_problem(error, client, name or "default", redactor))
    parts = {
        "access_key_id": frozen.access_key,
        "secret_access_key": frozen.secret_key,
        **({"session_token": frozen.token} if frozen.token else {}),
    }
    return Success({name: redactor.hide(part) for name, part in parts.items()})


def load_chain(profile: str | None, region: str | None, limits: Limits, folder: str) -> Any:
    """Return botocore's credentials, which renew themselves; raise its exceptions.

    Credentials of roles and SSO are cached in ``folder``, so that not every process asks for them.
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
        file_cache = JSONFileCache(f"{folder}/aws")
    except OSError:
        file_cache = None
    credentials = create_credential_resolver(session, file_cache, region).load_credentials()
    if credentials is None:
        raise NoCredentialsError
    return credentials


def proxies_of(limits: Limits) -> dict[str, str] | None:
    """Return the client's own proxy by scheme, {} for none; None leaves it to the environment.

    So it is for SOCKS, which botocore does not know.

    >>> proxies_of(Limits(proxy="-")), proxies_of(Limits(proxy="socks5h://a.example"))
    ({}, None)
    """
    proxies = {scheme: proxy for scheme, proxy in own_proxy(limits).items() if proxy}
    is_known = all(proxy.startswith("http") for proxy in proxies.values())
    return proxies if is_known and limits.proxy is not None else None


def to_problem(error: Exception, client: Client, profile: str, redactor: Redactor) -> Problem:
    """Return the problem of a chain that gave no keys, with what may help."""
    from botocore.exceptions import (
        ConnectionError,
        HTTPClientError,
        NoCredentialsError,
        SSOError,
        TokenRetrievalError,
    )

    name, why = f"client {client.name!r}", describe_sdk_error(error, redactor)
    match error:
        case NoCredentialsError():
            return Problem("auth", f"{name} has no AWS credentials: {ADVICE}")
        case SSOError() | TokenRetrievalError():
            return Problem(
                "auth",
                f"{name}: {why}; run `aws sso login --profile {profile}`",
            )
        case ConnectionError() | HTTPClientError() | TimeoutError():
            return Problem("offline", f"{name}: no AWS credentials: {why}")
        case _:
            return Problem(
                "auth",
                f"{name}: no AWS credentials by profile {profile!r}: {why}",
            )


ADVICE = (
    "run `aws configure` or `aws sso login`, or set a profile, api_key, or access_key_id and "
    "secret_access_key"
)
