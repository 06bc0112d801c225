"""loki --sync-models: sync_models_url, or its default -> a newer catalogue in the cache."""

from __future__ import annotations

import time
from argparse import Namespace
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from returns.result import Result, Success

from loki.cli.console import Console
from loki.cli.startup import environment
from loki.config.catalogue import catalogue_facts
from loki.config.catalogue_update import (
    SyncedCatalogue,
    describe_changes,
    format_catalogue,
    parse_catalogue,
)
from loki.config.models_yaml import DEFAULT_URL, is_models_yaml, parse_models_yaml
from loki.edge import files
from loki.edge.auth.find_secrets import secrets_in_url
from loki.edge.env import read_configuration
from loki.edge.http.describe import describe_error, root_cause
from loki.problems import Kind, Problem, fail
from loki.redaction.redactor import Redactor
from loki.urls import find_url_fault
from loki.version import __version__

if TYPE_CHECKING:
    import requests


def sync_models(flags: Namespace, console: Console) -> int:
    """Download the catalogue at ``sync_models_url``, print what is new; return the exit code."""
    environ = environment(flags)
    describe_changes = Result.do(
        describe_changes
        for config in read_configuration(environ)
        for data in fetch((config.sync_models_url or "").strip() or DEFAULT_URL, console.redactor)
        for catalogue in parse(data, environ)
        for describe_changes in store(catalogue, environ, is_models_yaml(data))
    )
    if not isinstance(describe_changes, Success):
        return console.report(describe_changes.failure())
    console.write(describe_changes.unwrap() + "\n")
    return 0


def parse(data: bytes, environ: files.Environ) -> Result[SyncedCatalogue, Problem]:
    """Return the catalogue in a download: one like ours, or ours with the original's list."""
    if not is_models_yaml(data):
        return parse_catalogue(data)
    today = time.strftime("%Y-%m-%d", time.gmtime())
    return parse_catalogue(files.read_catalogue(environ).encode()).bind(
        lambda ours: parse_models_yaml(data, ours, today)
    )


def store(
    catalogue: SyncedCatalogue, environ: files.Environ, is_addition: bool = False
) -> Result[str, Problem]:
    """Store a newer catalogue where files.catalogue finds it; return what is new in it.

    What is added to ours has no date of its own: it is newer if anything is new in it.
    """
    path, ours = files.synced_catalogue_file(environ), files.read_catalogue(environ)
    date = str(catalogue_facts(ours).get("date", ""))
    if catalogue.date <= date and not is_addition:
        same = "is as old as" if catalogue.date == date else f"of {catalogue.date} is older than"
        return Success(f"the catalogue there {same} the one in use, of {date}: nothing changed")
    before = parse_catalogue(ours.encode()).map(lambda old: old.clients).value_or({})
    if is_addition and before == catalogue.clients:
        return Success(f"the list there has nothing new for the catalogue in use, of {date}")
    try:
        files.write_cache(path, format_catalogue(catalogue))
    except OSError as error:
        return fail("config", f"cannot write {path}: {error.strerror}")
    return Success(
        f"{describe_changes(before, catalogue.clients)}; of {catalogue.date}, before {date}\n{path}"
    )


# ---- download ------------------------------------------------------------------------------------


def fetch(url: str, redactor: Redactor) -> Result[bytes, Problem]:
    """Download a URL; no credential of the user is sent there."""
    redactor.add(*secrets_in_url(url))
    if wrong := find_url_fault(url):
        return fail("config", f"sync_models_url: {wrong}")
    import requests

    from loki.edge.http.certificates import default_bundle

    try:
        with requests.Session() as session:
            session.auth = lambda request: request  # no password of ~/.netrc or of the address
            session.verify = default_bundle()
            return follow(session, url)
    except (requests.RequestException, OSError, ValueError) as error:
        why = describe_error(root_cause(error), redactor)
        return fail("offline", f"no catalogue from {without_secrets(url)}: {why}")


def follow(session: requests.Session, url: str) -> Result[bytes, Problem]:
    """Return the body at the end of some redirects, none of which leaves https."""
    end = time.monotonic() + SECONDS
    headers = {"User-Agent": f"loki/{__version__}", "Accept": "application/json"}
    for _ in range(REDIRECTS):
        answer = session.get(
            url, headers=headers, timeout=TIMEOUT, stream=True, allow_redirects=False
        )
        with answer:
            if answer.is_redirect:
                location = urljoin(url, answer.headers["location"])
                if urlsplit(location).scheme not in ("https", urlsplit(url).scheme):
                    to = without_secrets(location)
                    return fail("garbled", f"{without_secrets(url)} redirects from https to {to}")
                url = location
                continue
            if answer.status_code != 200:
                kind = KINDS.get(answer.status_code, "offline")
                return fail(
                    kind, f"no catalogue at {without_secrets(url)}: HTTP {answer.status_code}"
                )
            return body(answer, end)
    return fail("garbled", f"{without_secrets(url)}: more than {REDIRECTS} redirects")


def body(answer: requests.Response, deadline: float) -> Result[bytes, Problem]:
    """Return the body of an answer, if it is neither too long nor too slow."""
    data = bytearray()
    for piece in answer.iter_content(65_536):
        data += piece
        if len(data) > MAX_BYTES:
            return fail("garbled", f"the catalogue is larger than {MAX_BYTES >> 20} MiB")
        if time.monotonic() > deadline:
            return fail("offline", f"the catalogue did not come within {SECONDS} s")
    return Success(bytes(data))


def without_secrets(url: str) -> str:
    """Return a URL for messages: without user, password, query and fragment.

    >>> without_secrets("https://me:secret@models.example:8443/a.json?key=b")
    'https://models.example:8443/a.json'
    """
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


SECONDS = 60
TIMEOUT = (10, 30)  # seconds: to connect, and between two reads
MAX_BYTES = 64 << 20
REDIRECTS = 5
KINDS: dict[int, Kind] = {401: "auth", 403: "auth", 404: "config", 410: "config", 429: "busy"}
