"""IMPURE. Draft -> Draft with its credential: secrets are looked up here, last of all."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import zip_longest

from returns.result import Failure, Result, Success

from loki.clients import SECRET_BASE, Service, service_of
from loki.problems import Problem, fail
from loki.railway import gather
from loki.records import Client, Draft, Setting
from loki.stages.configure import variable
from loki.stages.patch import set_headers
from loki.stages.settings import CREDENTIALS, SENSITIVE

NAME = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
PATIENCE = 60  # seconds for a command that prints a secret

#: Every secret looked up or set by this process, so that none is ever printed.
seen: set[str] = set()


def authorize(environ: Mapping[str, str]) -> Callable[[Draft], Result[Draft, Problem]]:
    """Look up what the client in use needs, and put it where its provider expects it."""

    def stage(draft: Draft) -> Result[Draft, Problem]:
        client = draft.target.client
        service = service_of(client)
        assert service is not None  # else there would be no draft
        found = gather(
            (
                with_base(draft, environ),
                proof(client, service, environ),
                fill(draft.headers, environ),
            )
        )
        return found.map(
            lambda parts: replace(
                draft,
                url=parts[0],
                headers=remembered(with_proof(draft, parts[1][0], parts[2])),
                credentials=parts[1][1],
            )
        )

    return stage


def with_proof(
    draft: Draft, proofs: Mapping[str, str], headers: Mapping[str, str]
) -> dict[str, str]:
    """Credentials under the user's own headers; what a patch took away stays away."""
    every = set_headers(proofs, headers)
    return {name: value for name, value in every.items() if name.lower() not in draft.dropped}


def remembered(headers: Mapping[str, str]) -> Mapping[str, str]:
    """The same headers; what a user wrote into them as a secret is never printed either."""
    seen.update(value for name, value in headers.items() if SENSITIVE.search(name))
    return headers


def with_base(draft: Draft, environ: Mapping[str, str]) -> Result[str, Problem]:
    """The url, where its base was to be looked up."""
    if not draft.url.startswith(SECRET_BASE):
        return Success(draft.url)
    setting = draft.target.client.settings["api_base"]
    found = look_up(setting, environ)
    return found.map(lambda base: base.rstrip("/") + draft.url[len(SECRET_BASE) :])


#: Headers that say who asks, or what to sign with.
Proof = tuple[dict[str, str], dict[str, str]]


def proof(client: Client, service: Service, environ: Mapping[str, str]) -> Result[Proof, Problem]:
    """From the first credential that is set."""
    name = proof_name(client, service)
    if name is not None:
        found = look_up(client.settings[name], environ)
        return found.map(lambda value: (service.proofs[name](value), {}))
    missing = next((key for key in service.keys if key not in client.settings), "")
    if service.keys and not missing:
        held = [*service.keys, *companions(client, service)]
        values = gather(part(client, key, environ) for key in held)
        return values.map(lambda secrets: ({}, dict(zip(held, secrets, strict=True))))
    if service.keyless:
        return Success(({}, {}))
    missing = missing or "api_key"
    hint = f"{variable(client.name)}_{missing.upper()}"
    return fail(
        "auth",
        f"client {client.name!r} has no {missing}: set it in the configuration or as {hint}",
    )


def proof_name(client: Client, service: Service) -> str | None:
    """The credential that counts: the first of the service's that is set."""
    return next((name for name in service.proofs if name in client.settings), None)


def part(client: Client, key: str, environ: Mapping[str, str]) -> Result[str, Problem]:
    """Something to sign with; a region is no secret, and messages may name it."""
    setting = client.settings[key]
    return look_up(setting, environ) if key in CREDENTIALS else Success(setting.value)


def companions(client: Client, service: Service) -> list[str]:
    """What goes along with the keys; the environment's token fits only the environment's keys."""

    def is_theirs(key: str) -> bool:
        return client.settings[key].origin in service.variables.get(key, ())

    held = [key for key in service.more_keys if key in client.settings]
    return [key for key in held if is_theirs(service.keys[0]) or not is_theirs(key)]


def fill(headers: Mapping[str, str], environ: Mapping[str, str]) -> Result[dict[str, str], Problem]:
    """Headers with every ``{{NAME}}`` in them looked up."""

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


def look_up(setting: Setting, environ: Mapping[str, str]) -> Result[str, Problem]:
    """The value of a setting, from the one place that it names; never from another."""
    found = FORMS[setting.form](setting, environ)
    if isinstance(found, Success):
        seen.add(found.unwrap())
    return found


def by_name(setting: Setting, environ: Mapping[str, str]) -> Result[str, Problem]:
    """From the environment."""
    value = environ.get(setting.value)
    if value:
        return Success(value)
    return fail("auth", f"{setting.origin}: no environment variable {setting.value}")


def by_command(setting: Setting, environ: Mapping[str, str]) -> Result[str, Problem]:
    """The first line that a command prints."""
    import subprocess

    try:
        done = subprocess.run(
            setting.value,
            shell=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            env=dict(environ),
        )
    except subprocess.TimeoutExpired:
        return fail("auth", f"{setting.origin}: the command took over {PATIENCE} s")
    except (OSError, ValueError) as error:
        return fail("auth", f"{setting.origin}: the command cannot be run: {error}")
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        reason = f": {said[-1]}" if said else ""
        return fail("auth", f"{setting.origin}: the command failed with {done.returncode}{reason}")
    return first_line(done.stdout, setting, "the command printed nothing")


def by_file(setting: Setting, environ: Mapping[str, str]) -> Result[str, Problem]:
    """The first line of a file."""
    path = os.path.expanduser(setting.value)
    try:
        with open(path, "rb") as file:
            return first_line(file.read(65536), setting, f"{path} is empty")
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        return fail("auth", f"{setting.origin}: cannot read {path}: {reason}")


def first_line(data: bytes, setting: Setting, nothing: str) -> Result[str, Problem]:
    """The first line of what was read; an empty one is no secret."""
    line = data.decode("utf-8-sig", "replace").split("\n")[0].strip()
    return Success(line) if line else Failure(Problem("auth", f"{setting.origin}: {nothing}"))


FORMS: dict[str, Callable[[Setting, Mapping[str, str]], Result[str, Problem]]] = {
    "literal": lambda setting, environ: Success(setting.value),
    "name": by_name,
    "cmd": by_command,
    "file": by_file,
}


# ---- showing without telling -----------------------------------------------------------------


def masked(draft: Draft) -> Result[Draft, Problem]:
    """For a dry run: nothing is looked up, and whatever may be secret is ``***``."""
    client = draft.target.client
    service = service_of(client)
    assert service is not None
    name = proof_name(client, service)
    name = name or (None if service.keyless or service.sign else list(service.proofs)[-1])
    proofs = service.proofs[name]("***") if name else {}
    proofs = proofs or ({"Authorization": "***"} if service.sign else {})
    shown = {key: mask(key, value) for key, value in draft.headers.items()}
    url = draft.url.replace(SECRET_BASE, "https://***", 1)
    return Success(replace(draft, url=mask_url(url), headers=with_proof(draft, proofs, shown)))


def mask(name: str, value: str) -> str:
    """A header's value as it may be shown.

    >>> mask("X-Api-Key", "abc"), mask("X-Team", "{{TEAM}} a"), mask("Content-Type", "a/b")
    ('***', '*** a', 'a/b')
    """
    return "***" if SENSITIVE.search(name) else NAME.sub("***", value)


def mask_url(url: str) -> str:
    """An address without the secrets that some put into it.

    >>> mask_url("https://u:p@host/x?key=abc&alt=sse")
    'https://***@host/x?key=***&alt=sse'
    """
    bare = re.sub(r"(?<=://)[^/@]*@", "***@", url)
    return re.sub(r"(?i)([?&][^=&]*(?:key|token|secret|sig|pass)[^=&]*=)[^&]*", r"\1***", bare)


def redact(text: str, more: Iterable[str] = ()) -> str:
    """A text without any secret that this process has seen."""
    for secret in sorted({*seen, *more}, key=len, reverse=True):
        if len(secret) > 3:
            text = text.replace(secret, "***").replace(json.dumps(secret)[1:-1], "***")
    return text
