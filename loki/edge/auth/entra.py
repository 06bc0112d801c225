"""Client -> a bearer token of Microsoft Entra, by azure-identity."""

from __future__ import annotations

import re
import time
from typing import Any

import requests
from returns.result import Failure, Result, Success

from loki.edge.auth.auth_context import AuthContext
from loki.edge.auth.cloud_sdk import (
    CONNECT,
    READ,
    UNEXPECTED,
    Environ,
    patched_environ,
    quiet_logging,
    session_for,
    token_cache_file,
)
from loki.edge.auth.token_cache import Token, valid_token
from loki.edge.http.deadline import deadline_of
from loki.problems import Problem, fail
from loki.records import Client, Limits

SCOPE = "https://cognitiveservices.azure.com/.default"
VARIABLES = ("AZURE_", "IDENTITY_", "IMDS_", "MSI_")  # prefixes that azure-identity reads


def token(client: Client, context: AuthContext, refused: str = "") -> Result[str, Problem]:
    """Return an access token of Microsoft Entra, cached while it is valid."""
    environ = context.environ
    identity = sorted(item for item in environ.items() if item[0].startswith(VARIABLES))
    path = token_cache_file("entra", client, repr(identity).encode(), environ)
    end = deadline_of(client.limits)
    current = valid_token(
        path, lambda old: fetch_token(client, context), context.unwritten, refused, end
    )
    return current.map(lambda valid: valid.access)


def fetch_token(client: Client, context: AuthContext) -> Result[Token, Problem]:
    """Return a new token from the first of azure-identity's sources that has one."""
    try:
        from azure.core.exceptions import AzureError
        from azure.identity import DefaultAzureCredential
    except ImportError:
        how = "pip install '.[azure]' in loki's folder"
        return fail("config", f"client {client.name!r}: auth: entra needs azure-identity: {how}")
    environ, redactor = context.environ, context.redactor
    redactor.add(*(environ.get(name, "") for name in SECRETS))
    sources = 0
    try:
        with (
            patched_environ(environ, VARIABLES),
            quiet_logging("azure"),
            session_for(client.limits) as session,
        ):
            chain = DefaultAzureCredential(**options(session, client.limits, environ))
            sources = len(chain.credentials)
            token = chain.get_token(SCOPE)
    except (AzureError, OSError, *UNEXPECTED) as error:
        return Failure(to_problem(redactor.redact(str(error)), sources, client))
    return Success(Token(token.token, "", time.time(), float(token.expires_on)))


def options(session: requests.Session, limits: Limits, environ: Environ) -> dict[str, Any]:
    """Return azure-identity's options; an authority that is named is not looked up first."""
    from azure.core.pipeline.transport import RequestsTransport

    return {
        "transport": RequestsTransport(
            session=session,
            session_owner=False,
            use_env_settings=session.trust_env,
            connection_timeout=limits.connect or CONNECT,
            read_timeout=READ,
        ),
        "retry_total": 1,
        "disable_instance_discovery": bool(environ.get("AZURE_AUTHORITY_HOST")),
    }


def to_problem(message: str, sources: int, client: Client) -> Problem:
    """Return the problem: the last source's failure, or that no source has credentials."""
    tried = message.partition("\nTo mitigate")[0].split("\n\t")[1:]
    if len(tried) == sources and (sources > 1 or "unavailable" in message):
        return Problem("auth", f"client {client.name!r} has no Entra credentials: {ADVICE}")
    reason = " ".join((tried[-1] if tried else message).split())
    if causes := UNREACHABLE.findall(reason):
        return Problem("offline", f"client {client.name!r}: no connection to Entra: {causes[-1]}")
    return Problem("auth", f"client {client.name!r}: no Entra token: {reason[:300]}")


ADVICE = "run `az login`, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET"
SECRETS = ("AZURE_CLIENT_SECRET", "AZURE_PASSWORD", "AZURE_CLIENT_CERTIFICATE_PASSWORD")
#: What requests says of a server that cannot be reached.
UNREACHABLE = re.compile(
    r"(?:Failed to resolve '[^']*'|certificate verify failed[^(]*|[\w ]*timed out"
    r"|Connection aborted|(?<=\] )Connection refused|Network is unreachable|No route to host)"
)
