"""--sync-models: sync_models_url -> a newer catalogue of models in the cache, if it is one."""

from __future__ import annotations

import time
from argparse import Namespace
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from returns.result import Result, Success

from loki import __version__
from loki.cli import console
from loki.cli.startup import environment, failed
from loki.config.catalogue import about
from loki.config.catalogue_update import Catalogue, checked, news, written
from loki.edge import files
from loki.edge.env import read
from loki.problems import Kind, Problem, fail
from loki.railway import fold

if TYPE_CHECKING:
    import requests


def sync_models(prog: str, flags: Namespace) -> int:
    """Read the catalogue at ``sync_models_url`` and say what is new in it."""
    environ = environment(flags)
    found = read(environ).bind(lambda config: fetch((config.sync_models_url or "").strip()))
    told = found.bind(checked).bind(lambda catalogue: keep(catalogue, environ))
    return fold(told, said, lambda problem: failed(prog, problem, "text"))


def said(words: str) -> int:
    """Tell what has changed."""
    console.out(words + "\n")
    return 0


def keep(catalogue: Catalogue, environ: files.Environ) -> Result[str, Problem]:
    """Put a newer catalogue where files.catalogue finds it; an older one is let be."""
    path, ours = files.synced_file(environ), files.catalogue(environ)
    date = str(about(ours).get("date", ""))
    if catalogue.date <= date:
        same = "is as old as" if catalogue.date == date else f"of {catalogue.date} is older than"
        return Success(f"the catalogue there {same} the one in use, of {date}: nothing is changed")
    before = checked(ours.encode()).map(lambda old: old.clients).value_or({})
    try:
        files.write_cache(path, written(catalogue))
    except OSError as error:
        return fail("config", f"cannot write {path}: {error.strerror}")
    return Success(f"{news(before, catalogue.clients)}; of {catalogue.date}, before {date}\n{path}")


# ---- reading it ------------------------------------------------------------------------------


def fetch(url: str) -> Result[bytes, Problem]:
    """What stands at an address; nothing of the user's goes there."""
    if not url:
        how = "set it in the configuration, or LOKI_SYNC_MODELS_URL"
        return fail("config", f"no sync_models_url, where a newer catalogue would be: {how}")
    if urlsplit(url).scheme not in ("http", "https"):
        return fail("config", f"sync_models_url is no https:// address: {place(url)}")
    import requests

    from loki.edge.http.certificates import verify
    from loki.edge.http.describe import plain, root

    try:
        with requests.Session() as session:
            session.auth = lambda request: request  # no password of ~/.netrc or of the address
            session.verify = verify()
            return follow(session, url)
    except (requests.RequestException, OSError, ValueError) as error:
        return fail("offline", f"no catalogue from {place(url)}: {plain(root(error))}")


def follow(session: requests.Session, url: str) -> Result[bytes, Problem]:
    """The answer at the end of some redirects, none of which leaves https."""
    until = time.monotonic() + SECONDS
    headers = {"User-Agent": f"loki/{__version__}", "Accept": "application/json"}
    for _ in range(REDIRECTS):
        answer = session.get(
            url, headers=headers, timeout=PATIENCE, stream=True, allow_redirects=False
        )
        with answer:
            if answer.is_redirect:
                onward = urljoin(url, answer.headers["location"])
                if urlsplit(onward).scheme not in ("https", urlsplit(url).scheme):
                    return fail("garbled", f"{place(url)} leads away from https: {place(onward)}")
                url = onward
                continue
            if answer.status_code != 200:
                kind = KINDS.get(answer.status_code, "offline")
                return fail(kind, f"no catalogue at {place(url)}: HTTP {answer.status_code}")
            return body(answer, until)
    return fail("garbled", f"{place(url)} leads on and on: more than {REDIRECTS} redirects")


def body(answer: requests.Response, until: float) -> Result[bytes, Problem]:
    """All of an answer, if it is neither too long nor too slow."""
    found = bytearray()
    for piece in answer.iter_content(65_536):
        found += piece
        if len(found) > LARGEST:
            return fail("garbled", f"the catalogue is larger than {LARGEST >> 20} MiB")
        if time.monotonic() > until:
            return fail("offline", f"the catalogue did not come within {SECONDS} s")
    return Success(bytes(found))


def place(url: str) -> str:
    """An address for messages, without what may be a secret in it.

    >>> place("https://me:secret@models.example:8443/a.json?key=b")
    'https://models.example:8443/a.json'
    """
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


SECONDS = 60
PATIENCE = (10, 30)  # to connect, and between two bytes
LARGEST = 64 << 20
REDIRECTS = 5
KINDS: dict[int, Kind] = {401: "auth", 403: "auth", 404: "config", 410: "config", 429: "busy"}
