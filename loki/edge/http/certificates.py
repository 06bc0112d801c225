"""IMPURE. Files of certificates -> a TLS context, or which of the files is no good."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from loki.edge.http.describe import plain

if TYPE_CHECKING:
    from ssl import SSLContext

#: What the environment may name instead of the usual certificates.
BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


class UnusableFileError(OSError):
    """A file of certificates that is no good; its text says which setting named it."""


def context(
    ca_bundle: str | None = None, client_cert: str | None = None, client_key: str | None = None
) -> SSLContext:
    """Return TLS with the usual trust and more; raise UnusableFileError that says which file."""
    from urllib3.util.ssl_ import create_urllib3_context

    made = create_urllib3_context()
    name = next((name for name in BUNDLES if os.environ.get(name)), "")
    path = os.environ[name] if name else DEFAULT_CA_BUNDLE_PATH
    if name and not os.path.exists(path):
        raise UnusableFileError(f"{name}: there is no file {path}")
    trust(made, name or "the usual certificates", path)
    if ca_bundle:
        trust(made, "extra.ca_bundle", ca_bundle)
    if client_cert:
        show(made, client_cert, client_key)
    return made


def trust(made: SSLContext, setting: str, path: str) -> None:
    """Trust what is in a file or a folder; raise UnusableFileError."""
    place = os.path.expanduser(path)
    try:
        if os.path.isdir(place):
            made.load_verify_locations(capath=place)
        else:
            made.load_verify_locations(cafile=place)
    except OSError as error:
        raise UnusableFileError(f"{setting}: cannot use {path}: {plain(error)}") from error


def show(made: SSLContext, cert: str, key: str | None) -> None:
    """Show a certificate of our own to servers that ask for one; raise UnusableFileError."""
    place = key and os.path.expanduser(key)
    try:  # with a password, so that nobody is asked for one at the terminal
        made.load_cert_chain(os.path.expanduser(cert), place, password="")
    except OSError as error:  # ssl.SSLError is one
        names = " with ".join(filter(None, (cert, key)))
        raise UnusableFileError(f"extra.client_cert: cannot use {names}: {plain(error)}") from error


def verify() -> Literal[True] | str:
    """Return the certificates to trust: the environment's bundle, else the usual one."""
    return next((os.environ[name] for name in BUNDLES if os.environ.get(name)), True)
