"""A row -> the body that goes into a job, or why it can be in none."""

from __future__ import annotations

from returns.result import Result, Success

from loki.batch.rows import ReadyRow as Asking
from loki.edge.batch.api.session import Service, service_of
from loki.json_text import JsonObject
from loki.pipeline import Env, prepare
from loki.problems import Problem, fail
from loki.providers import SECRET_BASE
from loki.record import replace
from loki.records import Draft, Patch, Request, Target, Task
from loki.stages.patch import changes_of, patches_for


def without_credentials(env: Env) -> Env:
    """Return an Env whose requests carry no credential: only their bodies are of use."""
    return replace(env, authorize=skip_authorization)


def skip_authorization(draft: Draft) -> Result[Draft, Problem]:
    """Return a draft without a credential; an address that is a secret is not looked up."""
    if not draft.url.startswith(SECRET_BASE):
        return Success(draft)
    return Success(replace(draft, url=draft.url.replace(SECRET_BASE, NOWHERE, 1)))


NOWHERE = "https://nowhere.invalid"


def draft_row_body(
    env: Env, task: Task, row: Asking
) -> Result[tuple[Service, JsonObject, tuple[Patch, ...]], Problem]:
    """Return whom to ask, the body of a row, and the patches that are in it."""
    with_own = replace(env, patches=(*env.patches, row.patch)) if row.patch else env
    return Result.do(
        (service, body, with_own.patches)
        for request in prepare(with_own, row.ask, task)
        for service in service_of(request.target)
        for _ in check_patches(request.target, with_own.patches)
        for body in without_stream(request)
    )


def explain_too_large(size: int, service: Service) -> Problem:
    """Return why a row goes into no job."""
    most = service.protocol.max_bytes / 1e6
    message = (
        f"the row has {size / 1e6:,.0f} MB, a job of {service.target.name} at most {most:,.0f}"
    )
    return Problem("input", message)


def check_window(hours: int | None, service: Service) -> Result[None, Problem]:
    """Return nothing; fails where a provider does not offer the time that is wanted."""
    least, most = service.protocol.hours
    if hours is None or least <= hours <= most:
        return Success(None)
    name = service.target.name
    if not most:
        return fail("usage", f"--window: {name} offers no choice; leave it out")
    span = f"{least}h" if least == most else f"{least}h to {most}h"
    return fail("usage", f"--window {hours}h: {name} offers {span}")


def check_patches(target: Target, patches: tuple[Patch, ...]) -> Result[None, Problem]:
    """Return nothing; fails where a patch changes more than bodies, which is all that a job has."""
    for each in patches_for(target, patches):
        part = "url" if each.url else "headers" if each.headers else ""
        if part:
            where = f" ({each.origin})" if each.origin else ""
            return fail("usage", f"a patch sets {part}{where}, which no row of a batch job has")
    return Success(None)


def check_stream(patches: tuple[Patch, ...]) -> Result[None, Problem]:
    """Return nothing; fails where patches that are meant for every row ask for streams."""
    return fail("usage", STREAMS) if changes_of(patches).get("stream") else Success(None)


STREAMS = "--param or a patch sets stream, which no row of a batch job has"


def without_stream(request: Request) -> Result[JsonObject, Problem]:
    """Return a body that asks for no stream."""
    body = request.draft.body
    if body.get("stream"):
        return fail("usage", STREAMS)
    return Success({name: body[name] for name in body if name not in ("stream", "stream_options")})
