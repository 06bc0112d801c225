"""Client -> a bearer token by Google's Application Default Credentials."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC
from functools import partial
from typing import Any, NamedTuple

import requests
from returns.result import Result, Success

from loki.edge.auth.auth_context import AuthContext
from loki.edge.auth.cloud_sdk import (
    CONNECT,
    READ,
    UNEXPECTED,
    Environ,
    describe_sdk_error,
    describe_unreachable,
    patched_environ,
    quiet_logging,
    session_for,
    token_cache_file,
)
from loki.edge.auth.token_cache import Token, valid_token
from loki.edge.files import describe_os_error
from loki.edge.http.deadline import deadline_of
from loki.edge.stdin import late_file, read_file, within_patience
from loki.json_text import Json
from loki.problems import Problem, fail
from loki.records import Client, Limits
from loki.redaction.redactor import Redactor

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
VARIABLES = ("GOOGLE_", "GCE_", "AWS_")  # prefixes of the variables that google-auth reads
PROBE = 1.0  # seconds, twice: for the metadata server, which most machines do not have


def token(client: Client, context: AuthContext, refused: str = "") -> Result[str, Problem]:
    """Return an access token by Application Default Credentials, cached while it is valid."""

    def from_source(source: CredentialFile) -> Result[Token, Problem]:
        path, end = (
            token_cache_file("google", client, source.content, environ),
            deadline_of(client.limits),
        )
        return valid_token(
            path, lambda old: fetch_token(source, client, context), context.unwritten, refused, end
        )

    environ = context.environ
    return find_credential_file(client, environ).bind(from_source).map(lambda valid: valid.access)


class CredentialFile(NamedTuple):
    """A file with credentials and its content; without a path, the machine's metadata server."""

    path: str
    content: bytes


def find_credential_file(client: Client, environ: Environ) -> Result[CredentialFile, Problem]:
    """Return the first source of credentials that exists; a file that is named must exist."""
    setting, end = client.settings.get("adc_file"), deadline_of(client.limits)
    variable = "GOOGLE_APPLICATION_CREDENTIALS"
    named, origin = (
        (setting.value, setting.origin) if setting else (environ.get(variable), variable)
    )
    path = os.path.expanduser(named or gcloud_file(environ))
    try:
        return Success(CredentialFile(path, read_file(path, None, within_patience(end))))
    except TimeoutError:
        return fail("offline", f"{origin}: {late_file(path, end)}")
    except FileNotFoundError:
        return (
            fail("auth", f"{origin}: no file {path}") if named else Success(CredentialFile("", b""))
        )
    except OSError as error:
        return fail(
            "auth",
            f"{origin if named else 'gcloud'}: cannot read {path}: {describe_os_error(error)}",
        )


def gcloud_file(environ: Environ) -> str:
    """Return the path of a user's Application Default Credentials, which gcloud writes.

    >>> gcloud_file({"CLOUDSDK_CONFIG": "/gcloud"})
    '/gcloud/application_default_credentials.json'
    """
    default = f"{environ.get('APPDATA', '~')}/gcloud" if os.name == "nt" else "~/.config/gcloud"
    folder = environ.get("CLOUDSDK_CONFIG") or default
    return f"{folder}/application_default_credentials.json"


def fetch_token(
    source: CredentialFile, client: Client, context: AuthContext
) -> Result[Token, Problem]:
    """Return a new token for a source of credentials."""
    environ, redactor = context.environ, context.redactor
    if not source.path and not runs_on_google_cloud(environ):
        return fail("auth", f"client {client.name!r} has no Google credentials: {ADVICE}")
    from google.auth.exceptions import GoogleAuthError, TransportError

    place = source.path or "the metadata server"
    try:
        with patched_environ(environ, VARIABLES), quiet_logging("google"):
            return Success(refresh_token(source, client.limits, redactor))
    except TransportError as error:
        return fail("offline", f"{place}: no token: {describe_unreachable(error, redactor)}")
    except (GoogleAuthError, OSError, *UNEXPECTED) as error:
        is_lasting = not getattr(error, "retryable", False)
        inner = error.__cause__ if isinstance(error.__cause__, ValueError) else error
        why = describe_sdk_error(inner, redactor)
        return fail("auth" if is_lasting else "offline", f"{place}: no token: {why}")


def refresh_token(source: CredentialFile, limits: Limits, redactor: Redactor) -> Token:
    """Return a new token by google-auth; raise its exceptions."""
    from google.auth.transport.requests import Request

    unproxied = Limits(proxy="")  # no proxy reaches a machine's metadata server
    session = session_for(limits if source.path else unproxied)
    request = partial(Request(session), timeout=(limits.connect or CONNECT, READ))
    with session:
        credentials = credentials_of(source, request, redactor)
        credentials.refresh(request)
    expiry = credentials.expiry  # in UTC, though it does not say so
    until = expiry.replace(tzinfo=UTC).timestamp() if expiry else None
    return Token(credentials.token, "", time.time(), until)


def credentials_of(source: CredentialFile, request: Any, redactor: Redactor) -> Any:
    """Return the credentials of a file, of any of Google's kinds, or of this machine."""
    if not source.path:
        from google.auth.compute_engine import Credentials

        return Credentials(scopes=[SCOPE])  # type: ignore[no-untyped-call]
    import warnings

    from google.auth import load_credentials_from_dict
    from google.auth.credentials import with_scopes_if_required

    # Both are without types. Loading with scopes would ask for the project's name over the network.
    load: Any = load_credentials_from_dict
    scoped: Any = with_scopes_if_required
    data = json.loads(source.content)
    redactor.add(*secrets_in(data))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a file may be anyone's: it is the user's own
        return scoped(load(data, request=request)[0], [SCOPE])


def secrets_in(data: Json) -> Iterator[str]:
    """Yield the secrets of a file with Google's credentials.

    >>> list(secrets_in({"source_credentials": {"refresh_token": "r", "client_id": "c"}}))
    ['r']
    """
    for name, value in data.items() if isinstance(data, dict) else ():
        if isinstance(value, str) and name in ("refresh_token", "client_secret", "private_key"):
            yield value
        yield from secrets_in(value)


def runs_on_google_cloud(environ: Environ) -> bool:
    """Return whether this machine is one of Google's: then its metadata server answers at once."""
    if environ.get("NO_GCE_CHECK") == "true":
        return False
    names = ("GCE_METADATA_HOST", "GCE_METADATA_ROOT", "GCE_METADATA_IP")
    host = next((environ[name] for name in names if environ.get(name)), "169.254.169.254")
    try:
        with session_for(Limits(proxy="")) as session:
            flavour = {"Metadata-Flavor": "Google"}
            answer = session.get(f"http://{host}/", headers=flavour, timeout=PROBE)
    except (requests.RequestException, ValueError):  # no such host, or no host's name at all
        return False
    return answer.headers.get("Metadata-Flavor") == "Google"


ADVICE = (
    "run `gcloud auth application-default login`, or set adc_file or "
    "GOOGLE_APPLICATION_CREDENTIALS to a file with some"
)
