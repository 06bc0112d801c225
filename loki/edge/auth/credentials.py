"""Draft -> Draft with its credentials: they are looked up here, last of all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from functools import lru_cache

from returns.result import Result, Success

from loki.config.setting_names import CREDENTIALS, is_public
from loki.edge.auth.auth_context import AuthContext
from loki.edge.auth.auth_method import (
    KEYS,
    TOKENS,
    auth_method,
    check_credential,
    credential_name,
    extra_oauth_headers,
    matching_session_token,
    may_go_without,
    signing_region,
    variable_names,
)
from loki.edge.auth.find_secrets import (
    long_path_segments,
    secrets_in_draft,
    secrets_in_proxies,
    secrets_in_proxy,
)
from loki.edge.auth.secrets import expand_references, look_up, mask
from loki.edge.http.deadline import deadline_of
from loki.edge.http.proxies import explain_bad_proxy
from loki.problems import Problem, fail
from loki.providers import SECRET_BASE, Provider, provider_of
from loki.railway import gather
from loki.record import record, replace
from loki.records import Client, Draft, Request
from loki.redaction.redactor import Redactor
from loki.stages.patch import set_headers
from loki.urls import is_url, mask_url

#: A request that was refused -> the same with a new token, None if it had none of ours.
Renew = Callable[[Request], Result[Request, Problem] | None]


@record
class Credentials:
    """Proof of who asks: headers to send, and the parts of a signature that is still to be made."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    signing: Mapping[str, str] = field(default_factory=dict, repr=False)


def make_authorize(
    context: AuthContext,
) -> Callable[[Draft], Result[Draft, Problem]]:
    """Look up the credentials of the client in use, and put them where its provider expects them.

    The context is to be shared with ``renew``, which renews what is issued here.
    """
    redactor = context.redactor
    redactor.add(*secrets_in_proxies(context.environ))
    explain_proxy = lru_cache(256)(explain_bad_proxy)  # to read all variables takes long

    def stage(draft: Draft) -> Result[Draft, Problem]:
        service = provider_of(draft.target.client)
        assert service is not None  # else there would be no draft
        redactor.add(*secrets_in_proxy(draft.target.limits.proxy or ""))  # tokens use it too
        if wrong := explain_proxy(draft.target.limits.proxy, draft.url):
            return fail("config", wrong)
        return Result.do(
            with_credentials(draft, url, credentials, headers, redactor)
            for url in find_url(draft, context)
            for credentials in find_credentials(draft, service, context)
            for headers in expand_references(
                draft.headers, context, deadline_of(draft.target.limits)
            )
        )

    return stage


def make_renew(context: AuthContext) -> Renew:
    """Return a request with a token that is not the one that was refused.

    Only tokens that were issued are renewed: those that ``authorize`` got from their source.
    """

    def stage(request: Request) -> Result[Request, Problem] | None:
        client = client_of(request.draft)
        service = provider_of(client)
        refused = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if service is None or refused not in context.issued:
            return None
        return get_token(client, service, context, refused).map(
            lambda token: replace(
                request, headers={**request.headers, "Authorization": f"Bearer {token}"}
            )
        )

    return stage


def client_of(draft: Draft) -> Client:
    """Return the client with the limits in force, which hold for its tokens too."""
    return replace(draft.target.client, limits=draft.target.limits)


# ---- where they go -----------------------------------------------------------------------------


def find_url(draft: Draft, context: AuthContext) -> Result[str, Problem]:
    """Return the draft's address, with its base looked up where that is a secret."""
    if not draft.url.startswith(SECRET_BASE):
        return Success(draft.url)
    setting = draft.target.client.settings["api_base"]
    base = look_up(setting, context, deadline_of(draft.target.limits))
    context.redactor.add(*long_path_segments(base.value_or("")))
    return base.map(lambda url: url.rstrip("/") + draft.url[len(SECRET_BASE) :])


def with_credentials(
    draft: Draft,
    url: str,
    credentials: Credentials,
    headers: Mapping[str, str],
    redactor: Redactor,
) -> Draft:
    """Return the draft, ready to be signed; its secrets, also those of a patch, are known then."""
    ready = replace(
        draft,
        url=url,
        headers=merge_headers(draft, credentials.headers, headers),
        credentials=credentials.signing,
    )
    redactor.add(*secrets_in_draft(ready))
    return ready


def merge_headers(
    draft: Draft, credentials: Mapping[str, str], headers: Mapping[str, str]
) -> dict[str, str]:
    """Return the user's headers over those of a credential; one that a patch removed stays away."""
    merged = set_headers(credentials, join_lists(credentials, headers))
    return {name: value for name, value in merged.items() if name.lower() not in draft.dropped}


def join_lists(credentials: Mapping[str, str], headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers; to one whose value is a list, what the credential needs is added.

    >>> join_lists({"anthropic-beta": "oauth"}, {"Anthropic-Beta": "files", "A": "b"})
    {'Anthropic-Beta': 'files,oauth', 'A': 'b'}
    """
    needed = {name: value for name, value in credentials.items() if name in LISTS}
    return {
        name: f"{value},{more}"
        if (more := needed.get(name.lower())) and more not in value
        else value
        for name, value in headers.items()
    }


#: Headers whose values are lists.
LISTS = frozenset({"anthropic-beta"})


def add_headers(credentials: Mapping[str, str], extra: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of a credential and those sent with it."""
    return dict(set_headers(credentials, join_lists(credentials, extra)))


# ---- where they come from ----------------------------------------------------------------------


def find_credentials(
    draft: Draft, service: Provider, context: AuthContext
) -> Result[Credentials, Problem]:
    """Return what ``auth`` names, else the first credential that is set, else this machine's."""
    client, end = draft.target.client, deadline_of(draft.target.limits)
    method, name = auth_method(client, service), credential_name(client, service)
    if method in TOKENS:
        return token_credentials(client_of(draft), service, context)
    if method in KEYS:
        return key_chain_credentials(client_of(draft), service, context)
    if name is not None:
        value = look_up(client.settings[name], context, end).bind(check_credential(client))
        return value.map(lambda secret: Credentials(headers=service.auth_headers[name](secret)))
    if may_go_without(draft, service):
        return Success(Credentials())
    return signing_credentials(client, service, context, end)


def token_credentials(
    client: Client, service: Provider, context: AuthContext
) -> Result[Credentials, Problem]:
    """Return a token of the client's source, and the headers that ``oauth`` sends with it.

    The values of these are secrets too.
    """
    bearer = service.auth_headers["access_token"]
    return Result.do(
        Credentials(headers=add_headers(bearer(token), hide_headers(extra, context.redactor)))
        for token in get_token(client, service, context)
        for extra in expand_references(
            extra_oauth_headers(client, service), context, deadline_of(client.limits)
        )
    )


def hide_headers(headers: Mapping[str, str], redactor: Redactor) -> Mapping[str, str]:
    """Return headers after making known the values of those that may be secret."""
    redactor.add(*(value for name, value in headers.items() if not is_public(name)))
    return headers


def get_token(
    client: Client, service: Provider, context: AuthContext, refused: str = ""
) -> Result[str, Problem]:
    """Return a token that is good now, and not the refused one."""
    token = TOKENS[auth_method(client, service)](client, context, refused)
    if isinstance(token, Success):
        context.issued.add(context.redactor.hide(token.unwrap()))
    return token


def key_chain_credentials(
    client: Client, service: Provider, context: AuthContext
) -> Result[Credentials, Problem]:
    """Return the keys of a chain, and the region, which is a part of every signature."""
    return Result.do(
        Credentials(signing={**parts, "region": region})
        for region in signing_region(client, service)
        for parts in KEYS[auth_method(client, service)](client, context)
    )


def signing_credentials(
    client: Client, service: Provider, context: AuthContext, deadline: float
) -> Result[Credentials, Problem]:
    """Return the keys to sign with that are set; fail with what is missing."""
    missing = next((key for key in service.keys if key not in client.settings), "")
    if service.keys and not missing:
        names = [*service.keys, *matching_session_token(client, service)]
        parts = gather(signing_part(client, name, context, deadline) for name in names)
        return parts.map(lambda values: Credentials(signing=dict(zip(names, values, strict=True))))
    missing = missing or "api_key"
    hint = variable_names(client, service, missing)
    return fail(
        "auth",
        f"client {client.name!r} has no {missing}: set it in the configuration or as {hint}",
    )


def signing_part(
    client: Client, name: str, context: AuthContext, deadline: float
) -> Result[str, Problem]:
    """Return a part of a signature; a region is no secret, and messages may name it."""
    setting = client.settings[name]
    if name not in CREDENTIALS:
        return Success(setting.value)
    return look_up(setting, context, deadline)


# ---- for a dry run -----------------------------------------------------------------------------


def mask_draft(draft: Draft) -> Result[Draft, Problem]:
    """Return the draft for a dry run: nothing is looked up, what may be secret is ``***``."""
    client = draft.target.client
    service = provider_of(client)
    assert service is not None
    credentials = masked_headers(client, service)
    headers = {name: mask(name, value) for name, value in draft.headers.items()}
    url = draft.url.replace(SECRET_BASE, "https://***", 1)
    shown = mask_url(url) if is_url(url) else url  # which `build` will refuse
    return Success(replace(draft, url=shown, headers=merge_headers(draft, credentials, headers)))


def masked_headers(client: Client, service: Provider) -> Mapping[str, str]:
    """Return the headers of the client's credential with ``***`` in the place of the secret."""
    headers = credential_headers(client, service, "***")
    extra = {
        name: mask(name, value) if is_public(name) else "***"
        for name, value in extra_oauth_headers(client, service).items()
    }
    return add_headers(headers, extra) or ({"Authorization": "***"} if service.sign else {})


def credential_headers(client: Client, service: Provider, secret: str) -> Mapping[str, str]:
    """Return the headers in which a client's credential is sent, with a text in its place."""
    method = auth_method(client, service)
    name = "access_token" if method in TOKENS else credential_name(client, service)
    name = name or (
        None if service.needs_no_key or service.sign else list(service.auth_headers)[-1]
    )
    return service.auth_headers[name](secret) if name and method not in KEYS else {}
