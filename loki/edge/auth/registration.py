"""Client -> the OAuth client id that was typed at a login, kept beside the tokens."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import NamedTuple

from returns.result import Result, Success

from loki.edge import files
from loki.edge.auth.auth_context import AuthContext
from loki.edge.trust import (
    UntrustedFileError,
    make_private_folder,
    open_user_file,
    require_safe_folder,
)
from loki.problems import Problem, fail


class Registration(NamedTuple):
    """A program's registration with a provider; the secret is empty where there is none."""

    client_id: str = ""
    client_secret: str = ""


def registration_file(client: str, environ: Mapping[str, str]) -> str:
    """Return the path of a client's registration."""
    name = client.replace("/", "%2F")
    return f"{files.directory('cache', environ)}/oauth/registered/{name}.json"


def read_registration(client: str, context: AuthContext) -> Result[Registration, Problem]:
    """Return a client's registration, an empty one where none was kept."""
    path = registration_file(client, context.environ)
    try:
        require_safe_folder(path)
        with open(path, encoding="utf-8", opener=open_user_file) as file:
            kept = from_json(json.load(file))
            context.redactor.add(kept.client_secret)
            return Success(kept)
    except UntrustedFileError as error:
        return fail("config", str(error))
    except (OSError, ValueError, RecursionError):
        return Success(Registration())


def from_json(data: object) -> Registration:
    """Return the registration of the JSON that ``store_registration`` wrote.

    >>> from_json({"client_id": "a", "client_secret": ""}).client_id, from_json([]).client_id
    ('a', '')
    """
    match data:
        case {"client_id": str(client_id), "client_secret": str(secret)}:
            return Registration(client_id, secret)
    return Registration()


def store_registration(
    client: str, registration: Registration, environ: Mapping[str, str]
) -> Result[Registration, Problem]:
    """Write a client's registration, for the user's eyes only."""
    path = registration_file(client, environ)
    try:
        make_private_folder(os.path.dirname(path))
        require_safe_folder(path)
        files.write_private(path, json.dumps(registration._asdict()) + "\n")
    except UntrustedFileError as error:
        return fail("config", str(error))
    except OSError as error:
        return fail("config", f"cannot write {path}: {files.describe_os_error(error)}")
    return Success(registration)
