"""Certificate files -> a TLS context, or an error that names the unusable file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from loki.edge.http.describe import error_text, shorten

if TYPE_CHECKING:
    from ssl import SSLContext

#: Environment variables that name a bundle to trust instead of the default one.
BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


class UnusableFileError(OSError):
    """A certificate file that cannot be used; its text says which setting named it."""


def ssl_context(
    ca_bundle: str | None = None, client_cert: str | None = None, client_key: str | None = None
) -> SSLContext:
    """Return TLS that trusts the default bundle and ``ca_bundle``; raise UnusableFileError."""
    from urllib3.util.ssl_ import create_urllib3_context

    context = create_urllib3_context()
    name = next((name for name in BUNDLES if os.environ.get(name)), "")
    path = os.environ[name] if name else DEFAULT_CA_BUNDLE_PATH
    if name and not os.path.exists(path):
        raise UnusableFileError(f"{name}: there is no file {path}")
    load_authorities(context, name or "the usual certificates", path)
    if ca_bundle:
        load_authorities(context, "extra.ca_bundle", ca_bundle)
    if client_cert:
        load_client_certificate(context, client_cert, client_key)
    return context


def load_authorities(context: SSLContext, setting: str, path: str) -> None:
    """Trust the authorities in a file or a folder; raise UnusableFileError."""
    expanded = os.path.expanduser(path)
    refuse_pipe(setting, path)
    try:
        if os.path.isdir(expanded):
            context.load_verify_locations(capath=expanded)
        else:
            context.load_verify_locations(cafile=expanded)
    except OSError as error:
        why = shorten(error_text(error), error)
        raise UnusableFileError(f"{setting}: cannot use {path}: {why}") from error


def load_client_certificate(context: SSLContext, cert: str, key: str | None) -> None:
    """Load a certificate to present to servers that ask for one; raise UnusableFileError."""
    expanded = key and os.path.expanduser(key)
    refuse_pipe("extra.client_cert", cert)
    refuse_pipe("extra.client_key", key or cert)
    try:  # with a password, so that nobody is asked for one at the terminal
        context.load_cert_chain(os.path.expanduser(cert), expanded, password="")
    except OSError as error:  # ssl.SSLError is one
        names = " with ".join(filter(None, (cert, key)))
        raise UnusableFileError(
            f"extra.client_cert: cannot use {names}: {shorten(error_text(error), error)}"
        ) from error


def refuse_pipe(setting: str, path: str) -> None:
    """Raise UnusableFileError if OpenSSL, which knows no deadline, would wait for a writer."""
    expanded = os.path.expanduser(path)
    if os.path.exists(expanded) and not (os.path.isfile(expanded) or os.path.isdir(expanded)):
        raise UnusableFileError(f"{setting}: cannot use {path}: not a regular file")


def default_bundle() -> Literal[True] | str:
    """Return the bundle that the environment names, True for the default one (as in requests)."""
    return next((os.environ[name] for name in BUNDLES if os.environ.get(name)), True)
