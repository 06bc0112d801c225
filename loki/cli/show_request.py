"""Request -> JSON or a curl command, as it may be shown: without any secret."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Container

from loki.config.build_config import variable_prefix
from loki.edge.auth.auth_method import credential_name
from loki.edge.auth.credentials import credential_headers
from loki.edge.auth.find_secrets import secrets_in_body
from loki.json_text import Json, compact
from loki.providers import provider_of, wire_of
from loki.record import replace
from loki.records import Client, Patch, Request
from loki.redaction.redactor import Redactor
from loki.stages.patch import patches_for


def without_secrets(body: Json, secrets: Container[str]) -> Json:
    """Return a body with ``***`` for what is a secret as a whole."""
    match body:
        case dict():
            return {key: without_secrets(value, secrets) for key, value in body.items()}
        case list():
            return [without_secrets(value, secrets) for value in body]
        case str() | int() | float() if str(body) in secrets:
            return "***"
        case _:
            return body


def masked_body(request: Request) -> Json:
    """Return the body of a request as it may be shown."""
    body = json.loads(request.content)
    return without_secrets(body, {*secrets_in_body(body, wire_of(request.target).content_keys)})


def as_json(request: Request, patched: Container[str]) -> str:
    """Return a request as one JSON object."""
    return json.dumps(
        {
            "method": "POST",
            "url": request.url,
            "headers": dict(request.headers),
            "body": masked_body(request),
        },
        ensure_ascii=False,
        indent=2,
    )


def as_curl(request: Request, patched: Container[str]) -> str:
    """Return a request as a command for a shell; only the client's own key becomes a variable.

    ``patched`` are the names of headers that a patch sets, in lower case.
    """
    client = request.target.client
    service, variable = provider_of(client), key_variable(client)
    own = credential_headers(client, service, "***") if service else {}
    keys = {name: value for name, value in own.items() if name.lower() not in patched}
    headers = [
        quoted(f"{name}: {value}", variable if keys.get(name) == value else "")
        for name, value in request.headers.items()
    ]
    lines = [f"curl {shlex.quote(request.url)}", *(f"-H {header}" for header in headers)]
    # a document in place: an argument may have 128 KiB, and an image is longer
    lines.append(f"--data @- <<'END'\n{compact(masked_body(request))}\nEND")
    command = " \\\n  ".join(lines)
    return f"{HIDDEN}\n{command}" if "***" in command else command


#: A comment above a command that does not work as it is.
HIDDEN = "# *** stands for a secret that is not shown: write it there"


def quoted(header: str, variable: str) -> str:
    """Return a header for a shell, a variable in place of the secret if there is one.

    >>> print(quoted("Authorization: Bearer ***", "OPENAI_API_KEY"), quoted("A: b", "X"))
    "Authorization: Bearer $OPENAI_API_KEY" 'A: b'
    """
    if not variable or header.count("***") != 1 or re.search(r'["$`\\\\]', header):
        return shlex.quote(header)
    return f'"{header.replace("***", f"${variable}")}"'


def key_variable(client: Client) -> str:
    """Return the environment variable that has a client's secret, or should have it."""
    service = provider_of(client)
    name = credential_name(client, service) if service else None
    setting = client.settings.get(name or "")
    known = [setting.value if setting.source == "name" else setting.origin] if setting else []
    own = f"{variable_prefix(client.name)}_{(name or 'access_token').upper()}"
    return next((word for word in known if re.fullmatch("[A-Z][A-Z0-9_]*", word)), own)


FORMS = {"json": as_json, "curl": as_curl}


def format_request(
    request: Request, form: str, redactor: Redactor, patches: tuple[Patch, ...] = ()
) -> str:
    """Return a request as it may be shown, without any known secret.

    ``patches`` are those of the command line, which may put a secret of another into a header.
    """
    applied = patches_for(request.target, patches)
    patched = {name.lower() for each in applied for name, value in each.headers.items() if value}
    redact = redactor.redact
    headers = {name: redact(value) for name, value in request.headers.items()}
    content = compact(redact_json(json.loads(request.content), redact)).encode()
    shown = replace(request, url=redact(request.url), headers=headers, content=content)
    return FORMS[form](shown, patched)


def redact_json(value: Json, redact: Callable[[str], str]) -> Json:
    """Return a value with each of its texts redacted, keys too; a number that is a secret is ***.

    >>> redact_json({"a": ["key-1", 1234, 5]}, Redactor("key-1", "1234").redact)
    {'a': ['***', '***', 5]}
    """
    match value:
        case dict():
            return {redact(name): redact_json(inner, redact) for name, inner in value.items()}
        case list():
            return [redact_json(inner, redact) for inner in value]
        case str():
            return redact(value)
        case int() | float() if redact(str(value)) != str(value):
            return "***"
        case _:
            return value
