"""IMPURE. Client -> a bearer token of Microsoft Entra, by azure-identity."""

from __future__ import annotations

import re
import time
from typing import Any

import requests
from returns.result import Failure, Result, Success

from loki.edge.auth.cloud_sdk import (
    CONNECT,
    ODD,
    READ,
    Environ,
    lent,
    session_for,
    silent,
    token_file,
)
from loki.edge.auth.redaction import hide, redact
from loki.edge.auth.token_cache import Token, valid_token
from loki.edge.http.deadline import end_of
from loki.problems import Problem, fail
from loki.records import Client, Limits

SCOPE = "https://cognitiveservices.azure.com/.default"
VARIABLES = ("AZURE_", "IDENTITY_", "IMDS_", "MSI_")  # what azure-identity reads, by the beginning


def token(client: Client, environ: Environ, refused: str = "") -> Result[str, Problem]:
    """An access token of Microsoft Entra; kept for as long as it lives."""
    who = sorted(item for item in environ.items() if item[0].startswith(VARIABLES))
    path = token_file("entra", client, repr(who).encode(), environ)
    found = valid_token(path, lambda old: fetch(client, environ), refused, end_of(client.limits))
    return found.map(lambda valid: valid.access)


def fetch(client: Client, environ: Environ) -> Result[Token, Problem]:
    """A new token from the first of azure-identity's sources that has one."""
    try:
        from azure.core.exceptions import AzureError
        from azure.identity import DefaultAzureCredential
    except ImportError:
        how = "pip install '.[azure]' in loki's folder"
        return fail("config", f"client {client.name!r}: auth: entra needs azure-identity: {how}")
    for name in SECRETS:
        hide(environ.get(name, ""))
    sources = 0
    try:
        with lent(environ, VARIABLES), silent("azure"), session_for(client.limits) as session:
            chain = DefaultAzureCredential(**options(session, client.limits, environ))
            sources = len(chain.credentials)
            told = chain.get_token(SCOPE)
    except (AzureError, OSError, *ODD) as error:
        return Failure(no_token(str(error), sources, client))
    return Success(Token(told.token, "", time.time(), float(told.expires_on)))


def options(session: requests.Session, limits: Limits, environ: Environ) -> dict[str, Any]:
    """How azure-identity is to ask; an authority that somebody names is taken as it is."""
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


def no_token(message: str, sources: int, client: Client) -> Problem:
    """Why there is no token: what the source said that failed, if it was not for want of any."""
    tried = message.partition("\nTo mitigate")[0].split("\n\t")[1:]
    if len(tried) == sources and (sources > 1 or "unavailable" in message):
        return Problem("auth", f"client {client.name!r} has no Entra credentials: {WAYS}")
    said = " ".join(redact(tried[-1] if tried else message).split())
    if away := OUT_OF_REACH.findall(said):
        return Problem("offline", f"client {client.name!r}: no connection to Entra: {away[-1]}")
    return Problem("auth", f"client {client.name!r}: no Entra token: {said[:300]}")


WAYS = "run `az login`, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET"
SECRETS = ("AZURE_CLIENT_SECRET", "AZURE_PASSWORD", "AZURE_CLIENT_CERTIFICATE_PASSWORD")
#: How requests says that nobody could be asked.
OUT_OF_REACH = re.compile(
    r"(?:Failed to resolve '[^']*'|certificate verify failed[^(]*|[\w ]*timed out"
    r"|Connection aborted|(?<=\] )Connection refused|Network is unreachable|No route to host)"
)
