"""IMPURE. Draft -> Draft with its credential: who we are is looked up here, last of all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from itertools import zip_longest
from typing import Any

from returns.result import Result, Success

from loki.config.read import variable
from loki.config.setting_names import CREDENTIALS, is_public
from loki.edge.auth import redaction
from loki.edge.auth.redact import carried, in_proxies, in_proxy, in_secret
from loki.edge.auth.secrets import NAME, look_up, mask
from loki.edge.http.deadline import end_of
from loki.edge.http.proxies import wrong_proxy
from loki.problems import Problem, fail
from loki.providers import SECRET_BASE, Service, service_of
from loki.railway import gather
from loki.records import Client, Draft, Request, Setting
from loki.stages.patch import set_headers
from loki.urls import is_address, mask_url

#: A client, the environment, a token that was refused ("" if none) -> a token that is good now.
TokenSource = Callable[[Client, Mapping[str, str], str], Result[str, Problem]]
#: A request that was refused -> the same with a new token, None if it had none of ours.
Renew = Callable[[Request], Result[Request, Problem] | None]

#: Where tokens come from that renew themselves, by the setting ``auth`` or a service's ambient.
TOKENS = {
    "oauth": "loki.edge.auth.oauth.token",
    "entra": "loki.edge.auth.entra.token",
    "google": "loki.edge.auth.google.token",
}
#: Where keys to sign with come from: a client, the environment -> keys by the setting they are.
KEYS = {"aws": "loki.edge.auth.aws.keys"}


def authorize(environ: Mapping[str, str]) -> Callable[[Draft], Result[Draft, Problem]]:
    """Look up what the client in use needs, and put it where its provider expects it."""
    redaction.add(*in_proxies(environ))

    def stage(draft: Draft) -> Result[Draft, Problem]:
        service = service_of(draft.target.client)
        assert service is not None  # else there would be no draft
        redaction.add(*in_proxy(draft.target.limits.proxy or ""))  # for those who give tokens too
        if wrong := wrong_proxy(draft.target.limits.proxy, draft.url):
            return fail("config", wrong)
        found = gather(
            (
                with_base(draft, environ),
                proof(draft, service, environ),
                fill(draft.headers, environ),
            )
        )
        return found.map(
            lambda parts: remembered(
                replace(
                    draft,
                    url=parts[0],
                    headers=with_proof(draft, parts[1][0], parts[2]),
                    credentials=parts[1][1],
                )
            )
        )

    return stage


def renew(environ: Mapping[str, str]) -> Renew:
    """The same request with a token that is not the one that was refused."""

    def stage(request: Request) -> Result[Request, Problem] | None:
        client = sending(request.draft)
        service = service_of(client)
        sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if service is None or sent not in issued:
            return None
        found = token(client, service, environ, sent)
        return found.map(
            lambda fresh: replace(
                request, headers={**request.headers, "Authorization": f"Bearer {fresh}"}
            )
        )

    return stage


def sending(draft: Draft) -> Client:
    """The client with the limits in force: its tokens travel as its requests do."""
    return replace(draft.target.client, limits=draft.target.limits)


def with_proof(
    draft: Draft, proofs: Mapping[str, str], headers: Mapping[str, str]
) -> dict[str, str]:
    """Credentials under the user's own headers; what a patch took away stays away."""
    every = set_headers(proofs, joined(proofs, headers))
    return {name: value for name, value in every.items() if name.lower() not in draft.dropped}


def joined(proofs: Mapping[str, str], headers: Mapping[str, str]) -> dict[str, str]:
    """The headers; one that lists features lists those that the credential needs too.

    >>> joined({"anthropic-beta": "oauth"}, {"Anthropic-Beta": "files", "A": "b"})
    {'Anthropic-Beta': 'files,oauth', 'A': 'b'}
    """
    needed = {name: value for name, value in proofs.items() if name in LISTS}
    return {
        name: f"{value},{more}"
        if (more := needed.get(name.lower())) and more not in value
        else value
        for name, value in headers.items()
    }


#: Headers whose values are lists.
LISTS = frozenset({"anthropic-beta"})


def remembered(draft: Draft) -> Draft:
    """The same draft; what a user wrote into it as a secret is never printed either."""
    redaction.add(*carried(draft))
    return draft


def with_base(draft: Draft, environ: Mapping[str, str]) -> Result[str, Problem]:
    """The url, where its base was to be looked up."""
    if not draft.url.startswith(SECRET_BASE):
        return Success(draft.url)
    setting = draft.target.client.settings["api_base"]
    found = look_up(setting, environ, end_of(draft.target.limits))
    redaction.add(*in_secret(found.value_or("")))
    return found.map(lambda base: base.rstrip("/") + draft.url[len(SECRET_BASE) :])


#: Headers that say who asks, or what to sign with.
Proof = tuple[dict[str, str], dict[str, str]]


def proof(draft: Draft, service: Service, environ: Mapping[str, str]) -> Result[Proof, Problem]:
    """From what ``auth`` names, else the first credential that is set, else this machine."""
    client = draft.target.client
    name, by = proof_name(client, service), way(client, service)
    if by in TOKENS:
        more = fill(along(client, service), environ)
        fresh = gather((token(sending(draft), service, environ), more))
        return fresh.map(
            lambda both: (with_more(service.proofs["access_token"](both[0]), both[1]), {})
        )
    if by in KEYS:
        return signing(sending(draft), service, environ)
    if name is not None:
        found = look_up(client.settings[name], environ, end_of(draft.target.limits))
        return found.map(lambda value: (service.proofs[name](value), {}))
    missing = next((key for key in service.keys if key not in client.settings), "")
    if service.keys and not missing:
        held = [*service.keys, *companions(client, service)]
        values = gather(part(sending(draft), key, environ) for key in held)
        return values.map(lambda secrets: ({}, dict(zip(held, secrets, strict=True))))
    if service.keyless:
        return Success(({}, {}))
    missing = missing or "api_key"
    hint = f"{variable(client.name)}_{missing.upper()}"
    return fail(
        "auth",
        f"client {client.name!r} has no {missing}: set it in the configuration or as {hint}",
    )


def along(client: Client, service: Service) -> dict[str, str]:
    """Headers that ``oauth`` sends along; a way to authorize there is for the token's giver."""
    told = client.oauth.get("request_headers", {}) if way(client, service) == "oauth" else {}
    return {
        name: value
        for name, value in told.items()
        if value is not None and name.lower() != "authorization"
    }


def with_more(proofs: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    """Headers of a credential, and others that go along, whose values are secrets too."""
    redaction.add(*(value for name, value in more.items() if not is_public(name)))
    return dict(set_headers(proofs, joined(proofs, more)))


def signing(client: Client, service: Service, environ: Mapping[str, str]) -> Result[Proof, Problem]:
    """The keys of a chain, and the region, which is a part of every signature."""
    name, region = way(client, service), client.settings.get("region")
    if service.sign is None:
        return fail("config", f"client {client.name!r}: auth: {name} is not for {client.type}")
    if region is None or region.form != "literal":
        return fail("config", f"client {client.name!r} needs a region: set `region`, or AWS_REGION")
    found: Result[dict[str, str], Problem] = load(KEYS[name])(client, environ)
    return found.map(lambda keys: ({}, {**keys, "region": region.value}))


def way(client: Client, service: Service) -> str:
    """The row of TOKENS or KEYS that counts, empty where a credential is set.

    A ``profile`` of the client's goes before the environment's keys, not before the client's own.
    """
    said = client.settings.get("auth")
    if said is not None:
        return said.value
    held = [key for key in (*service.proofs, *SECRET_KEYS) if key in client.settings]
    if "profile" in client.settings:
        variables = service.variables
        held = [key for key in held if client.settings[key].origin not in variables.get(key, ())]
    return "" if held else service.ambient


#: Of a pair to sign with; one of them alone is a mistake, not a reason to look elsewhere.
SECRET_KEYS = ("access_key_id", "secret_access_key")


def token(
    client: Client, service: Service, environ: Mapping[str, str], refused: str = ""
) -> Result[str, Problem]:
    """A token that is good now, and not the refused one."""
    source: TokenSource = load(TOKENS[way(client, service)])
    found = source(client, environ, refused)
    if isinstance(found, Success):
        issued.add(found.unwrap())
        redaction.add(found.unwrap())
    return found


#: The tokens that this process was given, which it may ask to be renewed.
issued: set[str] = set()


def load(place: str) -> Any:
    """A function by its place; what it needs is loaded with it, and only then."""
    module, _, name = place.rpartition(".")
    return getattr(import_module(module), name)


def proof_name(client: Client, service: Service) -> str | None:
    """The credential that counts: the first of the service's that is set."""
    return next((name for name in service.proofs if name in client.settings), None)


def part(client: Client, key: str, environ: Mapping[str, str]) -> Result[str, Problem]:
    """Something to sign with; a region is no secret, and messages may name it."""
    setting = client.settings[key]
    if key not in CREDENTIALS:
        return Success(setting.value)
    return look_up(setting, environ, end_of(client.limits))


def companions(client: Client, service: Service) -> list[str]:
    """What goes along with the keys; the environment's token fits only the environment's keys."""

    def is_theirs(key: str) -> bool:
        return client.settings[key].origin in service.variables.get(key, ())

    held = [key for key in service.more_keys if key in client.settings]
    return [key for key in held if is_theirs(service.keys[0]) or not is_theirs(key)]


def fill(headers: Mapping[str, str], environ: Mapping[str, str]) -> Result[dict[str, str], Problem]:
    """Headers with every ``{{NAME}}`` in them looked up."""

    if not any("{{" in value for value in headers.values()):
        return Success(dict(headers))

    def one(header: str, value: str) -> Result[str, Problem]:
        names = NAME.findall(value)
        found = gather(
            look_up(Setting(name, "name", f"header {header}"), environ) for name in names
        )
        pieces = NAME.split(value)[::2]  # what stands between the names
        return found.map(
            lambda secrets: "".join(map("".join, zip_longest(pieces, secrets, fillvalue="")))
        )

    return gather(one(*header) for header in headers.items()).map(
        lambda values: dict(zip(headers, values, strict=True))
    )


# ---- showing without telling -------------------------------------------------------------------


def masked(draft: Draft) -> Result[Draft, Problem]:
    """For a dry run: nothing is looked up, and whatever may be secret is ``***``."""
    client = draft.target.client
    service = service_of(client)
    assert service is not None
    name = "access_token" if way(client, service) in TOKENS else proof_name(client, service)
    name = name or (None if service.keyless or service.sign else list(service.proofs)[-1])
    signs = way(client, service) in KEYS
    proofs = service.proofs[name]("***") if name and not signs else {}
    more = {
        key: mask(key, value) if is_public(key) else "***"
        for key, value in along(client, service).items()
    }
    proofs = with_more(proofs, more)
    proofs = proofs or ({"Authorization": "***"} if service.sign else {})
    shown = {key: mask(key, value) for key, value in draft.headers.items()}
    url = draft.url.replace(SECRET_BASE, "https://***", 1)
    shown_url = mask_url(url) if is_address(url) else url  # which `build` will refuse
    return Success(replace(draft, url=shown_url, headers=with_proof(draft, proofs, shown)))
