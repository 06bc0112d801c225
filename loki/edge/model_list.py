"""Client -> the models that its provider lists now, over all pages of its lists."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import urlsplit

from returns.pipeline import flow
from returns.result import Result, Success

from loki.edge.auth.find_secrets import with_redaction
from loki.edge.http.attempt import connect
from loki.edge.send import Send, check_status, deadline_of, read_whole, retry, wrap
from loki.json_text import Json, JsonObject
from loki.pipeline import Env
from loki.problems import Problem, fail
from loki.providers import base_url_of, provider_of
from loki.providers.model_list import is_list, next_page, read_models
from loki.railway import bind
from loki.records import Draft, Response, Target
from loki.redaction.redactor import Redactor
from loki.stages.build import build
from loki.stages.draft import user_agent

MAX_PAGES = 100

#: A URL -> the JSON that is there.
Get = Callable[[str], Result[Json, Problem]]


def list_models(env: Env, target: Target) -> Result[tuple[JsonObject, ...], Problem]:
    """Return the models that the provider of a target lists, each as settings of the catalogue.

    Of several lists one that is not to be had is left out, unless it is the first.
    """
    service = provider_of(target.client)
    assert service is not None  # else there would be no target
    get = make_get(env, target)
    (first, prefix), *others = service.model_lists(target, base_url_of(target.client, service))
    found = all_pages(get, first, prefix)
    more = (
        [all_pages(get, url, start).value_or(()) for url, start in others] if is_good(found) else []
    )
    return found.map(lambda models: unique([*models, *(each for page in more for each in page)]))


def is_good(result: Result[tuple[JsonObject, ...], Problem]) -> bool:
    """Return whether there is a result."""
    return isinstance(result, Success)


def unique(models: list[JsonObject]) -> tuple[JsonObject, ...]:
    """Return the models by name, each once."""
    return tuple({model["name"]: model for model in models}.values())


def all_pages(get: Get, url: str, prefix: str) -> Result[tuple[JsonObject, ...], Problem]:
    """Return the models of all pages of a list."""
    models: list[JsonObject] = []
    for _ in range(MAX_PAGES):
        page = get(url)
        if not isinstance(page, Success):
            return page
        models += read_models(page.unwrap(), prefix)
        following = next_page(url, page.unwrap())
        if not following or following == url:
            return Success(tuple(models))
        url = following
    host = urlsplit(url).hostname
    return fail("garbled", f"{host}: the list of models has more than {MAX_PAGES} pages")


def make_get(env: Env, target: Target) -> Get:
    """Return a function that reads a page of a list, with the client's credentials."""
    send = make_send(env.redactor)
    service = provider_of(target.client)
    assert service is not None
    headers = {
        "Accept": "application/json",
        "User-Agent": user_agent(target.user_agent),
        **service.headers(target.client),
    }

    def get(url: str) -> Result[Json, Problem]:
        return flow(
            Draft(target=target, url=url, headers=headers, body={}, method="GET"),
            env.authorize,
            bind(build(env.now)),
            bind(send),
            bind(read_page),
        )

    return get


def make_send(redactor: Redactor) -> Send:
    """Return a function that sends a request with retries, and reads whatever JSON comes back."""
    attempt = wrap(connect(redactor), check_status, retry)
    send = read_whole(lambda request: attempt(request, deadline_of(request)))
    return with_redaction(send, redactor)


def read_page(response: Response) -> Result[Json, Problem]:
    """Return the JSON of a page, if it is a list of models."""
    try:
        data = json.loads(response.body)
    except (ValueError, RecursionError):
        data = None
    if is_list(data):
        return Success(data)
    host = urlsplit(response.request.url).hostname
    return fail("garbled", f"{host} answers with something that is no list of models")
